package serverxml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
)

// maxText bounds how many bytes of a file are read.
const maxText = 8 << 20

// parse reads a file that has to be there.
func (l *loader) parse(file string) *syntax.Element {
	text, err := readText(file)
	if err != nil {
		l.found.Add(mistake.Mistake{Pos: mistake.Pos{File: file}, Text: reasonOf(err)})
		return nil
	}
	return l.parseText(file, text)
}

// parseText parses the text of a file, and notes its mistakes.
func (l *loader) parseText(file string, text []byte) *syntax.Element {
	l.texts[file] = strings.Split(string(text), "\n")
	root, found := syntax.Parse(file, text, syntax.Options{Property: l.property})
	l.found = append(l.found, found...)
	return root
}

// reasonOf is err without the name of the file, which stands before it.
func reasonOf(err error) string {
	if p, ok := err.(*os.PathError); ok { //nolint:errorlint // it is what package os returns
		return p.Err.Error()
	}
	return err.Error()
}

// readText returns what is in a file.
func readText(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err == nil && len(text) > maxText {
		return nil, fmt.Errorf("it has more than %d MiB", maxText>>20)
	}
	return text, err
}

// optional reads a file that need not be there, once: nil without a problem if
// it is not. What is wrong with it is told as what has no effect.
func (l *loader) optional(file string) (root *syntax.Element, problem string) {
	if known, ok := l.files[file]; ok {
		return known.root, known.problem
	}
	defer func() { l.files[file] = fileText{root, problem} }()
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir():
		return nil, ""
	case err == nil && !info.Mode().IsRegular():
		return nil, "it is no plain file"
	case err != nil:
		return nil, reasonOf(err)
	}
	text, err := readText(file)
	if err != nil {
		return nil, reasonOf(err)
	}
	before := len(l.found)
	if root = l.parseText(file, text); root == nil {
		problem = "it is not well-formed"
	}
	for i := range l.found[before:] {
		l.found[before+i].Severity = mistake.Warning
	}
	return root, problem
}

// A fileText is a file that was read.
type fileText struct {
	root    *syntax.Element
	problem string
}
