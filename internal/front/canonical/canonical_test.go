package canonical

import (
	"errors"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

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
		{"the session's own", "/shop/cart.do;jsessionid=%41B.n1?x=%zz", "/shop/cart.do;jsessionid=AB.n1", "/shop/cart.do", "/shop/cart.do;jsessionid=AB.n1"},
		{"an empty one", "/a;/b;;", "/a;/b;;", "/a/b", "/a;/b;;"},
		{"with a double slash", "/a;x//b;y/", "/a;x/b;y/", "/a/b/", "/a;x/b;y/"},
		{"only parameters, again and again", "/;/a/;x/;y/b/;", "/;/a/;x/;y/b/;", "/a/b/", "/;/a/;x/;y/b/;"},
		{"only a parameter, and back", "/app/;a/../x", "/app/x", "/app/x", "/app/x"},
		{"an encoded semicolon before a parameter", "/a%3bx;y=1", "/a;x;y=1", "/a;x", "/a%3Bx;y=1"},
		{"of nothing but one", "/%3b/a", "/;/a", "/;/a", "/%3B/a"},
		{"control bytes that are encoded", "/a%01%0d%0A%7f", "/a\x01\r\n\x7f", "/a\x01\r\n\x7f", "/a%01%0D%0A%7F"},
		{"overlong dots are no dots", "/a/%c0%ae%c0%ae/b", "/a/\xc0\xae\xc0\xae/b", "/a/\xc0\xae\xc0\xae/b", "/a/%C0%AE%C0%AE/b"},
		{"backslashes separate nothing", `/a/..\b/%5c../c`, `/a/..\b/\../c`, `/a/..\b/\../c`, "/a/..%5Cb/%5C../c"},
		{"dots encoded twice", "/a/%252e%252e/b", "/a/%2e%2e/b", "/a/%2e%2e/b", "/a/%252e%252e/b"},
		{"absolute form of https, in capitals", "HTTPS://site.example/a/../b", "/b", "/b", "/b"},
		{"absolute form with only a query", "http://site.example?x", "/", "/", "/"},
		{"a URL in the path", "/a?http://x/..", "/a", "/a", "/a"},
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
		{"in an absolute URL", "http://site.example/a%00", 404},
		{"no slash", "a", 400}, {"nothing", "", 400}, {"only a query", "?a", 400}, {"another scheme", "ftp://site.example/a", 400}, {"no host", "http:///a", 400}, {"one slash", "http:/a", 400},
		{"a user", "http://me@site.example/", 400}, {"a control byte", "/a\tb", 400}, {"another", "/a\x7f", 400}, {"NUL as it is", "/a\x00", 400}, {"a fragment", "/a#b", 400}, {"in the query", "/a?b#c", 400},
		{"one dot with a parameter at the end", "/a/.;", 400}, {"dots that are climbed over", "/a/..;x/../b", 400}, {"one dot with an encoded semicolon", "/a/%2E%3b", 400}, {"after a parameter", "/a;x/..;/..;/b", 400},
		{"Microsoft's escapes", "/%u0041", 400}, {"a parameter of the root", "/..;/a", 400},
	} {
		got, err := Parse(test.target)
		refusal, ok := errors.AsType[*exchange.Refusal](err)
		if !ok || refusal.Status != test.status || got != (exchange.Path{}) {
			t.Errorf("%s: %q gives %+v, %v, want %d", test.rule, test.target, got, err, test.status)
		}
	}
}

// TestAllocations: a plain path costs nothing, others what their shapes take.
func TestAllocations(t *testing.T) {
	for target, most := range map[string]float64{
		"/shop/cart.do?item=1":                0,
		"http://site.example/shop/":           0,
		"/shop/cart.do;jsessionid=1F.n1?item": 1,
	} {
		if n := testing.AllocsPerRun(100, func() { Parse(target) }); n > most {
			t.Errorf("%s: %v allocations, want %v", target, n, most)
		}
	}
}

// TestRefusalSays what httpd says.
func TestRefusalSays(t *testing.T) {
	_, err := Parse("/../x")
	if want := "400: invalid URI path (/../x): it climbs above the root"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Parse("/a%2Fb")
	if refusal, ok := errors.AsType[*exchange.Refusal](err); !ok || refusal.Code != "AH00026" || refusal.Level != "info" || refusal.Module != "core" {
		t.Errorf("%+v", err)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, target := range []string{"/shop/cart.do?item=1", "/shop/cart.do;jsessionid=1F.n1", "/a%20b/../x"} {
		b.Run(target, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(target)
			}
		})
	}
}

// TestSlashes: what httpd made of the same paths.
func TestSlashes(t *testing.T) {
	for _, test := range []struct {
		rule                            string
		slashes                         Slashes
		target, decoded, mount, encoded string // decoded "" is a refusal
	}{
		{"off", SlashesRefused, "/a%2fb", "", "", ""},
		{"on", SlashesDecoded, "/a%2fb%2F", "/a/b/", "/a/b/", "/a/b/"},
		{"on: dots behind them", SlashesDecoded, "/a%2f..%2fb", "/b", "/b", "/b"},
		{"on: several", SlashesDecoded, "/a%2f%2fb", "/a/b", "/a/b", "/a/b"},
		{"on: above the root", SlashesDecoded, "/a%2f..%2f..%2fb", "", "", ""},
		{"on: not twice", SlashesDecoded, "/a%252fb", "/a%2fb", "/a%2fb", "/a%252fb"},
		{"kept", SlashesKept, "/a%2fb%2F", "/a%2fb%2F", "/a%2fb%2F", "/a%252fb%252F"},
		{"kept: no dot segment", SlashesKept, "/a%2f..%2fb", "/a%2f..%2fb", "/a%2f..%2fb", "/a%252f..%252fb"},
		{"kept: NUL is not", SlashesKept, "/a%00b", "", "", ""},
		{"unparsed: rules see slashes", SlashesUnparsed, "/a%2f..%2fb;x=1", "/a%2f..%2fb;x=1", "/b", "/a%252f..%252fb;x=1"},
		{"unparsed: above the root", SlashesUnparsed, "/..%2fb", "", "", ""},
		{"unparsed: without any", SlashesUnparsed, "/a/b", "/a/b", "/a/b", "/a/b"},
	} {
		got, err := test.slashes.Parse(test.target)
		if want := (exchange.Path{Decoded: test.decoded, Mount: test.mount, Encoded: test.encoded}); got != want || (err != nil) != (test.decoded == "") {
			t.Errorf("%s: %q is\n %+v, %v, want\n %+v", test.rule, test.target, got, err, want)
		}
	}
}
