package headers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

func exchangeOf(header http.Header) *exchange.Exchange {
	x := &exchange.Exchange{Began: time.UnixMicro(1700000000000001), Site: &exchange.Site{}, Client: &exchange.Client{}, Settings: settings.Default(), Request: exchange.Request{HostHeader: "site.example", Header: header}}
	x.Env.Set("set", "value")
	return x
}

func op(action settings.HeaderAction, name, value string) settings.HeaderOp {
	return settings.HeaderOp{Action: action, Name: name, Value: []settings.HeaderPart{{Text: value}}}
}

func edit2(action settings.HeaderAction, name, pattern, to string) settings.HeaderOp {
	o := op(action, name, to)
	o.Pattern, o.Match = regex.MustCompile(pattern), regex.ParseTemplate(to)
	return o
}

func with(o settings.HeaderOp, env string) settings.HeaderOp { o.Env = env; return o }

// TestActions: each action on a header that is there once, twice or not.
func TestActions(t *testing.T) {
	before := func() http.Header {
		return http.Header{"One": {"a"}, "Two": {"a", "b, c"}, "Content-Type": {"text/plain"}}
	}
	for _, test := range []struct {
		rule string
		op   settings.HeaderOp
		name string
		want []string
	}{
		{"set takes all", op(settings.HeaderSet, "Two", "x"), "Two", []string{"x"}},
		{"set makes one", op(settings.HeaderSet, "New", "x"), "New", []string{"x"}},
		{"append goes to the first", op(settings.HeaderAppend, "Two", "x"), "Two", []string{"a, x", "b, c"}},
		{"append makes one", op(settings.HeaderAppend, "New", "x"), "New", []string{"x"}},
		{"merge what is there", op(settings.HeaderMerge, "One", "a"), "One", []string{"a"}},
		{"merge what is in a later one", op(settings.HeaderMerge, "Two", "c"), "Two", []string{"a, c", "b, c"}},
		{"add", op(settings.HeaderAdd, "One", "x"), "One", []string{"a", "x"}},
		{"unset", op(settings.HeaderUnset, "Two", ""), "Two", nil},
		{"unset of Content-Type lets nobody guess", op(settings.HeaderUnset, "Content-Type", ""), "Content-Type", nil},
		{"setifempty of one that is there", op(settings.HeaderSetIfEmpty, "One", "x"), "One", []string{"a"}},
		{"setifempty", op(settings.HeaderSetIfEmpty, "New", "x"), "New", []string{"x"}},
		{"edit, the first match in each", edit2(settings.HeaderEdit, "Two", "[abc]", "<$0>"), "Two", []string{"<a>", "<b>, c"}},
		{"edit*", edit2(settings.HeaderEditAll, "Two", "[abc]", "<$0>"), "Two", []string{"<a>", "<b>, <c>"}},
		{"edit*, empty matches end it", edit2(settings.HeaderEditAll, "One", "x*", "-"), "One", []string{"-a"}},
		{"edit without a match", edit2(settings.HeaderEdit, "One", "x", "y"), "One", []string{"a"}},
		{"edit of none", edit2(settings.HeaderEdit, "New", "x", "y"), "New", nil},
		{"edit to nothing", edit2(settings.HeaderEdit, "One", "a", ""), "One", []string{""}},
		{"env=", with(op(settings.HeaderSet, "One", "x"), "set"), "One", []string{"x"}},
		{"env=!", with(op(settings.HeaderSet, "One", "x"), "!set"), "One", []string{"a"}},
		{"env= of another", with(op(settings.HeaderSet, "One", "x"), "other"), "One", []string{"a"}},
		{"echo", settings.HeaderOp{Action: settings.HeaderEcho, Pattern: regex.MustCompile("^Asked")}, "Asked-Too", []string{"1, 2"}},
	} {
		h := before()
		shared := h["Two"]
		Response(exchangeOf(http.Header{"Asked-Too": {"1", "2"}, "Other": {"3"}}), h, &settings.Headers{Success: []settings.HeaderOp{test.op}}, false)
		if diff := cmp.Diff(test.want, h[test.name]); diff != "" {
			t.Errorf("%s: %s", test.rule, diff)
		}
		if shared[0] != "a" {
			t.Errorf("%s: values that others may hold were changed", test.rule)
		}
		if _, there := h["Content-Type"]; !there {
			t.Errorf("%s: Content-Type is not there, and would be guessed", test.rule)
		}
	}
}

