package status

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/overlay"
)

// A recording Desk writes down what it is told, and does nothing.
type recording struct {
	shown   View
	updates []string
	fail    error
}

func (r *recording) View(time.Time) View { return r.shown }

func (r *recording) Update(u Update) ([]Changed, error) {
	var words []string
	add := func(where string, values []overlay.Value) {
		for _, v := range values {
			words = append(words, fmt.Sprintf("%s.%s=%s", where, v.Key, v.Text))
		}
	}
	add(u.Worker, u.Balancer)
	for m, values := range u.Members {
		add(u.Worker+"/"+m, values)
	}
	for w, values := range u.Workers {
		add(w, values)
	}
	slices.Sort(words)
	r.updates = append(r.updates, strings.Join(words, " "))
	if r.fail != nil {
		return nil, r.fail
	}
	return []Changed{{Balancer: "lb", Worker: "n1", Changed: overlay.Changed{Key: "activation", From: "ACT", To: "DIS"}}}, nil
}

func (r *recording) Reset(worker, member string) bool {
	r.updates = append(r.updates, "reset "+worker+"/"+member)
	return worker != "st"
}

func (r *recording) Recover(worker, member string) (balancer.State, bool) {
	r.updates = append(r.updates, "recover "+worker+"/"+member)
	return balancer.OK, member == "n2"
}

// send sends x to a page before a recording Desk, and returns its answer, what
// the Desk was told, and the log.
func send(t *testing.T, cfg Config, x *exchange.Exchange) (body string, told []string, log string) {
	t.Helper()
	cfg.Name = "st"
	desk := &recording{shown: view(time.Now())}
	desk.shown.Status = []string{"st"}
	var lines bytes.Buffer
	rec := httptest.NewRecorder()
	if err := New(cfg, desk, slog.New(slog.NewTextHandler(&lines, nil))).Forward(rec, httptest.NewRequest("GET", "/", nil), x); err != nil {
		t.Fatal(err)
	}
	return rec.Body.String(), desk.updates, lines.String()
}

