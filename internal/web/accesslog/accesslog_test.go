package accesslog

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// combined is what distributions define by that name.
const combined = Common + ` "%{Referer}i" "%{User-Agent}i"`

// entry is the request that was sent to httpd 2.4 for the lines below.
func entry() *Entry {
	began := time.Date(2026, 11, 24, 11, 39, 52, 123456789, time.UTC)
	return &Entry{Ended: began.Add(1500 * time.Millisecond), In: 115, Out: 416, X: &exchange.Exchange{
		Began:  began,
		Client: &exchange.Client{Remote: netip.MustParseAddrPort("127.0.0.1:40000"), Local: netip.MustParseAddrPort("127.0.0.2:18081"), Requests: 1},
		Site:   &exchange.Site{Name: "canon.example", Port: 18081},
		Request: exchange.Request{Method: "GET", Proto: "HTTP/1.1", Target: `/nox?a="b\`, Path: exchange.Path{Decoded: "/nox"},
			Query: `a="b\`, Asked: true, Host: "asked.example", Port: 9, HostHeader: "asked.example:9",
			Header: http.Header{"X-Q": {"a\"b\\c\xc3\xa9d", "two"}, "Cookie": {`ck=1"2; o=1`}}},
		Response: exchange.Response{Status: 404, Bytes: 236, File: "/srv/nox", Close: true, Header: http.Header{"Content-Type": {"text/html"}}},
	}}
}

// TestAsHTTPD: what httpd 2.4.71 wrote for the same request.
func TestAsHTTPD(t *testing.T) {
	f, err := Parse(`%% a=%a A=%A B=%B b=%b C=%{ck}C e=%{none}e f=%f h=%h H=%H i=%{x-q}i o=%{Content-Type}o k=%k l=%l L=%L m=%m n=%{none}n p=%p pl=%{local}p q=%q r="%r" R=%R s=%s >s=%>s <s=%<s t=%t u=%u U=%U v=%v V=%V X=%X I=%I O=%O S=%S %404{x-q}i %!404{x-q}i %200,304{x-q}i %{x}^ti`)
	if err != nil {
		t.Fatal(err)
	}
	want := `% a=127.0.0.1 A=127.0.0.2 B=236 b=236 C=1\"2 e=- f=/srv/nox h=127.0.0.1 H=HTTP/1.1 i=a\"b\\c\xc3\xa9d, two o=text/html k=0 l=- L=- m=GET n=- p=18081 pl=18081 q=?a=\"b\\ r="GET /nox?a=\"b\\ HTTP/1.1" R=- s=404 >s=404 <s=404 t=[24/Nov/2026:11:39:52 +0000] u=- U=/nox v=canon.example V=asked.example X=- I=115 O=416 S=531 a\"b\\c\xc3\xa9d, two - - -` + "\n"
	if got := string(f.Append(nil, entry())); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if !f.NeedsWire() {
		t.Error("the line shows bytes on the wire, but does not say so")
	}
}

// forwarded lets x go to a worker.
func forwarded(x *exchange.Exchange) {
	x.Target.Kind, x.Response.File = exchange.TargetForward, ""
	x.Request.Path = exchange.Path{Decoded: "/app/x;jsessionid=1", Mount: "/app/x"}
}

type member string