// TestTables: what always says comes beside the rest, and alone on pages that
// the front makes up; it does not see what handlers set.
func TestTables(t *testing.T) {
	s := &settings.Headers{
		Always:  []settings.HeaderOp{op(settings.HeaderSet, "X", "always"), op(settings.HeaderUnset, "Own", ""), op(settings.HeaderSet, "Content-Type", "text/always"), op(settings.HeaderUnset, "Www-Authenticate", "")},
		Success: []settings.HeaderOp{op(settings.HeaderSet, "X", "success"), op(settings.HeaderNote, "X", "note")},
	}
	x, h := exchangeOf(nil), http.Header{"Own": {"1"}, "Www-Authenticate": {"Basic"}, "Content-Type": {"text/plain"}}
	Response(x, h, s, false)
	if diff := cmp.Diff(http.Header{"X": {"always", "success"}, "Own": {"1"}, "Www-Authenticate": {"Basic"}, "Content-Type": {"text/always"}}, h); diff != "" {
		t.Error(diff)
	}
	if note, _ := x.Notes.Get("note"); note != "success" {
		t.Errorf("the note is %q", note)
	}
	h = http.Header{"Own": {"1"}, "Www-Authenticate": {"Basic"}}
	Response(exchangeOf(nil), h, s, true)
	if diff := cmp.Diff(http.Header{"X": {"always"}, "Own": {"1"}, "Content-Type": {"text/always"}}, h); diff != "" {
		t.Error(diff)
	}
}

// TestTLSVariables: %{}s and env= know what mod_ssl tells, %{}e as far as it is
// exported.
func TestTLSVariables(t *testing.T) {
	tls := settings.HeaderOp{Action: settings.HeaderSet, Name: "Name", Value: []settings.HeaderPart{{Kind: settings.HeaderTLS, Text: "SSL_CLIENT_S_DN"}}}
	env := settings.HeaderOp{Action: settings.HeaderSet, Name: "Env", Value: []settings.HeaderPart{{Kind: settings.HeaderVariable, Text: "SSL_CLIENT_S_DN"}}}
	hsts := with(op(settings.HeaderSet, "Hsts", "1"), "HTTPS")
	s := &settings.Headers{Success: []settings.HeaderOp{tls, env, hsts}}
	x := exchangeOf(nil)
	x.Site, x.Client, x.Settings = &exchange.Site{}, &exchange.Client{}, settings.Default()
	h := http.Header{}
	Response(x, h, s, false)
	if diff := cmp.Diff(http.Header{"Name": {"(null)"}, "Env": {"(null)"}}, h); diff != "" {
		t.Errorf("in clear: %s", diff)
	}
	x.Site.TLS = true
	x.Client.TLS = &exchange.TLS{Variable: func(_ *exchange.TLS, name string) string {
		return map[string]string{"HTTPS": "on", "SSL_CLIENT_S_DN": "CN=joe"}[name]
	}}
	Response(x, h, s, false)
	if diff := cmp.Diff(http.Header{"Name": {"CN=joe"}, "Env": {"(null)"}, "Hsts": {"1"}}, h); diff != "" {
		t.Errorf("in TLS: %s", diff)
	}
	x.Settings.SSL.Options.StdEnvVars = true
	Response(x, h, s, false)
	if diff := cmp.Diff(http.Header{"Name": {"CN=joe"}, "Env": {"CN=joe"}, "Hsts": {"1"}}, h); diff != "" {
		t.Errorf("exported: %s", diff)
	}
}

