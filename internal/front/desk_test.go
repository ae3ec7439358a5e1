package front

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/jklog"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/front/worker"
)

// TestChangesOfTheOperator: a change on the status page holds at once, over a
// reload, and until its line in the file changes; who made it, and what
// became of it at each reload, is in the log.
func TestChangesOfTheOperator(t *testing.T) {
	f := start(t, echo, nil)
	status := func(query string) string {
		t.Helper()
		code, _, body := f.get(t, "/status?mime=txt&"+query)
		if code != "200 OK" || !strings.Contains(body, `type=OK`) {
			t.Fatalf("%s: %s %s", query, code, body)
		}
		return body
	}
	status("cmd=update&w=lb&sw=n1&vwa=D&vwf=3&vart=7000")
	status("cmd=update&w=lb&vlr=5")
	for range 6 {
		f.get(t, "/app/x")
	}
	if n := f.nodes[0].Count("/app/x"); n != 0 {
		t.Errorf("the disabled node got %d requests", n)
	}
	next := *f.cfg
	if err := f.front.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	body := status("cmd=show&w=lb")
	for _, want := range []string{"activation=DIS lbfactor=3", "reply_timeout=7000", "retries=5 recover"} {
		if !strings.Contains(body, want) {
			t.Errorf("after a reload without a change there is no %s:\n%s", want, body)
		}
	}
	changed := *f.cfg
	changed.Workers.Balancers = []balancer.Config{f.cfg.Workers.Balancers[0]}
	changed.Workers.Balancers[0].Members = append([]balancer.MemberConfig(nil), f.cfg.Workers.Balancers[0].Members...)
	changed.Workers.Balancers[0].Members[0].Lines = overlay.Lines{"activation": "A"}
	changed.Workers.AJP = append([]worker.Config(nil), f.cfg.Workers.AJP...)
	changed.Workers.AJP[0].Lines = overlay.Lines{"reply_timeout": "0"}
	if err := f.front.Reload(t.Context(), &changed); err != nil {
		t.Fatal(err)
	}
	if body := status("cmd=show&w=lb"); !strings.Contains(body, "activation=ACT lbfactor=3") || !strings.Contains(body, "reply_timeout=0") {
		t.Errorf("the file's new lines do not hold:\n%s", body)
	}
	log := f.log(t, "jk.log")
	for _, want := range []string{
		"Status worker 'st' changing 'activation' for sub worker 'n1' of lb worker 'lb' from 'ACT' to 'DIS' client=127.0.0.1:",
		"Status worker 'st' changing 'reply_timeout' for ajp worker 'n1' from '0' to '7000'",
		`a change of the operator still holds over the file setting="worker.n1.activation in lb" is=DIS file=ACT`,
		"a change of the operator still holds over the file setting=worker.n1.reply_timeout is=7000 file=0",
		"a change of the operator still holds over the file setting=worker.lb.retries is=5 file=2",
		`a change of the operator has ended, since the file says something else setting="worker.n1.activation in lb" was=DIS`,
		"a change of the operator has ended, since the file says something else setting=worker.n1.reply_timeout was=7000",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// TestQuietLog: where JkLogLevel keeps what is no error out of mod_jk's log,
// changes are told in the error log.
func TestQuietLog(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Sites[0].Logs.JK.Level = jklog.Error })
	f.get(t, "/status?cmd=update&w=lb&sw=n1&vwa=D")
	if log := f.log(t, "error_log"); !strings.Contains(log, "[jk:notice]") || !strings.Contains(log, "] [client 127.0.0.1:") || !strings.Contains(log, "from 'ACT' to 'DIS'") {
		t.Errorf("the error log lacks the change:\n%s", log)
	}
}

// TestOfAnotherSite: what a browser sends for another site is a 403 with a
// line in the log, whatever the method.
func TestOfAnotherSite(t *testing.T) {
	f := start(t, echo, nil)
	const tail = "\r\nHost: site.example\r\nConnection: close\r\n"
	for _, request := range []string{
		"GET /status?cmd=update&w=lb&sw=n1&vwa=S HTTP/1.1" + tail + "Referer: http://evil.example/\r\n\r\n",
		"POST /status HTTP/1.1" + tail + "Origin: http://evil.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30\r\n\r\ncmd=update&w=lb&sw=n1&vwa=S&x=",
		"GET /status HTTP/1.1" + tail + "Sec-Fetch-Site: cross-site\r\n\r\n",
		"HEAD /status?cmd=reset&w=lb HTTP/1.1" + tail + "Sec-Fetch-Site: same-site\r\n\r\n",
		"OPTIONS /status?cmd=reset&w=lb HTTP/1.1" + tail + "Origin: null\r\n\r\n",
	} {
		if status, _, _ := f.ask(t, request); status != "403 Forbidden" {
			t.Errorf("%.60q: %s", request, status)
		}
	}
	ours := "POST /status HTTP/1.1" + tail + "Origin: http://site.example\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 37\r\n\r\ncmd=update&w=lb&sw=n1&vwa=S&mime=txt&"
	if status, _, body := f.ask(t, ours); status != "200 OK" || !strings.Contains(body, "type=OK") {
		t.Errorf("the page's own form: %s %s", status, body)
	}
	if log := f.log(t, "error_log"); strings.Count(log, "refused, since a browser sent it on behalf of another site") != 5 {
		t.Errorf("the log:\n%s", log)
	}
}