func (m member) Note(ending string) (string, bool) {
	if ending != "NAME" {
		return "", false
	}
	return string(m), true
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		format, want string
		change       func(*exchange.Exchange)
	}{
		{"%T %{ms}T %{us}T %D", "1 1500 1500000 1500000", nil},
		{"%{sec}t %{msec}t %{usec}t %{msec_frac}t %{usec_frac}t", "1795520392 1795520392123 1795520392123456 123 123456", nil},
		{"%{%H:%M}t %{begin:%S}t %{end:%S}t %{end:msec_frac}t", "11:39 52 53 623", nil},
		{"%{HTTPS}x %{SSL_PROTOCOL}x %{cipher}c %u", "off - - -", nil},
		{"%{HTTPS}x %{SSL_PROTOCOL}x %{version}c %{cipher}c %{subjectdn}c %{issuerdn}c %{errcode}c %{NO_SUCH}x %u",
			`on TLSv1.3 TLSv1.3 C CN=J\xc3\xb6rg,O=\"x\" - - - joe`, func(x *exchange.Exchange) {
				of := map[string]string{"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "C", "SSL_CLIENT_S_DN": `CN=Jörg,O="x"`, "USER": "joe"}
				x.Client.TLS = &exchange.TLS{Variable: func(_ *exchange.TLS, name string) string { return of[name] }}
				x.Site.TLS = true
				x.Settings = settings.Default()
				x.Settings.SSL.UserName = "USER"
			}},
		{"%b %B", "- 0", func(x *exchange.Exchange) { x.Response.Bytes = 0 }},
		{"%s %>s", "503 200", func(x *exchange.Exchange) { x.Response.Original, x.Response.Status = 503, 200 }},
		{"%X", "+", func(x *exchange.Exchange) { x.Response.Close = false }},
		{"%X", "X", func(x *exchange.Exchange) { x.Response.Aborted = true }},
		{"%q", "", func(x *exchange.Exchange) { x.Request.Asked = false }},
		{"%q", "?", func(x *exchange.Exchange) { x.Request.Query = "" }},
		{"%{Host}i", "asked.example:9", nil},
		{"%V", "canon.example", func(x *exchange.Exchange) { x.Request.Host = "" }},
		{"%{Content-Type}o", "text/plain", func(x *exchange.Exchange) { x.Response.Header.Set("Content-Type", "text/plain ; charset=utf-8") }},
		{"%U %f", "/app/x x", forwarded},
		{"%f", "", func(x *exchange.Exchange) { forwarded(x); x.Request.Path.Mount = "/app/" }},
		{"%U", "/%zz", func(x *exchange.Exchange) { x.Request.Path, x.Request.Target = exchange.Path{}, "/%zz?q" }},
		{"%U %>U %<U", "/nox /sorry.html /nox", func(x *exchange.Exchange) { x.Response.Final = "/sorry.html?" }},
		{"%<q %>q %q", `?a=\"b\\ ?x ?x`, func(x *exchange.Exchange) { x.Response.Final = "/sorry.html?x" }},
		{"[%q]", "[]", func(x *exchange.Exchange) { x.Response.Final = "/sorry.html?" }},
		{"%{JK_REQUEST_DURATION}n", "1.500000", forwarded},
		{"%{JK_REQUEST_DURATION}n", "-", nil},
		{"%{JK_LB_FIRST_NAME}n %{JK_LB_LAST_NAME}n %{JK_LB_LAST_NONE}n", "a b -", func(x *exchange.Exchange) { x.Session.First, x.Session.Last = member("a"), member("b") }},
		{"%{JK_LB_FIRST_NAME}n", "-", nil},
		{"%{JK_WORKER_NAME}n", "lb", func(x *exchange.Exchange) { x.Notes.Set("JK_WORKER_NAME", "lb") }},
		{"%u", `""`, func(x *exchange.Exchange) { x.Env.Set("JK_REMOTE_USER", "") }},
		{"%u", "joe", func(x *exchange.Exchange) { x.Env.Set("JK_REMOTE_USER", "joe") }},
		{"%P %{pid}P %{hextid}P", fmt.Sprintf("%d %d %x", os.Getpid(), os.Getpid(), os.Getpid()), nil},
		{"%{remote}p %{canonical}p %{c}h %{c}a", "40000 18081 127.0.0.1 127.0.0.1", nil},
		{`a\tb\"\\\q`, "a\tb\"\\\\q", nil},
		{"%k", "4", func(x *exchange.Exchange) { x.Client.Requests = 5 }},
	} {
		f, err := Parse(test.format)
		if err != nil {
			t.Errorf("%s: %v", test.format, err)
			continue
		}
		e := entry()
		if test.change != nil {
			test.change(e.X)
		}
		if got := string(f.Append(nil, e)); got != test.want+"\n" {
			t.Errorf("%s: %q, want %q", test.format, got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for format, want := range map[string]string{
		"a %Y": "Unrecognized LogFormat directive %Y (at byte 2)", "%": "Unexpected end of LogFormat", "%{x": "missing }",
		"%>": "Unexpected end", "%^xx": "Unrecognized", "%^tq": "Unrecognized", "%{q}T": "Unrecognized LogFormat directive %T", "%{q}P": "directive %P",
	} {
		if _, err := Parse(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", format, err, want)
		}
	}
}

func TestStockFormatsCostNothing(t *testing.T) {
	for _, format := range []string{Common, combined} {
		f, err := Parse(format)
		if err != nil {
			t.Fatal(err)
		}
		e, b := entry(), make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() { f.Append(b, e) }); n > 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
	}
}

// FuzzParse: a format is compiled or refused, and its line is one line of
// printable bytes but for what the format itself holds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{Common, combined, "%{%H:%M}t", "%!200,304{x}i", "%<s%>s", "%{x}^ti", "%^", "%{", `\n\`, "%{end:usec}t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, format string) {
		compiled, err := Parse(format)
		if err == nil {
			compiled.Append(nil, entry())
		}
	})
}

// FuzzEscape: nothing that a client sends can end a line or a field.
func FuzzEscape(f *testing.F) {
	f.Add("a\"b\\c\n\x00\x7f\xff")
	f.Fuzz(func(t *testing.T, s string) {
		quoted := false
		for _, c := range Escape(nil, s) {
			if c < ' ' || c >= 0x7f {
				t.Fatalf("%q holds %q", Escape(nil, s), c)
			}
			if c == '"' && !quoted {
				t.Fatalf("%q holds a bare quote", Escape(nil, s))
			}
			quoted = c == '\\' && !quoted
		}
	})
}

func BenchmarkCombined(b *testing.B) {
	f, err := Parse(combined)
	if err != nil {
		b.Fatal(err)
	}
	e, buf := entry(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		f.Append(buf, e)
	}
}
