package static

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// A TypeMap maps an extension, in lower case without its dot, to a media type.
type TypeMap map[string]string

// Config says how files are served.
type Config struct {
	Types TypeMap // TypesConfig
}

// Bounds of a mime.types file.
const (
	typesLine = 8 << 10
	typesMost = 1 << 17 // extensions
)

// ParseTypes reads a file in the form of mime.types: a media type and its
// extensions a line, comments from # on. The error names the line.
func ParseTypes(r io.Reader) (TypeMap, error) {
	types := TypeMap{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1024), typesLine)
	n := 0
	for lines.Scan() {
		n++
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if !strings.Contains(words[0], "/") {
			return nil, fmt.Errorf("line %d: %q is no media type", n, words[0])
		}
		for _, ext := range words[1:] {
			types[strings.ToLower(strings.TrimPrefix(ext, "."))] = words[0]
		}
		if len(types) > typesMost {
			return nil, fmt.Errorf("line %d: more than %d extensions", n, typesMost)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return types, nil
}