func TestRequest(t *testing.T) {
	x := exchangeOf(http.Header{"One": {"a"}})
	Request(x, []settings.HeaderOp{op(settings.HeaderAppend, "One", "b"), op(settings.HeaderSet, "New", "n"), edit2(settings.HeaderEdit, "Host", "^site", "other")})
	if diff := cmp.Diff(http.Header{"One": {"a, b"}, "New": {"n"}}, x.Request.Header); diff != "" || x.Request.HostHeader != "other.example" {
		t.Errorf("%s, Host %q", diff, x.Request.HostHeader)
	}
	Request(x, []settings.HeaderOp{op(settings.HeaderUnset, "Host", "")})
	if x.Request.HostHeader != "" {
		t.Error("Host is still there")
	}
}

func TestValues(t *testing.T) {
	x := exchangeOf(nil)
	value := func(parts ...settings.HeaderPart) string {
		h := http.Header{}
		Response(x, h, &settings.Headers{Success: []settings.HeaderOp{{Action: settings.HeaderSet, Name: "X", Value: parts}}}, false)
		return h.Get("X")
	}
	if got := value(settings.HeaderPart{Text: "a "}, settings.HeaderPart{Kind: settings.HeaderVariable, Text: "set"}, settings.HeaderPart{Kind: settings.HeaderVariable, Text: "none"},
		settings.HeaderPart{Kind: settings.HeaderTLS, Text: "SSL_PROTOCOL"}, settings.HeaderPart{Kind: settings.HeaderBegan}); got != "a value(null)(null)t=1700000000000001" {
		t.Error(got)
	}
	x.Site.TLS = true
	x.Client.TLS = &exchange.TLS{Variable: func(_ *exchange.TLS, name string) string {
		return map[string]string{"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3"}[name]
	}}
	if got := value(settings.HeaderPart{Kind: settings.HeaderTLS, Text: "SSL_PROTOCOL"}, settings.HeaderPart{Kind: settings.HeaderVariable, Text: "HTTPS"},
		settings.HeaderPart{Kind: settings.HeaderVariable, Text: "SSL_PROTOCOL"}, settings.HeaderPart{Kind: settings.HeaderTLS, Text: "SSL_OTHER"}); got != "TLSv1.3on(null)(null)" {
		t.Error(got)
	}
	if got := value(settings.HeaderPart{Kind: settings.HeaderTook}); !strings.HasPrefix(got, "D=") || len(got) < 8 {
		t.Error(got)
	}
}

// TestKeptOfConnection: a client that names a header in Connection does not
// take off what RequestHeader made of it; others still end here.
func TestKeptOfConnection(t *testing.T) {
	for _, test := range []struct {
		rule string
		op   settings.HeaderOp
		want []string
	}{
		{"set", op(settings.HeaderSet, "X-Proto", "https"), []string{"close,x-other", ""}},
		{"setifempty", op(settings.HeaderSetIfEmpty, "X-Proto", "https"), []string{"close,x-other", ""}},
		{"add", op(settings.HeaderAdd, "X-Proto", "https"), []string{"close,x-other", ""}},
		{"unset", op(settings.HeaderUnset, "X-Proto", ""), []string{"close, x-proto ,x-other", "X-Proto"}},
		{"another name", op(settings.HeaderSet, "X-Prot", "https"), []string{"close, x-proto ,x-other", "X-Proto"}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			x := exchangeOf(http.Header{"Connection": {"close, x-proto ,x-other", "X-Proto"}})
			Request(x, []settings.HeaderOp{test.op})
			if diff := cmp.Diff(test.want, x.Request.Header["Connection"]); diff != "" {
				t.Errorf("Connection (-want +got)\n%s", diff)
			}
		})
	}
}
