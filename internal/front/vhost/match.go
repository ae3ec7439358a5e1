package vhost

import (
	"path"
	"strings"
)

// A matcher tells whether one section applies. The error is regex.ErrLimit:
// nobody knows.
type matcher func(filename, base, url string) (bool, error)

// compile returns the matcher of s, without regard to what is Inside it.
func compile(s Section) matcher {
	if s.Regexp != nil {
		return compileRegexp(s)
	}
	wild := strings.ContainsAny(s.Pattern, "*?[")
	switch s.Kind {
	case Directory:
		return directory(s.Pattern)
	case Files:
		return func(_, base, _ string) (bool, error) {
			return base != "" && (s.Pattern == base || wild && matches(s.Pattern, base)), nil
		}
	}
	if wild {
		return func(_, _, url string) (bool, error) { return matches(s.Pattern, url), nil }
	}
	return func(_, _, url string) (bool, error) { return below(s.Pattern, url), nil }
}

func compileRegexp(s Section) matcher {
	switch s.Kind {
	case Directory, DirectoryMatch:
		return func(filename, _, _ string) (bool, error) { return anyPrefix(filename, s.Regexp.Match) }
	case Files, FilesMatch:
		return func(_, base, _ string) (bool, error) {
			if base == "" {
				return false, nil
			}
			return s.Regexp.Match(base)
		}
	}
	return func(_, _, url string) (bool, error) { return s.Regexp.Match(url) }
}

// directory matches whole components: of the pattern with * ? [ ] within one
// component, and everything below.
func directory(pattern string) matcher {
	want := components(pattern)
	return func(filename, _, _ string) (bool, error) {
		if filename == "" {
			return false, nil
		}
		rest := strings.TrimPrefix(filename, "/")
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

// anyPrefix reports whether match takes filename or one of the directories
// above it, as httpd does when it walks down. A directory is tried with and
// without its final slash.
func anyPrefix(filename string, match func(string) (bool, error)) (bool, error) {
	for i := 1; i <= len(filename); i++ {
		if i < len(filename) && filename[i] != '/' {
			continue
		}
		for end := i; end <= min(i+1, len(filename)); end++ {
			if matched, err := match(filename[:end]); matched || err != nil {
				return matched, err
			}
		}
	}
	return false, nil
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
