package status

import (
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/worker"
)

// view is the state that mod_jk was in when testdata was captured from it,
// but for the defaults that differ.
func view(now time.Time) View {
	at := time.Unix(1795518188, 0)
	endpoint := func(name string, port int) worker.Snapshot {
		return worker.Snapshot{Config: worker.Config{Name: name, Host: "127.0.0.1", Port: port, Retries: 2, MaxPacket: 8192,
			Ping: worker.Ping{Timeout: 10 * time.Second}, ReplyTimeout: -1}, LastReset: at, Address: fmt.Sprintf("127.0.0.1:%d", port)}
	}
	rule := func(pattern, w string, exclude bool) mount.Rule {
		return mount.Rule{Rule: exchange.Rule{Pattern: pattern, Worker: w}, Source: mount.JkMount, Exclude: exclude}
	}
	member := func(name string, factor int, mult int64) balancer.MemberSnapshot {
		return balancer.MemberSnapshot{Config: balancer.MemberConfig{Worker: name, Factor: factor, Route: name}, Multiplicity: mult, LastReset: at}
	}
	lb := Balancer{
		Snapshot: balancer.Snapshot{
			Config: balancer.Config{Name: "lb", Retries: 2, Maintain: time.Minute, Recovery: balancer.Recovery{RecoverTime: time.Minute, EscalationTime: 30 * time.Second}},
			File: balancer.Config{Name: "lb", Retries: 2, Recovery: balancer.Recovery{RecoverTime: time.Minute, EscalationTime: 30 * time.Second},
				Members: []balancer.MemberConfig{{Worker: "n1", Factor: 1, Route: "n1"}, {Worker: "n2", Factor: 3, Route: "n2"}}},
			Members: []balancer.MemberSnapshot{member("n1", 1, 3), member("n2", 3, 1)}, NextUpkeep: 58 * time.Second, LastReset: at,
		},
		Workers: []worker.Snapshot{endpoint("n1", 18009), endpoint("n2", 18010)},
		Maps:    []Map{{"localhost:18080", rule("/app/*.gif", "lb", true)}, {"localhost:18080", rule("/app/*", "lb", false)}},
	}
	return View{Now: time.Unix(1795518190, 0).UTC(), Balancers: []Balancer{lb},
		Workers: []Worker{{endpoint("n1", 18009), []Map{{"localhost:18080", rule("/one/*;reply_timeout=5000", "n1", false)}, {"localhost:18080", rule("/one/*", "n1", false)}}}}}
}

// A still is a Desk at which nothing moves.
type still func(now time.Time) View

func (s still) View(now time.Time) View                       { return s(now) }
func (s still) Update(Update) ([]Changed, error)              { return nil, nil }
func (s still) Reset(worker, member string) bool              { return false }
func (s still) Recover(string, string) (balancer.State, bool) { return balancer.OK, false }

func requestFor(query string) *exchange.Exchange {
	return &exchange.Exchange{
		Site:   &exchange.Site{},
		Client: &exchange.Client{Remote: netip.MustParseAddrPort("192.0.2.7:4711")}, Body: exchange.NewBody(http.NoBody, 0, 0),
		Request: exchange.Request{Method: "GET", Query: query, Host: "127.0.0.1", HostHeader: "127.0.0.1:18080", Port: 18080, Path: exchange.Path{Mount: "/st"}, Header: http.Header{}},
	}
}

func get(t *testing.T, cfg Config, v func(time.Time) View, query string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := New(cfg, still(v), slog.New(slog.DiscardHandler)).Forward(rec, httptest.NewRequest("GET", "/", nil), requestFor(query)); err != nil {
		t.Fatal(err)
	}
	return rec, rec.Body.String()
}

// TestAsModJK holds the machine formats against what mod_jk 1.2.48 answered
// for the same configuration; only its name is ours.
func TestAsModJK(t *testing.T) {
	for mime, mediaType := range map[string]string{"txt": "text/plain", "xml": "text/xml", "prop": "text/plain"} {
		want, err := os.ReadFile("testdata/mod_jk." + mime)
		if err != nil {
			t.Fatal(err)
		}
		rec, got := get(t, Config{Name: "st"}, view, "mime="+mime)
		name := regexp.MustCompile(`Apache/2\.4\.71 \(Debian\) mod_jk/1\.2\.48|mod_jk/1\.2\.48`)
		if diff := cmp.Diff(name.ReplaceAllString(string(want), Software), got); diff != "" {
			t.Errorf("%s (-mod_jk +catflap):\n%s", mime, diff)
		}
		if h := rec.Header(); h.Get("Content-Type") != mediaType || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %v", mime, h)
		}
	}
}

