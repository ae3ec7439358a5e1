package status

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"log/slog"

	"github.com/catflap/catflap/internal/front/exchange"
)

// TestCrossSite: what a browser sends for another site is refused, also a link
// that only shows; scripts, typed addresses and the page's own forms are not.
func TestCrossSite(t *testing.T) {
	for _, test := range []struct {
		rule    string
		headers []string
		host    string
		tls     bool
		refused bool
	}{
		{"a script", nil, "www.example", false, false},
		{"an address that was typed", []string{"Sec-Fetch-Site", "none"}, "www.example", false, false},
		{"the page's own form", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://www.example", "Referer", "http://www.example/jk?x"}, "www.example", false, false},
		{"a port", []string{"Origin", "http://www.example:8080"}, "www.example:8080", false, false},
		{"the port of http", []string{"Origin", "http://www.example"}, "www.example:80", false, false},
		{"https before us", []string{"Origin", "https://www.example"}, "www.example", false, false},
		{"https here", []string{"Referer", "https://WWW.example/"}, "www.example:443", true, false},
		{"empty headers", []string{"Origin", "", "Referer", ""}, "www.example", false, false},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, "www.example", false, true},
		{"a sibling", []string{"Sec-Fetch-Site", "same-site"}, "www.example", false, true},
		{"a word that is none", []string{"Sec-Fetch-Site", "Same-Origin"}, "www.example", false, true},
		{"another origin", []string{"Origin", "http://evil.example"}, "www.example", false, true},
		{"no origin that can be told", []string{"Origin", "null"}, "www.example", false, true},
		{"another port", []string{"Origin", "http://www.example:81"}, "www.example", false, true},
		{"an origin that begins like ours", []string{"Origin", "http://www.example.evil.example"}, "www.example", false, true},
		{"a referer", []string{"Referer", "http://evil.example/?http://www.example/"}, "www.example", false, true},
		{"a referer with our name as user", []string{"Referer", "http://www.example@evil.example/"}, "www.example", false, true},
		{"no referer that can be read", []string{"Referer", "%zz"}, "www.example", false, true},
		{"clear text to us, though we have TLS", []string{"Origin", "http://www.example"}, "www.example", true, true},
		{"one of two origins", []string{"Origin", "http://www.example", "Origin", "http://evil.example"}, "www.example", false, true},
		{"no host", []string{"Origin", "http://www.example"}, "", false, true},
		{"ours, but from another site", []string{"Origin", "http://www.example", "Sec-Fetch-Site", "cross-site"}, "www.example", false, true},
	} {
		for _, query := range []string{"cmd=update&w=lb&vlr=3", "cmd=list"} {
			x := requestFor(query)
			x.Request.HostHeader = test.host
			if test.tls {
				x.Client.TLS = &exchange.TLS{}
			}
			for i := 0; i < len(test.headers); i += 2 {
				x.Request.Header.Add(test.headers[i], test.headers[i+1])
			}
			desk := &recording{shown: view(time.Now())}
			err := New(Config{Name: "st"}, desk, slog.New(slog.DiscardHandler)).Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x)
			refusal, refused := err.(*exchange.Refusal)
			if refused != test.refused || refused && (refusal.Status != http.StatusForbidden || refusal.Log == "") {
				t.Errorf("%s, %s: %v", test.rule, query, err)
			}
			if refused && len(desk.updates) > 0 {
				t.Errorf("%s: refused, but done", test.rule)
			}
		}
	}
}

// TestMisnamed: a browser changes nothing under a full name that the site does
// not have; scripts do, and what only shows is shown.
func TestMisnamed(t *testing.T) {
	site := &exchange.Site{Called: func(name string) bool { return name == "www.example" }}
	browser := []string{"Accept-Language"}
	for _, test := range []struct {
		rule    string
		site    *exchange.Site
		headers []string
		host    string
		query   string
		refused bool
	}{
		{"a name of the site", site, browser, "www.example", "cmd=update&w=lb&vlr=3", false},
		{"an address", site, browser, "192.0.2.1", "cmd=update&w=lb&vlr=3", false},
		{"an address of IPv6", site, browser, "2001:db8::1", "cmd=update&w=lb&vlr=3", false},
		{"this machine", site, browser, "localhost", "cmd=update&w=lb&vlr=3", false},
		{"a name that is not a full one", site, browser, "web1", "cmd=update&w=lb&vlr=3", false},
		{"a script", site, nil, "web1.example", "cmd=update&w=lb&vlr=3", false},
		{"what only shows", site, browser, "web1.example", "cmd=list", false},
		{"what may only show", site, browser, "web1.example", "cmd=update&w=lb&vlr=3&opt=32", false},
		{"a site without a ServerName", &exchange.Site{}, browser, "web1.example", "cmd=update&w=lb&vlr=3", false},
		{"another name", site, browser, "evil.example", "cmd=update&w=lb&vlr=3", true},
		{"another name, reset", site, browser, "evil.example", "cmd=reset&w=lb", true},
		{"another name, recover", site, browser, "evil.example", "cmd=recover&w=lb&sw=n1", true},
		{"another name, the form for it", site, browser, "evil.example", "cmd=edit&w=lb", true},
		{"a page of our origin", site, []string{"Sec-Fetch-Site"}, "evil.example", "cmd=update&w=lb&vlr=3", true},
		{"a link of it", site, []string{"Referer"}, "evil.example", "cmd=update&w=lb&vlr=3", true},
		{"a form of it", site, []string{"Origin"}, "evil.example", "cmd=update&w=lb&vlr=3", true},
		{"an address that goes on", site, browser, "192.0.2.1.evil.example", "cmd=update&w=lb&vlr=3", true},
	} {
		x := requestFor(test.query)
		x.Site, x.Request.Host, x.Request.HostHeader = test.site, test.host, test.host
		for _, name := range test.headers {
			x.Request.Header.Set(name, map[string]string{"Sec-Fetch-Site": "same-origin", "Referer": "http://" + test.host + "/x", "Origin": "http://" + test.host}[name])
		}
		desk := &recording{shown: view(time.Now())}
		err := New(Config{Name: "st"}, desk, slog.New(slog.DiscardHandler)).Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x)
		refusal, refused := err.(*exchange.Refusal)
		if refused != test.refused || refused && (refusal.Status != http.StatusForbidden || refusal.Log == "" || refusal.Reason == "") {
			t.Errorf("%s: %v", test.rule, err)
		}
		if refused && len(desk.updates) > 0 {
			t.Errorf("%s: refused, but done", test.rule)
		}
	}
}
