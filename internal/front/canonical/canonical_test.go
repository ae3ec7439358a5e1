package canonical

import (
	"errors"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
)

func TestParse(t *testing.T) {
	for _, test := range []struct{ rule, target, decoded, mount, encoded string }{
		{"plain", "/a/b.html", "/a/b.html", "/a/b.html", "/a/b.html"},
		{"the root", "/", "/", "/", "/"},
		{"without the query", "/a?b=%zz/../c", "/a", "/a", "/a"},
		{"absolute form", "http://site.example:8080/a?x", "/a", "/a", "/a"},
		{"absolute form without a path", "http://site.example", "/", "/", "/"},
		{"server-wide OPTIONS", "*", "*", "*", "*"},
		{"escapes", "/f%20a%7Cb", "/f a|b", "/f a|b", "/f%20a%7Cb"},
		{"needless escapes", "/%61%2e%7Eb", "/a.~b", "/a.~b", "/a.~b"},
		{"decoded once", "/f%2541", "/f%41", "/f%41", "/f%2541"},
		{"reserved that stay", "/f%2B%26%3d%40", "/f+&=@", "/f+&=@", "/f+&=@"},
		{"reserved that must not appear", "/f%3f%23%25", "/f?#%", "/f?#%", "/f%3F%23%25"},
		{"backslash", `/f%5c\g`, `/f\\g`, `/f\\g`, "/f%5C%5Cg"},
		{"UTF-8, encoded or not", "/%c3%a9é", "/éé", "/éé", "/%C3%A9%C3%A9"},
		{"bytes that are not UTF-8", "/%ff\xfe", "/\xff\xfe", "/\xff\xfe", "/%FF%FE"},
		{"double slashes", "//a///b//", "/a/b/", "/a/b/", "/a/b/"},
		{"dots", "/a/./b/../c/.", "/a/c/", "/a/c/", "/a/c/"},
		{"two dots at the end", "/a/b/..", "/a/", "/a/", "/a/"},
		{"back to the root", "/a/..", "/", "/", "/"},
		{"encoded dots", "/a/%2e%2E/b", "/b", "/b", "/b"},
		{"names that begin with dots", "/.a/..b/...", "/.a/..b/...", "/.a/..b/...", "/.a/..b/..."},
		{"a parameter", "/a.do;jsessionid=1F.n1", "/a.do;jsessionid=1F.n1", "/a.do", "/a.do;jsessionid=1F.n1"},
		{"parameters anywhere", "/a;x=1/b;y;z=2/c", "/a;x=1/b;y;z=2/c", "/a/b/c", "/a;x=1/b;y;z=2/c"},
		{"an encoded semicolon is a byte of the name", "/a%3Bx=1", "/a;x=1", "/a;x=1", "/a%3Bx=1"},
		{"and in a parameter", "/a;x=%3By", "/a;x=;y", "/a", "/a;x=%3By"},
		{"only a parameter", "/;x/a", "/;x/a", "/a", "/;x/a"},
		{"only a parameter at the end", "/app/;jsessionid=1", "/app/;jsessionid=1", "/app/", "/app/;jsessionid=1"},
		{"a parameter is dropped with its segment", "/a;x/../b", "/b", "/b", "/b"},
	} {
		got, err := Parse(test.target)
		if want := (exchange.Path{Decoded: test.decoded, Mount: test.mount, Encoded: test.encoded}); err != nil || got != want {
			t.Errorf("%s: %q is\n %+v, %v, want\n %+v", test.rule, test.target, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		rule, target string
		status       int
	}{
		{"a bad escape", "/%zz", 400}, {"a short escape", "/a%4", 400}, {"a lone percent", "/%", 400},
		{"above the root", "/..", 400}, {"above the root, later", "/a/../../b", 400}, {"encoded", "/%2e%2e/etc", 400},
		{"dots with a parameter", "/a/..;/b", 400}, {"dots with a parameter", "/..;x=1/b", 400}, {"a dot with one", "/a/.;/b", 400},
		{"encoded dots with one", "/a/%2e%2e;x/b", 400}, {"dots with an encoded semicolon", "/a/..%3Bx/b", 400},
		{"an encoded slash", "/a%2Fb", 404}, {"in lower case", "/a%2fb", 404}, {"NUL", "/a%00", 404}, {"in a parameter", "/a;x=%2f", 404},
		{"no slash", "a", 400}, {"nothing", "", 400},
	} {
		got, err := Parse(test.target)
		refusal, ok := errors.AsType[*exchange.Refusal](err)
		if !ok || refusal.Status != test.status || got != (exchange.Path{}) {
			t.Errorf("%s: %q gives %+v, %v, want %d", test.rule, test.target, got, err, test.status)
		}
	}
}

func TestPlainPathsCostNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Parse("/shop/cart.do?item=1") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: whatever comes, the shapes agree with each other.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/a/b.html", "/f%20a%3Bb;x=%31", "//a/./b/../c", "/a;x/..;/b", "/%2e%2e/", "/a%2Fb", "/%c3%a9", `/\`, "/;", "/;/;x/", "http://h/a", "*", "/a%3B/%3b..",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		p, err := Parse(target)
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
		again, err := Parse(p.Encoded)
		if err != nil || again != p {
			t.Fatalf("%q is %+v; its encoded form is %+v, %v", target, p, again, err)
		}
		if tomcat := asTomcat(p.Encoded); tomcat != p.Mount {
			t.Fatalf("a container takes %q for %q, the mounts for %q", p.Encoded, tomcat, p.Mount)
		}
	})
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