// TestUpdates: which settings a call changes; the words are mod_jk's.
func TestUpdates(t *testing.T) {
	long := strings.Repeat("x", maxWord+1)
	for _, test := range []struct{ query, told, message string }{
		{"cmd=update&w=lb&vlr=3&vlri=50&vlt=9&vlee=4&vlx=0", "lb.error_escalation_time=4 lb.max_reply_timeouts=0 lb.recover_time=9 lb.retries=3 lb.retry_interval=50", ""},
		{"cmd=update&w=lb&vls=off&vlf=1&vlm=T&vll=1", "lb.lock=Pessimistic lb.method=Traffic lb.sticky_session=False lb.sticky_session_force=True", ""},
		{"cmd=update&w=lb&vls=xyz&vlf=&vlm=", "", ""},
		{"cmd=update&w=lb&vlr=0&vlt=-1&vlx=x&vwf=3&vart=3", "", ""},
		{"cmd=update&w=lb&sw=n1&vwa=d&vwf=3&vwn=r&vwr=&vwc=c&vwd=2", "lb/n1.activation=DIS lb/n1.distance=2 lb/n1.domain=c lb/n1.lbfactor=3 lb/n1.redirect= lb/n1.route=r", ""},
		{"cmd=update&w=lb&sw=n1&vwa=2&vart=77&vamps=10000&vlr=9", "lb/n1.activation=STP n1.max_packet_size=10240 n1.reply_timeout=77", ""},
		{"cmd=update&w=lb&sw=n1&vamps=100&vapng=0&vacpt=-1&vaprt=65536&vwf=0", "", ""},
		{"cmd=update&w=lb&sw=*&vwa=A", "lb/n1.activation=ACT lb/n2.activation=ACT", ""},
		{"cmd=update&w=lb&sw=*2&vwa=stopped", "lb/n2.activation=STP", ""},
		{"cmd=update&w=lb&att=vwf&val0=2&val1=5&vwf=9", "lb/n1.lbfactor=2 lb/n2.lbfactor=5", ""},
		{"cmd=update&w=lb&att=vart&val1=5", "n2.reply_timeout=5", ""},
		{"cmd=update&w=lb&att=vahst&val0=127.0.0.1", "", ""},
		{"cmd=update&w=lb&att=bogus&val0=1", "", ""},
		{"cmd=update&w=n1&vart=5&vwf=3&vahst=127.0.0.9&vaprt=9", "n1.host=127.0.0.9 n1.port=9 n1.reply_timeout=5", ""},
		{"cmd=reset&w=lb", "reset lb/", ""}, {"cmd=reset&w=lb&sw=n1", "reset lb/n1", ""}, {"cmd=reset&w=n1", "reset n1/", ""},
		{"cmd=recover&w=lb&sw=n2", "recover lb/n2", ""},

		{"cmd=update&w=lb&sw=n1&vwa=x", "", "Update failed (at least partially): new activation 'x' for worker 'n1' is none of ACT, DIS, STP."},
		{"cmd=update&w=lb&sw=n1&vwd=3&vwr=" + long, "", "Update failed (at least partially): new redirect '" + long + "' too long for sub worker 'n1', see log file for details."},
		{"cmd=update&w=lb&sw=n1&vahst=" + long, "", "Update failed (at least partially): new host name '" + long + "' too long for sub worker 'n1', see log file for details."},
		{"cmd=update&w=lb&sw=n1&vahst=no-such.invalid", "", "Update failed (at least partially): could not resolve address 'no-such.invalid:18009' for sub worker 'n1'."},
		{"cmd=update&w=lb&sw=zz&vwa=D", "", "could not find sub worker"},
		{"cmd=update&w=lb&sw=&vwa=D", "", "EMPTY sub worker param"},
		{"cmd=update&w=lb&sw=n?&vwa=D", "", "could not find sub worker"}, // "?" is masked
		{"cmd=update&w=lb*&vlr=3", "", "Could not find given worker"},
		{"cmd=update&vlr=3", "", "NULL or EMPTY worker param"},
		{"cmd=update&w=n1&sw=n1", "", "worker type has no sub workers"},
		{"cmd=update&w=st", "", "Update failed"},
		{"cmd=update&w=lb&vlr=%zz", "", "Error during parsing of URI"},
		{"cmd=reset&w=st", "reset st/", "Reset failed"},
		{"cmd=reset&w=lb&sw=n*", "", "wildcard not allowed in sub worker for this command"},
		{"cmd=recover&w=lb&sw=n1", "recover lb/n1", "Marking worker for recovery failed"},
		{"cmd=update&w=lb&vlr=3&opt=32", "", "This command is not allowed in read only mode."},
	} {
		body, told, log := send(t, Config{}, requestFor("mime=txt&"+test.query))
		want := "Result: type=OK message=\"Action finished\"\n"
		if test.message != "" {
			want = "Result: type=ERROR message=\"" + test.message + "\"\n"
		}
		if body != want {
			t.Errorf("%s: %s, want %s", test.query, body, want)
		}
		if got := strings.Join(told, "; "); got != test.told {
			t.Errorf("%s: told %q, want %q", test.query, got, test.told)
		}
		if test.message != "" && !strings.Contains(log, "WARN") {
			t.Errorf("%s: nothing in the log: %s", test.query, log)
		}
	}
}

