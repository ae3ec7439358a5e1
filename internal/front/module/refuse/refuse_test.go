package refuse

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// asked is a GET of path, of which file is looked for.
func asked(path, file string) *exchange.Exchange {
	mount, _, _ := strings.Cut(path, ";")
	x := &exchange.Exchange{
		Client: &exchange.Client{Remote: netip.MustParseAddrPort("10.0.0.9:4711"), Local: netip.MustParseAddrPort("10.0.0.1:8080")},
		Site:   &exchange.Site{Name: "site.example"},
		Request: exchange.Request{
			Method: "GET", Proto: "HTTP/1.1", Target: path + "?q=1", Query: "q=1", HostHeader: "Asked.example:8080", Port: 8080,
			Path: exchange.Path{Decoded: path, Mount: mount}, Header: http.Header{"User-Agent": {"Bot"}, "X-Twice": {"a", "b"}},
		},
	}
	x.Response.File = file
	x.Env.Set("set", "yes")
	return x
}

func status(x *exchange.Exchange, rules ...settings.Refusal) int {
	if refusal := Check(x, rules); refusal != nil {
		return refusal.Status
	}
	return 0
}

func TestCheck(t *testing.T) {
	pattern := func(text string, status int) settings.Refusal {
		return settings.Refusal{Pattern: regex.MustCompile(text), Status: status, Place: "httpd.conf:7"}
	}
	not := pattern("^/open", 403)
	not.Not = true
	below := pattern("^x", 403)
	below.Below = "/w/a"
	closed := pattern("^/", 403)
	closed.By = "ProxyPass /"
	prefix := settings.Refusal{Prefix: "/api", Status: 403}
	slow := pattern(`^(?=a)(a+)+$`, 403)
	slowPass := pattern(`^(?=a)(a+)+$`, 0)
	for _, test := range []struct {
		rule, path, file string
		rules            []settings.Refusal
		want             int
	}{
		{"no rule", "/x", "", nil, 0},
		{"a pattern", "/x", "", []settings.Refusal{pattern("^/x", 410)}, 410},
		{"another path", "/y", "", []settings.Refusal{pattern("^/x", 410)}, 0},
		{"the first that matches", "/x", "", []settings.Refusal{pattern("^/y", 404), pattern("^/x", 410), pattern("^/", 403)}, 410},
		{"what lets pass ends it", "/x", "", []settings.Refusal{pattern("^/x", 0), pattern("^/", 403)}, 0},
		{"without a pattern", "/x", "", []settings.Refusal{{Status: 503}}, 503},
		{"!", "/x", "", []settings.Refusal{not}, 403},
		{"! lets pass", "/open/x", "", []settings.Refusal{not}, 0},
		{"a parameter does not lead past", "/a;x/b", "", []settings.Refusal{pattern("^/a$", 403)}, 403},
		{"nor past !", "/open;x/y", "", []settings.Refusal{not}, 0},
		{"below a folder", "/u", "/w/a/x.html", []settings.Refusal{below}, 403},
		{"not the folder itself", "/u", "/w/ax", []settings.Refusal{below}, 0},
		{"no file", "/x", "", []settings.Refusal{below}, 0},
		{"a prefix", "/api", "", []settings.Refusal{prefix}, 403},
		{"what is below it", "/api/x", "", []settings.Refusal{prefix}, 403},
		{"whole components", "/apix", "", []settings.Refusal{prefix}, 0},
		{"closed", "/x", "", []settings.Refusal{closed}, 403},
		{"nobody knows: refused", strings.Repeat("a", 40) + "!", "", []settings.Refusal{slow}, 403},
		{"nobody knows: not passed", strings.Repeat("a", 40) + "!", "", []settings.Refusal{slowPass, {Status: 410}}, 410},
	} {
		if got := status(asked(test.path, test.file), test.rules...); got != test.want {
			t.Errorf("%s: %d, want %d", test.rule, got, test.want)
		}
	}
}

