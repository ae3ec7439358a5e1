package node

import (
	"net/url"
	"strings"
)

// A target is the path of a request, without dot segments and empty ones.
type target struct {
	path    string // decoded, without path parameters: what decides who answers
	escaped string // with its path parameters, as the client has escaped it
}

// resolve reads an escaped path. ok is false for one that two readers could
// take for two things: that climbs above its root, that has dot segments with
// path parameters, an escaped slash, a backslash or a NUL.
//
// Source: Tomcat's CoyoteAdapter.normalize, but for dot segments with
// parameters.
func resolve(escaped string) (t target, ok bool) {
	if !strings.HasPrefix(escaped, "/") {
		return target{}, false
	}
	if !strings.ContainsAny(escaped, "%;\\\x00") && !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") {
		return target{escaped, escaped}, true
	}
	segments := strings.Split(escaped[1:], "/")
	var names, kept []string
	folder := false // the last segment names one
	for i, segment := range segments {
		name, _, parameters := strings.Cut(segment, ";")
		name, err := url.PathUnescape(name)
		if err != nil || strings.ContainsAny(name, "/\\\x00") {
			return target{}, false
		}
		last := i == len(segments)-1
		switch name {
		case ".", "..":
			if parameters || name == ".." && len(names) == 0 {
				return target{}, false
			}
			if name == ".." {
				names, kept = names[:len(names)-1], kept[:len(kept)-1]
			}
			folder = last
			continue
		case "":
			if !last {
				continue
			}
		}
		names, kept = append(names, name), append(kept, segment)
	}
	if folder {
		names, kept = append(names, ""), append(kept, "")
	}
	return target{"/" + strings.Join(names, "/"), "/" + strings.Join(kept, "/")}, true
}

// url returns u with the path of t.
func (t target) url(u *url.URL) (*url.URL, error) {
	decoded, err := url.PathUnescape(t.escaped)
	if err != nil {
		return nil, err
	}
	fresh := *u
	fresh.Path, fresh.RawPath = decoded, ""
	if fresh.EscapedPath() != t.escaped {
		fresh.RawPath = t.escaped
	}
	return &fresh, nil
}