// TestPosted: a form may be in the body; what is there counts more. mod_jk
// reads the query only.
func TestPosted(t *testing.T) {
	post := func(kind, query, body string) *exchange.Exchange {
		x := requestFor(query)
		x.Request.Method = http.MethodPost
		x.Request.Header.Set("Content-Type", kind)
		x.Body = exchange.NewBody(strings.NewReader(body), int64(len(body)), 0)
		return x
	}
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		rule string
		x    *exchange.Exchange
		told string
	}{
		{"all in the body", post(form, "", "cmd=update&w=lb&vlr=4&mime=txt"), "lb.retries=4"},
		{"a charset", post(form+"; charset=UTF-8", "mime=txt", "cmd=update&w=lb&vlr=4"), "lb.retries=4"},
		{"both", post(form, "mime=txt&cmd=update&w=lb&vlr=3", "vlr=4"), "lb.retries=4"},
		{"all in the query", post(form, "mime=txt&cmd=update&w=lb&vlr=3", ""), "lb.retries=3"},
		{"another body", post("text/plain", "mime=txt&cmd=update&w=lb&vlr=3", "vlr=4"), "lb.retries=3"},
		{"too much", post(form, "mime=txt", "cmd=update&w=lb&vlr=4&x="+strings.Repeat("y", maxForm)), ""},
	} {
		_, told, _ := send(t, Config{}, test.x)
		if got := strings.Join(told, "; "); got != test.told {
			t.Errorf("%s: told %q, want %q", test.rule, got, test.told)
		}
	}
	x := post(form, "", "cmd=")
	x.Body = exchange.NewBody(strings.NewReader("cmd="), 99, 0)
	err := New(Config{}, &recording{}, slog.New(slog.DiscardHandler)).Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x)
	if failed, ok := errors.AsType[*exchange.Error](err); !ok || failed.Cause != exchange.CauseClientRead {
		t.Errorf("a body that is cut: %v", err)
	}
}

// TestRefusals: the order in which mod_jk tells what is wrong.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		cfg     Config
		query   string
		message string
	}{
		{Config{ReadOnly: true}, "cmd=update&mime=txt", "This command is not allowed in read only mode."},
		{Config{ReadOnly: true}, "cmd=edit&w=lb&mime=txt", "This command is not allowed in read only mode."},
		{Config{ReadOnly: true}, "cmd=update&mime=bogus", "This command is not allowed in read only mode."},
		{Config{ReadOnly: true}, "cmd=foo&mime=txt", "Invalid command."},
		{Config{}, "cmd=foo&mime=bogus", "Invalid command."},
		{Config{}, "cmd=&mime=txt", "Invalid command."},
		{Config{}, "mime=", "Invalid mime type."},
		{Config{}, "cmd=show&mime=TXT", "Invalid mime type."},
		{Config{Users: []string{"joe"}}, "cmd=foo&mime=bogus", "Access denied."},
		{Config{Users: []string{"joe"}}, "mime=txt&cmd=%zz", "Access denied."},
	} {
		body, told, _ := send(t, test.cfg, requestFor(test.query))
		if !strings.Contains(body, test.message) || len(told) > 0 {
			t.Errorf("%+v %s: %s %v", test.cfg, test.query, body, told)
		}
	}
	for user, want := range map[string]string{"": "denied", "ann": "denied", "Joe": "OK", "joe": "OK"} {
		x := requestFor("mime=txt")
		if user != "" {
			x.Env.Set("JK_REMOTE_USER", user)
		}
		if body, _, _ := send(t, Config{Users: []string{"joe"}, FoldUser: true}, x); !strings.Contains(body, want) {
			t.Errorf("user %q: %s", user, body)
		}
	}
}

