package jklog

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// TestLines: the form of mod_jk 1.2.48, as in
// [Tue Nov 24 11:03:10.163 2026] [11804:139878092240576] [info] jk_open_socket::jk_connect.c (815): connect to …
func TestLines(t *testing.T) {
	var b strings.Builder
	log := slog.New(New(&b, Info, Stamp{}))
	log.Debug("below the level")
	log.Info("connecting failed", "worker", "n1", "err", "connection refused")
	log.Error("no worker\nleft")
	log.Warn(strings.Repeat("x", 2000))
	form := regexp.MustCompile(`^\[(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} \d\d \d\d:\d\d:\d\d\.\d{3} \d{4}\] (.*)$`)
	pid := fmt.Sprintf("[%d:%d] ", os.Getpid(), os.Getpid())
	var got []string
	for line := range strings.Lines(b.String()) {
		m := form.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || len(line) > 1025 {
			t.Fatalf("%q", line)
		}
		got = append(got, regexp.MustCompile(`\(\d+\): `).ReplaceAllString(m[2], "(N): "))
	}
	want := []string{
		pid + `[info] TestLines::jklog_test.go (N): (n1) connecting failed err="connection refused"`,
		pid + `[error] TestLines::jklog_test.go (N): no worker\nleft`,
	}
	if strings.Join(got[:2], "\n") != strings.Join(want, "\n") || len(got) != 3 || !strings.HasSuffix(got[2], "x...") {
		t.Errorf("%q", got)
	}
}

func TestStamps(t *testing.T) {
	at := time.Date(2015, 4, 13, 11, 36, 24, 123456789, time.UTC)
	for format, want := range map[string]string{
		"[%a %b %d %H:%M:%S %Y]": "[Mon Apr 13 11:36:24 2015]", "": "[Mon Apr 13 11:36:24.123 2015] ", "%q": "123456", "%S.%Q|": "24.123|",
	} {
		s, err := ParseStamp(format)
		if got := string(s.Append(nil, at)); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", format, got, err, want)
		}
	}
	for _, format := range []string{"%Q%Q", "%Q%q", strings.Repeat("x", 64)} {
		if s, err := ParseStamp(format); err == nil || len(s.layout) > longestStamp {
			t.Errorf("%q is no mistake", format)
		}
	}
}

func TestLevels(t *testing.T) {
	for word, want := range map[string]Level{"trace": Trace, "DEBUG": Debug, "info": Info, "warn": Warn, "error": Error, "emerg": Emerg, "loud": Info} {
		if got, ok := ParseLevel(word); got != want || ok == (word == "loud") {
			t.Errorf("%s is %v, %v", word, got, ok)
		}
	}
}

func TestRequestFormat(t *testing.T) {
	began := time.Date(2015, 4, 13, 11, 36, 24, 0, time.UTC)
	x := &exchange.Exchange{
		Began: began, Client: &exchange.Client{}, Site: &exchange.Site{Name: "site.example", Port: 80}, Target: exchange.Target{Rule: &exchange.Rule{Worker: "lb"}},
		Request:  exchange.Request{Method: "GET", Proto: "HTTP/1.1", Target: "/a\"b?x", Query: "x", Asked: true, Host: "asked.example", Path: exchange.Path{Decoded: `/a"b`}},
		Response: exchange.Response{Status: 200, Bytes: 7}, Session: exchange.Session{Balancer: "lb", Answered: "n1"},
	}
	stamp, _ := ParseStamp("[%H:%M:%S]")
	for format, want := range map[string]string{
		"%w %V %T": "lb asked.example 1.500000", "%b %B %H %m %p %q %s %v %R": "7 7 HTTP/1.1 GET 80 ?x 200 site.example n1",
		`%r %U\n\t\\.`: "GET /a\\\"b?x HTTP/1.1 /a\\\"b\n\t\\.",
	} {
		f, err := ParseRequestFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(f.Append(nil, stamp, x, began.Add(1500*time.Millisecond))); got != "[11:36:25]"+want+"\n" {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	for _, format := range []string{"%Z", "%", "a %%"} {
		if _, err := ParseRequestFormat(format); err == nil {
			t.Errorf("%s is no mistake", format)
		}
	}
}

// FuzzFormats: any stamp and request format is compiled or refused.
func FuzzFormats(f *testing.F) {
	f.Add("[%a %b %d %H:%M:%S %Y]", "%w %V %T")
	f.Add("%Q%q%", `%\`)
	f.Fuzz(func(t *testing.T, stamp, request string) {
		s, _ := ParseStamp(stamp)
		x := &exchange.Exchange{Site: &exchange.Site{}, Client: &exchange.Client{}}
		if r, err := ParseRequestFormat(request); err == nil {
			r.Append(nil, s, x, time.Unix(0, 0))
		}
	})
}
