package env

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

func request() *exchange.Exchange {
	return &exchange.Exchange{
		Client: &exchange.Client{Remote: netip.MustParseAddrPort("192.0.2.1:5000"), Local: netip.MustParseAddrPort("192.0.2.9:80")},
		Request: exchange.Request{
			Method: "GET", Proto: "HTTP/1.1", HostHeader: "site.example:80", Path: exchange.Path{Decoded: "/app/a b"}, Query: "q=1",
			Header: map[string][]string{"X-One": {"v1", "v2"}, "X-Two": {"w"}, "Cookie": {"a=b", "c=d"}},
		},
	}
}

// rule is SetEnvIf SUBJECT PATTERN, with one variable as httpd takes it apart.
func rule(subject settings.EnvSubject, name, pattern string, sets ...settings.EnvSet) settings.EnvRule {
	r := settings.EnvRule{Subject: subject, Name: name, Header: name, Pattern: regex.MustCompile(pattern), Sets: sets}
	if subject == settings.EnvHeaders {
		r.Names = regex.MustCompile(name)
	}
	return r
}

func set(name, value string) settings.EnvSet {
	s := settings.EnvSet{EnvOp: settings.EnvOp{EnvVar: settings.EnvVar{Name: name, Value: value}}}
	if strings.Contains(value, "$") {
		s.Value, s.Match = "", regex.ParseTemplate(value)
	}
	return s
}

func unset(name string) settings.EnvSet {
	return settings.EnvSet{EnvOp: settings.EnvOp{EnvVar: settings.EnvVar{Name: name}, Unset: true}}
}

func text(vars exchange.Vars) string {
	var all []string
	for _, v := range vars {
		all = append(all, v.Name+"="+v.Value)
	}
	return strings.Join(all, " ")
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules []settings.EnvRule
		want  string
	}{
		{"Remote_Addr", []settings.EnvRule{rule(settings.EnvRemoteAddr, "", `^192\.0\.2\.`, set("a", "1"))}, "a=1"},
		{"Remote_Host is the address", []settings.EnvRule{rule(settings.EnvRemoteHost, "", "(.*)", set("a", "$1"))}, "a=192.0.2.1"},
		{"Server_Addr", []settings.EnvRule{rule(settings.EnvServerAddr, "", "(.*)", set("a", "$1"))}, "a=192.0.2.9"},
		{"Request_Method", []settings.EnvRule{rule(settings.EnvRequestMethod, "", "(G)(E)", set("a", "$2$1$9"))}, "a=EG"},
		{"Request_Protocol", []settings.EnvRule{rule(settings.EnvProtocol, "", "(.*)", set("a", "$0"))}, "a=HTTP/1.1"},
		{"Request_URI is decoded", []settings.EnvRule{rule(settings.EnvRequestURI, "", "^/app/(.*)", set("a", "<$1>"))}, "a=<a b>"},
		{"a header", []settings.EnvRule{rule(settings.EnvHeader, "X-Two", "w", set("a", "1"))}, "a=1"},
		{"a header that came twice", []settings.EnvRule{rule(settings.EnvHeader, "X-One", "^v1, v2$", set("a", "1"))}, "a=1"},
		{"cookies", []settings.EnvRule{rule(settings.EnvHeader, "Cookie", "^a=b; c=d$", set("a", "1"))}, "a=1"},
		{"Host", []settings.EnvRule{rule(settings.EnvHeader, "Host", "^site", set("a", "1"))}, "a=1"},
		{"no such header", []settings.EnvRule{rule(settings.EnvHeader, "X-No", "^$", set("a", "1"))}, "a=1"},
		{"headers by expression", []settings.EnvRule{rule(settings.EnvHeaders, "^X-", "w", set("a", "1"))}, "a=1"},
		{"no header by expression", []settings.EnvRule{rule(settings.EnvHeaders, "^Y-", "^$", set("a", "1"))}, "a=1"},
		{"one that is there does not count as none", []settings.EnvRule{rule(settings.EnvHeaders, "^X-", "^$", set("a", "1"))}, ""},
		{"an earlier variable", []settings.EnvRule{rule(settings.EnvRequestURI, "", ".", set("a", "x")), rule(settings.EnvHeader, "a", "(x)", set("b", "$1$1"))}, "a=x b=xx"},
		{"a later rule, and unset", []settings.EnvRule{rule(settings.EnvRequestURI, "", ".", set("a", "1"), set("b", "1")), rule(settings.EnvRequestURI, "", ".", set("b", "2"), unset("a"))}, "b=2"},
		{"no match", []settings.EnvRule{rule(settings.EnvRequestURI, "", "^/other", set("a", "1"))}, ""},
	} {
		x := request()
		Judge(x, test.rules)
		if got := text(x.Env); got != test.want || x.EnvDoubtful {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestDoubt: a rule that takes too long sets nothing, and says so.
func TestDoubt(t *testing.T) {
	x := request()
	x.Request.Header["X-Long"] = []string{strings.Repeat("a", 60) + "!"}
	Judge(x, []settings.EnvRule{rule(settings.EnvHeader, "X-Long", `^(?=a)(a+)+$`, set("a", "1"))})
	if len(x.Env) > 0 || !x.EnvDoubtful {
		t.Errorf("%v, doubtful %v", x.Env, x.EnvDoubtful)
	}
}

func TestSetAndRedirected(t *testing.T) {
	x := request()
	x.Env.Set("a", "1")
	Set(x, []settings.EnvVar{{Name: "a", Value: "2"}, {Name: "b", Value: ""}})
	if got := text(x.Env); got != "a=2 b=" {
		t.Error(got)
	}
	Redirected(x, "404", "/app/a b")
	if got := text(x.Env); got != "REDIRECT_a=2 REDIRECT_b= REDIRECT_URL=/app/a b REDIRECT_STATUS=404 REDIRECT_QUERY_STRING=q=1" {
		t.Error(got)
	}
	x.Env.Set("a", "3")
	if got := text(x.AskedEnv()); got != "a=2 b=" {
		t.Errorf("the environment of the request itself is %q", got)
	}
}

func BenchmarkJudge(b *testing.B) {
	x := request()
	x.Env = make(exchange.Vars, 0, 4)
	rules := []settings.EnvRule{rule(settings.EnvRequestURI, "", `\.(gif|png)$`, set("a", "1")), rule(settings.EnvHeader, "X-Two", "w", set("b", "1"))}
	b.ReportAllocs()
	for b.Loop() {
		x.Env = x.Env[:0]
		Judge(x, rules)
	}
}
