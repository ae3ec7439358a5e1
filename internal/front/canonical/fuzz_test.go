package canonical

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzParse: whatever comes, the shapes agree with each other.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/a/b.html", "/f%20a%3Bb;x=%31", "//a/./b/../c", "/a;x/..;/b", "/%2e%2e/", "/a%2Fb", "/%c3%a9", `/\`, "/;", "/;/;x/", "http://h/a", "*", "/a%3B/%3b..",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		for _, s := range []Slashes{SlashesRefused, SlashesDecoded, SlashesKept} {
			agree(t, s, target)
		}
		if p, err := SlashesUnparsed.Parse(target); err == nil && p.Decoded != "*" {
			if decoded, _ := SlashesDecoded.Parse(target); decoded.Mount != p.Mount {
				t.Fatalf("%q: a container that decodes it sees %q, the mounts %q", target, decoded.Mount, p.Mount)
			}
		}
	})
}

// agree holds the shapes of target against each other.
func agree(t *testing.T, s Slashes, target string) {
	p, err := s.Parse(target)
	if err != nil || p.Decoded == "*" {
		return
	}
	for shape, path := range map[string]string{"decoded": p.Decoded, "mount": p.Mount, "encoded": p.Encoded} {
		if path == "" || path[0] != '/' || strings.Contains(path, "//") || strings.IndexByte(path, 0) >= 0 {
			t.Fatalf("%s of %q is %q", shape, target, path)
		}
		for s := range strings.SplitSeq(path, "/") {
			if s == "." || s == ".." {
				t.Fatalf("%s of %q keeps a dot segment: %q", shape, target, path)
			}
		}
	}
	for i := range len(p.Encoded) {
		if c := p.Encoded[i]; !unreserved[c] && c != '%' && c != ';' {
			t.Fatalf("encoded holds %q: %q", c, p.Encoded)
		}
	}
	if once, _ := url.PathUnescape(p.Encoded); once != p.Decoded {
		t.Fatalf("%q decoded once is %q, want %q", p.Encoded, once, p.Decoded)
	}
	again, err := Parse(p.Encoded)
	if err != nil || again != p {
		t.Fatalf("%q is %+v; its encoded form is %+v, %v", target, p, again, err)
	}
	if tomcat := asTomcat(p.Encoded); tomcat != p.Mount {
		t.Fatalf("a container takes %q for %q, the mounts for %q", p.Encoded, tomcat, p.Mount)
	}
}

// asTomcat reads a path as a container does: parameters off, then decoded,
// then normalised.
func asTomcat(encoded string) string {
	var segments []string
	for s := range strings.SplitSeq(encoded[1:], "/") {
		s, _, _ = strings.Cut(s, ";")
		var b []byte
		for i := 0; i < len(s); i++ {
			c := s[i]
			if c == '%' {
				c = byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
				i += 2
			}
			b = append(b, c)
		}
		segments = append(segments, string(b))
	}
	path := "/" + strings.Join(segments, "/")
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}