// TestChangesAndReloads: no change is lost to a reload at the same moment.
func TestChangesAndReloads(t *testing.T) {
	f := start(t, echo, nil)
	var both sync.WaitGroup
	both.Go(func() {
		for range 20 {
			next := *f.cfg
			if err := f.front.Reload(t.Context(), &next); err != nil {
				t.Error(err)
			}
		}
	})
	both.Go(func() {
		for i := range 60 {
			factor := string(rune('1' + i%9))
			f.get(t, "/status?cmd=update&w=lb&sw=n1&vwf="+factor)
			if _, _, body := f.get(t, "/status?cmd=show&mime=txt&w=lb&sw=n1"); !strings.Contains(body, "lbfactor="+factor) {
				t.Errorf("lbfactor %s is lost:\n%s", factor, body)
				return
			}
		}
	})
	both.Wait()
}

// TestMovedByTheOperator: a member that was in error where it was gets
// requests where the operator says that it is, at once; so does one whose
// port was to be provisioned.
func TestMovedByTheOperator(t *testing.T) {
	var at int
	f := start(t, echo, func(c *Config) {
		at = c.Workers.AJP[0].Port
		c.Workers.AJP[0].Port = 1
		c.Workers.AJP[1].Port = -1
		c.Workers.Balancers[0].Members[1].Activation = balancer.Stopped
	})
	if status, _, _ := f.get(t, "/app/x"); !strings.HasPrefix(status, "503") {
		t.Fatalf("nobody is there, but %s", status)
	}
	if _, _, body := f.get(t, "/status?mime=txt&cmd=show&w=lb"); !strings.Contains(body, "state=ERR ") || !strings.Contains(body, "port=0 address=invalid") {
		t.Errorf("before:\n%s", body)
	}
	f.get(t, fmt.Sprintf("/status?cmd=update&w=lb&sw=n1&vaprt=%d", at))
	if status, _, _ := f.get(t, "/app/x"); status != "200 OK" {
		t.Errorf("a node that was moved: %s", status)
	}
	f.get(t, fmt.Sprintf("/status?cmd=update&w=lb&sw=n2&vwa=A&vaprt=%d", f.nodes[1].Port()))
	for range 4 {
		f.get(t, "/app/y")
	}
	if n := f.nodes[1].Count("/app/y"); n < 2 {
		t.Errorf("the node that was provisioned got %d of 4 requests", n)
	}
}

// TestWhoMayReachIt: the page is a URL as any other: a <Location> says who may
// see and change. HEAD does what GET does, without the page.
func TestWhoMayReachIt(t *testing.T) {
	f := start(t, echo, func(c *Config) {
		closed := &settings.Requirement{Kind: settings.RequireIP, Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		c.Sites[0].Sections.Of = append(c.Sites[0].Sections.Of, vhost.Section{Kind: vhost.Location, Pattern: "/status", Layer: &settings.Layer{Require: closed}})
		c.Sites[0].Translate.Mounts = mount.New([]mount.Rule{
			{Rule: exchange.Rule{Pattern: "/status", Worker: "st"}, Source: mount.JkMount}, {Rule: exchange.Rule{Pattern: "/open", Worker: "st"}, Source: mount.JkMount}})
	})
	for _, path := range []string{"/status", "/status?cmd=update&w=lb&vlr=9", "/status;x=1?cmd=reset&w=lb", "//status", "/./status?mime=txt"} {
		if status, _, body := f.get(t, path); status != "403 Forbidden" || strings.Contains(body, "n1") {
			t.Errorf("%s: %s", path, status)
		}
	}
	status, head, body := f.ask(t, "HEAD /open?cmd=update&w=lb&vlr=7&mime=txt HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n")
	if status != "200 OK" || body != "" || !strings.Contains(head, "Content-Length: 42") || !strings.Contains(head, "Cache-Control: no-cache") {
		t.Errorf("HEAD: %s\n%s\n%s", status, head, body)
	}
	if _, _, body := f.get(t, "/open?cmd=show&w=lb&mime=txt"); !strings.Contains(body, "retries=7 recover") {
		t.Errorf("HEAD did not do it, or who is kept out did:\n%s", body)
	}
	if _, head, _ := f.get(t, "/open"); !strings.Contains(head, "Content-Security-Policy: default-src 'none'") {
		t.Errorf("the page may load what it likes:\n%s", head)
	}
}

// TestChangesUnderAnotherName: a browser changes nothing under a name that the
// site does not have, as long as its ServerName is a full one.
func TestChangesUnderAnotherName(t *testing.T) {
	for _, test := range []struct {
		host vhost.Host
		name string
		want string
	}{
		{vhost.Host{Name: "site.example", Named: true}, "site.example", "200 OK"},
		{vhost.Host{Name: "site.example", Named: true}, "evil.example", "403 Forbidden"},
		{vhost.Host{Name: "site.example", Named: true, Aliases: []string{"*.site.example"}}, "WEB1.site.example.:8080", "200 OK"},
		{vhost.Host{Name: "site.example"}, "other.example", "200 OK"},
		{vhost.Host{Name: "127.0.0.1", Named: true}, "other.example", "200 OK"},
		{vhost.Host{Name: "localhost", Named: true}, "other.example", "200 OK"},
	} {
		f := start(t, echo, func(cfg *Config) { cfg.Sites[0].Host = test.host })
		status, _, body := f.ask(t, "GET /status?mime=txt&cmd=update&w=lb&vlr=5 HTTP/1.1\r\nHost: "+test.name+"\r\nAccept-Language: en\r\nConnection: close\r\n\r\n")
		if !strings.Contains(status, test.want) {
			t.Errorf("%+v, asked as %s: %s\n%s", test.host, test.name, status, body)
		}
		if refused := strings.Contains(body, "Nothing is changed under a name"); refused != strings.HasPrefix(test.want, "403") {
			t.Errorf("%+v, asked as %s:\n%s", test.host, test.name, body)
		}
	}
}
