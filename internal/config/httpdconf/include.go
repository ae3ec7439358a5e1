package httpdconf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/catflap/catflap/internal/mistake"
)

// maxFolders is how deep Include follows the folders of a folder.
const maxFolders = 20

// An inclusion is one Include line at work.
type inclusion struct {
	line     *line
	offset   int    // of its argument
	name     string // its argument
	optional bool
	into     *reading
}

func (p *parser) include(r *reading, l *line, d Directive) {
	p.carried(d)
	optional := strings.EqualFold(d.Name, "IncludeOptional")
	takes := "one argument, Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file"
	if optional {
		takes = "one argument, Name or pattern of the config file(s) to be included; ignored if the file does not exist or the pattern does not match any files"
	}
	if !p.wants(l, &d, 1, 1, takes) {
		return
	}
	in := &inclusion{line: l, offset: argAt(l, 0), name: d.Args[0].Text, optional: optional, into: r}
	if len(p.including) > p.MaxDepth {
		p.fail(l, in.offset, "", fmt.Sprintf("Exceeded maximum include depth of %d, There appears to be a recursion.", p.MaxDepth), p.cycle())
		p.stopped = true
		return
	}
	name := p.path(d.Args[0].Text)
	if !hasWildcard(name) {
		p.includeName(in, name, 0)
		return
	}
	root, rest := "", name
	if filepath.IsAbs(name) {
		root, rest = "/", name[1:]
	}
	p.includeMatches(in, root, rest)
}

// cycle names the files that include each other without end.
func (p *parser) cycle() string {
	last := p.including[len(p.including)-1]
	for i := len(p.including) - 2; i >= 0; i-- {
		if p.including[i] == last {
			return fmt.Sprintf("break the circle: %s", strings.Join(p.including[i:], " includes "))
		}
	}
	return "include fewer files from each other"
}

// path returns a name of the configuration as the system takes it.
func (p *parser) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(p.root, name)
}

// hasWildcard tells whether httpd takes name for a pattern.
func hasWildcard(name string) bool {
	open := strings.IndexByte(name, '[')
	return strings.ContainsAny(name, "*?") || open >= 0 && strings.Contains(name[open:], "]")
}

// includeMatches includes what matches the pattern rest below folder, sorted
// by name, one part of the path at a time.
//
// Source: httpd server/config.c, ap_process_fnmatch_configs.
func (p *parser) includeMatches(in *inclusion, folder, rest string) {
	part, after, more := strings.Cut(rest, "/")
	if !hasWildcard(rest) {
		p.includeName(in, join(folder, rest), 0)
		return
	}
	if !hasWildcard(part) {
		p.includeMatches(in, join(folder, part), after)
		return
	}
	shown := folder
	if shown == "" {
		shown = "."
	}
	entries, err := p.Files.ReadDir(shown)
	if err != nil {
		p.cannot(in, fmt.Sprintf("Include/IncludeOptional: Could not open directory %s", shown), err)
		return
	}
	var matches []string
	for _, entry := range entries {
		name := join(folder, entry.Name())
		if matchesPart(part, entry.Name()) && (!more || p.isFolder(name)) {
			matches = append(matches, name)
		}
	}
	if len(matches) == 0 && !in.optional {
		p.fail(in.line, in.offset, "", fmt.Sprintf("Include/IncludeOptional: No matches for the wildcard '%s' in '%s', failing", part, shown),
			"use IncludeOptional if that is allowed")
	}
	slices.Sort(matches)
	for _, name := range matches {
		if p.stopped {
			return
		}
		if more {
			p.includeMatches(in, name, after)
		} else {
			p.includeName(in, name, 0)
		}
	}
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return path.Join(folder, name)
}

// matchesPart tells whether a name in a folder matches a part of a pattern; a
// dot at its start has to be written.
func matchesPart(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return ok && err == nil
}

func (p *parser) isFolder(name string) bool {
	info, err := p.Files.Stat(name)
	return err == nil && info.IsDir()
}

// includeName reads a file, or all files of a folder and of those in it.
func (p *parser) includeName(in *inclusion, name string, depth int) {
	info, err := p.Files.Stat(name)
	switch {
	case err != nil:
		p.cannot(in, fmt.Sprintf("Could not open configuration file %s", name), err)
	case info.IsDir():
		p.includeFolder(in, name, depth)
	case !info.Mode().IsRegular() && name != "/dev/null":
		p.fail(in.line, in.offset, "", fmt.Sprintf("Access to file %s denied by server: not a regular file", name), "")
	default:
		content, ok := p.content(name, func(err error) {
			p.cannot(in, fmt.Sprintf("Could not open configuration file %s", name), err)
		})
		if ok {
			in.into.emit(p.readFile(name, content)...)
		}
	}
}

