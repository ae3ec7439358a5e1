package vhost

import (
	"path"
	"strings"
)

// A matcher tells whether one section applies.
type matcher func(filename, base, url string) bool

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
		return func(_, base, _ string) bool {
			return base != "" && (s.Pattern == base || wild && matches(s.Pattern, base))
		}
	}
	if wild {
		return func(_, _, url string) bool { return matches(s.Pattern, url) }
	}
	return func(_, _, url string) bool { return below(s.Pattern, url) }
}

func compileRegexp(s Section) matcher {
	switch s.Kind {
	case Directory, DirectoryMatch:
		return func(filename, _, _ string) bool { return filename != "" && anyPrefix(filename, s.Regexp.MatchString) }
	case Files, FilesMatch:
		return func(_, base, _ string) bool { return base != "" && s.Regexp.MatchString(base) }
	}
	return func(_, _, url string) bool { return s.Regexp.MatchString(url) }
}

// directory matches whole components: of the pattern with * ? [ ] within one
// component, and everything below.
func directory(pattern string) matcher {
	want := components(pattern)
	return func(filename, _, _ string) bool {
		if filename == "" {
			return false
		}
		rest := strings.TrimPrefix(filename, "/")
		for _, w := range want {
			if rest == "" {
				return false
			}
			name, after, _ := strings.Cut(rest, "/")
			if name != w && !matches(w, name) {
				return false
			}
			rest = after
		}
		return true
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
func anyPrefix(filename string, match func(string) bool) bool {
	for i := 1; i <= len(filename); i++ {
		if i == len(filename) || filename[i] == '/' {
			if match(filename[:i]) {
				return true
			}
			if i < len(filename) && match(filename[:i+1]) {
				return true
			}
		}
	}
	return false
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