func TestConditions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"full": "x", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("full", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	is := func(name, pattern string) settings.Condition {
		return settings.Condition{Test: []settings.TestPart{{Name: name}}, Pattern: regex.MustCompile("^(?:" + pattern + ")$")}
	}
	there := func(name, test string) settings.Condition {
		return settings.Condition{Kind: settings.TestExists, Text: test, Test: []settings.TestPart{{Text: dir + "/"}, {Text: name}}}
	}
	equal := func(text string, fold bool) settings.Condition {
		return settings.Condition{Kind: settings.TestEqual, Text: text, Fold: fold, Test: []settings.TestPart{{Text: "a:"}, {Name: "REQUEST_METHOD"}}}
	}
	not := func(c settings.Condition) settings.Condition { c.Not = true; return c }
	or := func(c settings.Condition) settings.Condition { c.Or = true; return c }
	yes, no := is("HTTPS", "off"), is("HTTPS", "on")
	for _, test := range []struct {
		rule  string
		all   []settings.Condition
		holds bool
	}{
		{"none", nil, true}, {"one", []settings.Condition{yes}, true}, {"not", []settings.Condition{not(yes)}, false},
		{"both", []settings.Condition{yes, no}, false}, {"OR", []settings.Condition{or(no), yes}, true}, {"OR, none", []settings.Condition{or(no), no}, false},
		{"OR then and", []settings.Condition{or(yes), no, no}, false}, {"and then OR", []settings.Condition{yes, or(no), yes}, true}, {"OR at the end", []settings.Condition{or(no)}, false},
		{"nobody knows", []settings.Condition{{}}, true}, {"nobody knows, not", []settings.Condition{{Not: true}}, true},
		{"headers", []settings.Condition{is("HTTP_USER_AGENT", "Bot"), is("HTTP:X-Twice", "a, b"), is("HTTP:x-none", ""), is("HTTP_HOST", `Asked\.example:8080`)}, true},
		{"the client", []settings.Condition{is("REMOTE_ADDR", `10\.0\.0\.9`), is("REMOTE_PORT", "4711"), is("SERVER_ADDR", `10\.0\.0\.1`)}, true},
		{"the request", []settings.Condition{is("THE_REQUEST", `GET /x\?q=1 HTTP/1\.1`), is("REQUEST_URI", "/x"), is("QUERY_STRING", "q=1"), is("SERVER_PROTOCOL", `HTTP/1\.1`), is("REQUEST_SCHEME", "http")}, true},
		{"the server", []settings.Condition{is("SERVER_NAME", `site\.example`), is("SERVER_PORT", "8080")}, true},
		{"the environment", []settings.Condition{is("ENV:set", "yes"), is("E:none", "")}, true},
		{"equal", []settings.Condition{equal("a:GET", false)}, true}, {"not equal", []settings.Condition{equal("A:get", false)}, false}, {"equal but for case", []settings.Condition{equal("A:get", true)}, true},
		{"-f", []settings.Condition{there("full", "f"), there("link", "f"), not(there("none", "f")), not(there("", "f"))}, true},
		{"-d", []settings.Condition{there("", "d"), not(there("full", "d"))}, true}, {"-s", []settings.Condition{there("full", "s"), not(there("empty", "s"))}, true},
		{"-l", []settings.Condition{there("link", "l"), not(there("full", "l"))}, true},
	} {
		if got := status(asked("/x", ""), settings.Refusal{Status: 403, Conditions: test.all}) == 403; got != test.holds {
			t.Errorf("%s: %v, want %v", test.rule, got, test.holds)
		}
	}
	for name, want := range map[string]bool{"REMOTE_ADDR": true, "HTTP:X": true, "ENV:x": true, "TIME_HOUR": false, "LA-U:REMOTE_USER": false, "": false} {
		if Known(name) != want {
			t.Errorf("Known(%q) is not %v", name, want)
		}
	}
}