func (p *parser) includeFolder(in *inclusion, name string, depth int) {
	if depth >= maxFolders {
		p.fail(in.line, in.offset, "", fmt.Sprintf("Directory %s exceeds the maximum include directory nesting level of %d. "+
			"You have probably a recursion somewhere.", name, maxFolders), "")
		return
	}
	entries, err := p.Files.ReadDir(name)
	if err != nil {
		p.cannot(in, fmt.Sprintf("Could not open config directory %s", name), err)
		return
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		if p.stopped {
			return
		}
		p.includeName(in, join(name, entry.Name()), depth+1)
	}
}

// cannot reports that the file system refused; what IncludeOptional misses is
// no mistake.
func (p *parser) cannot(in *inclusion, what string, err error) {
	switch {
	case in.optional && errors.Is(err, fs.ErrNotExist):
	case p.mayNotRead(err):
		p.tree.Unread = append(p.tree.Unread, Unread{in.line.at(in.offset), in.name})
		p.warn(in.line, in.offset, "", fmt.Sprintf("%s: %s: it was not checked", what, reason(err)), "check as the user that runs the server")
	default:
		fix := ""
		if errors.Is(err, fs.ErrNotExist) {
			fix = "IncludeOptional allows a missing file"
		}
		if root := p.root; fix != "" && !filepath.IsAbs(in.name) {
			if root == "" {
				root = "the folder that the process is in, as there is no ServerRoot yet"
			}
			fix = fmt.Sprintf("%s begins at %s; %s", in.name, root, fix)
		}
		p.fail(in.line, in.offset, "", fmt.Sprintf("%s: %s", what, reason(err)), fix)
	}
}

func (p *parser) mayNotRead(err error) bool {
	return p.Unprivileged && errors.Is(err, fs.ErrPermission)
}

// reason returns the system's words for err, as httpd shows them.
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text := errno.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err.Error()
	}
	return err.Error()
}

// readMain reads the main file.
func (p *parser) readMain(name string) []Directive {
	content, ok := p.content(name, func(err error) {
		p.add(mistake.Mistake{Pos: mistake.Pos{File: name}, Text: fmt.Sprintf("Could not open configuration file %s: %s", name, reason(err))})
	})
	if !ok {
		return nil
	}
	return p.readFile(name, content)
}

// readFile returns the directives of a file.
func (p *parser) readFile(name string, content []byte) []Directive {
	p.tree.Files = append(p.tree.Files, name)
	p.including = append(p.including, name)
	defer func() { p.including = p.including[:len(p.including)-1] }()
	return p.read(p.fromText(name, content))
}

// content returns what is in a file, within the bounds.
func (p *parser) content(name string, cannot func(error)) ([]byte, bool) {
	if p.files++; p.files > p.MaxFiles {
		p.tooMuch(name, 0, fmt.Sprintf("more than %d files are included", p.MaxFiles))
		return nil, false
	}
	file, err := p.Files.Open(name)
	if err != nil {
		cannot(err)
		return nil, false
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, p.MaxBytes-p.bytes+1))
	if err != nil {
		cannot(err)
		return nil, false
	}
	return content, p.spend(name, 0, int64(len(content)))
}

// spend counts n more bytes that were read or made. It stops the reading once
// they are too many.
func (p *parser) spend(file string, number int, n int64) bool {
	if p.bytes += n; p.bytes > p.MaxBytes {
		p.tooMuch(file, number, fmt.Sprintf("all files, variables and macros together have more than %d bytes", p.MaxBytes))
		return false
	}
	return true
}

// spendLine counts one more line.
func (p *parser) spendLine(file string, number int) bool {
	if p.lines++; p.lines > p.MaxLines {
		p.tooMuch(file, number, fmt.Sprintf("all files and macros together have more than %d lines", p.MaxLines))
		return false
	}
	return true
}

func (p *parser) tooMuch(file string, number int, text string) {
	if !p.stopped {
		p.add(mistake.Mistake{Pos: mistake.Pos{File: file, Line: number}, Text: text + ": the rest is not read"})
	}
	p.stopped = true
}