// TestEachChangeIsTold: who, what, from what to what, in mod_jk's words.
func TestEachChangeIsTold(t *testing.T) {
	x := requestFor("mime=txt&cmd=update&w=lb&sw=n1&vwa=D")
	x.Env.Set("JK_REMOTE_USER", "joe")
	_, _, log := send(t, Config{}, x)
	for _, want := range []string{
		`"Status worker 'st' changing 'activation' for sub worker 'n1' of lb worker 'lb' from 'ACT' to 'DIS'"`, "client=192.0.2.7:4711", "user=joe",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
	for query, want := range map[string]string{
		"cmd=reset&w=lb": "resetting lb worker 'lb' with all sub workers", "cmd=reset&w=lb&sw=n1": "resetting lb worker 'lb' sub worker 'n1'",
		"cmd=reset&w=n1": "resetting ajp worker 'n1'", "cmd=recover&w=lb&sw=n2": "marked for recovery lb worker 'lb' sub worker 'n2'",
		"cmd=recover&w=lb&sw=n1": "could not mark worker 'lb' sub worker 'n1' for recovery - state OK is not an error state",
	} {
		if _, _, log := send(t, Config{}, requestFor(query)); !strings.Contains(log, want) || !strings.Contains(log, "client=192.0.2.7:4711") {
			t.Errorf("%s: %s", query, log)
		}
	}
}

// button returns the hidden fields of the form whose button says text, within
// what follows after.
func button(t *testing.T, page, after, text string) string {
	t.Helper()
	_, page, found := strings.Cut(page, after)
	end := strings.Index(page, "<button>"+text+"</button>")
	if !found || end < 0 {
		t.Fatalf("no button %s after %s:\n%s", text, after, page)
	}
	begin := strings.LastIndex(page[:end], "<form")
	values := url.Values{}
	for _, in := range strings.Split(page[begin:end], "<input")[1:] {
		_, name, _ := strings.Cut(in, `name="`)
		_, value, _ := strings.Cut(in, `value="`)
		name, _, _ = strings.Cut(name, `"`)
		value, _, _ = strings.Cut(value, `"`)
		values.Set(name, value)
	}
	return values.Encode()
}

// TestButtons: the page drains a node by opening its line and one button, and
// each button does what it says.
func TestButtons(t *testing.T) {
	failing := func(now time.Time) View {
		v := view(now)
		v.Balancers[0].Members[1].State = balancer.Error
		return v
	}
	_, page := get(t, Config{}, failing, "opt=4&re=30")
	for _, test := range []struct{ after, text, told string }{
		{`aria-label="Change n1"`, "Drain", "lb/n1.activation=DIS"}, {`aria-label="Change n1"`, "Stop", "lb/n1.activation=STP"},
		{`aria-label="Change n2"`, "Drain", "lb/n2.activation=DIS"}, {`aria-label="Change n2"`, "Recover", "recover lb/n2"},
		{`aria-label="Change n1"`, "Reset", "reset lb/n1"}, {"<h2>lb", "Reset", "reset lb/"}, {"<h2>n1 ", "Reset", "reset n1/"},
	} {
		query := button(t, page, test.after, test.text)
		body, told, _ := send(t, Config{}, requestFor(query))
		if strings.Join(told, ";") != test.told {
			t.Errorf("%s %s: %s told %v, want %s", test.after, test.text, query, told, test.told)
		}
		if !strings.Contains(body, "Result: OK - You will be redirected in 3 seconds.") || !strings.Contains(body, `content="3;url=?cmd=list&amp;opt=4&amp;re=30"`) {
			t.Errorf("%s: no way back:\n%.900s", test.text, body)
		}
	}
}

// TestForms: what an edit form sends without a change changes nothing.
func TestForms(t *testing.T) {
	for _, query := range []string{"cmd=edit&w=lb", "cmd=edit&w=lb&sw=n2", "cmd=edit&w=n1", "cmd=edit&w=lb&att=vwa", "cmd=edit&w=lb&att=vart"} {
		_, page := get(t, Config{}, view, query)
		for _, want := range []string{`<form method="post" action="?"`, `name="cmd" value="update"`, "<button>Update</button>"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s:\n%s", query, want, page)
			}
		}
	}
	_, page := get(t, Config{}, view, "cmd=edit&w=lb")
	if !strings.Contains(page, `<input type="hidden" name="vls" value="0"><input type="checkbox" id="vls" name="vls" value="1" checked>`) {
		t.Error("a box that is not ticked sends nothing, so that it could not be switched off")
	}
	if _, page := get(t, Config{ReadOnly: true}, view, ""); strings.Contains(page, "<form method=\"post\"") || strings.Contains(page, "cmd=edit") {
		t.Error("the page of a read-only worker offers changes")
	}
}
