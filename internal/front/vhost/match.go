package vhost

import (
	"path"
	"strings"
)

// A target is what sections look at.
type target struct {
	url    string // canonical path
	name   string // of the file, as File.Name
	folder string // the folder that name is, or is in; with <Directory> only this counts
	base   string // what follows the last slash of name; empty for a folder asked for with its slash
}

// newTarget splits name; isFolder tells that it is a folder though it does not
// end in a slash.
func newTarget(url, name string, isFolder bool) target {
	t := target{url: url, name: name, folder: name}
	if name == "" {
		return t
	}
	end := strings.LastIndexByte(name, '/')
	t.base = name[end+1:]
	if !isFolder {
		t.folder = name[:end+1]
	}
	return t
}

// A matcher tells whether one section applies. The error is regex.ErrLimit:
// nobody knows.
type matcher func(t target) (bool, error)

// compile returns the matcher of s, without regard to what is Inside it.
//
// Source: httpd server/request.c, ap_directory_walk, ap_file_walk and
// ap_location_walk, as seen at work: an expression of <DirectoryMatch> is held
// against the whole name of the file, not against each folder above it.
func compile(s Section) matcher {
	if s.Regexp != nil {
		return compileRegexp(s)
	}
	wild := strings.ContainsAny(s.Pattern, "*?[")
	switch s.Kind {
	case Directory:
		return directory(s.Pattern)
	case Files:
		return func(t target) (bool, error) {
			return t.name != "" && (s.Pattern == t.base || wild && matches(s.Pattern, t.base)), nil
		}
	}
	if wild {
		return func(t target) (bool, error) { return matches(s.Pattern, t.url), nil }
	}
	return func(t target) (bool, error) { return below(s.Pattern, t.url), nil }
}

func compileRegexp(s Section) matcher {
	of := func(t target) string { return t.url }
	switch s.Kind {
	case Directory, DirectoryMatch:
		of = func(t target) string { return t.name }
	case Files, FilesMatch:
		of = func(t target) string { return t.base }
	}
	return func(t target) (bool, error) {
		if s.Kind < Location && t.name == "" {
			return false, nil
		}
		return s.Regexp.Match(of(t))
	}
}

// directory matches whole components: of the pattern with * ? [ ] within one
// component, and everything below.
func directory(pattern string) matcher {
	want := components(pattern)
	return func(t target) (bool, error) {
		if t.folder == "" {
			return false, nil
		}
		rest := strings.TrimPrefix(t.folder, "/")
		for _, w := range want {
			if rest == "" {
				return false, nil
			}
			name, after, _ := strings.Cut(rest, "/")
			if name != w && !matches(w, name) {
				return false, nil
			}
			rest = after
		}
		return true, nil
	}
}

// components splits a directory path, "/" having none.
func components(name string) []string {
	name = strings.Trim(name, "/")
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// below matches url itself and what is below it; a pattern that ends in a
// slash only what is below.
func below(pattern, url string) bool {
	if !strings.HasPrefix(url, pattern) {
		return false
	}
	return len(url) == len(pattern) || strings.HasSuffix(pattern, "/") || url[len(pattern)] == '/'
}

// matches is a shell pattern in which nothing but a slash matches a slash. A
// malformed pattern matches nothing but itself.
func matches(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}