func TestCommands(t *testing.T) {
	for query, want := range map[string]string{
		"cmd=version&mime=txt": `Result: type=OK message="Action finished"`, "cmd=show&w=lb&mime=txt": "Balancer Worker: name=lb", "cmd=show&w=n1&mime=txt": "AJP Worker: name=n1",
		"cmd=show&w=zz&mime=txt": "Could not find given worker", "cmd=show&mime=txt": "NULL or EMPTY worker param", "cmd=bogus&mime=txt": "Invalid command.",
		"mime=bogus": "worker.result.message=Invalid mime type."} {
		if rec, got := get(t, Config{}, view, query); !strings.Contains(got, want) || rec.Code != 200 {
			t.Errorf("%s: %d\n%s", query, rec.Code, got)
		}
	}
	if _, got := get(t, Config{}, view, "cmd=show&w=n1&mime=txt"); strings.Contains(got, "Balancer") || strings.Contains(got, "count=") && !strings.Contains(got, "map_count=") {
		t.Errorf("show lists more than its worker:\n%s", got)
	}
}

func TestUsers(t *testing.T) {
	if _, got := get(t, Config{Users: []string{"joe"}}, view, "mime=txt"); !strings.Contains(got, "Access denied.") || strings.Contains(got, "n1") {
		t.Errorf("%s", got)
	}
}

func TestClasses(t *testing.T) {
	cfg := New(Config{Good: []string{}, Bad: []string{}}, nil, nil).cfg
	for _, test := range []struct {
		state      balancer.State
		activation balancer.Activation
		want       string
	}{
		{balancer.OK, balancer.Active, "good"}, {balancer.Idle, balancer.Active, "good"}, {balancer.Busy, balancer.Active, "good"}, {balancer.Probe, balancer.Active, "good"},
		{balancer.Error, balancer.Active, "bad"}, {balancer.OK, balancer.Stopped, "bad"}, {balancer.OK, balancer.Disabled, "degraded"},
	} {
		m := balancer.MemberSnapshot{State: test.state, Config: balancer.MemberConfig{Activation: test.activation}}
		if got := class(m, &cfg); got != test.want {
			t.Errorf("%v %v is %s, want %s", test.activation, test.state, got, test.want)
		}
	}
}

// TestGoodAndBad: what the entries of good and bad match, as mod_jk 1.2.48
// counts.
func TestGoodAndBad(t *testing.T) {
	for _, test := range []struct{ good, bad, active, disabled, stopped string }{
		{"active.idle", "stopped", "good", "degraded", "bad"},
		{"disabled", "a.i", "bad", "good", "degraded"},
		{"x", "y", "degraded", "degraded", "degraded"},
		{"a.x", "D.I", "degraded", "bad", "degraded"},
		{"i", "STOPPED", "good", "good", "bad"},
		{".i", "a.", "bad", "good", "good"},
	} {
		cfg := &Config{Good: []string{test.good}, Bad: []string{test.bad}}
		for activation, want := range []string{test.active, test.disabled, test.stopped} {
			m := balancer.MemberSnapshot{State: balancer.Idle, Config: balancer.MemberConfig{Activation: balancer.Activation(activation)}}
			if got := class(m, cfg); got != want {
				t.Errorf("good=%s bad=%s: %v is %s, want %s", test.good, test.bad, balancer.Activation(activation), got, want)
			}
		}
	}
}

// TestEscapes: what came from files or clients is no markup.
func TestEscapes(t *testing.T) {
	evil := func(now time.Time) View {
		v := view(now)
		v.Balancers[0].Maps[0].Rule.Pattern = `/<script>"&`
		return v
	}
	if _, got := get(t, Config{}, evil, ""); strings.Contains(got, "<script>") {
		t.Error("HTML holds markup from a rule")
	}
	_, got := get(t, Config{}, evil, "mime=xml")
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
	if _, got := get(t, Config{}, view, "mime=html&re=5"); !strings.Contains(got, `http-equiv="refresh" content="5"`) {
		t.Error("re= does not refresh")
	}
}
