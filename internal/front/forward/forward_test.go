package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A failing worker fails with its error.
type failing struct{ err error }

func (f failing) Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	x.Session.Balancer, x.Session.Answered = "lb", "route1"
	return f.err
}

func ask(worker string) *exchange.Exchange {
	return &exchange.Exchange{
		Request: exchange.Request{Method: "GET", Path: exchange.Path{Mount: "/shop/cart.do"}},
		Target:  exchange.Target{Rule: &exchange.Rule{Worker: worker}},
	}
}

// TestTexts holds for each Cause the log line, the field of the access log and
// the status against testdata/texts.golden. Run with UPDATE=1 to write it.
func TestTexts(t *testing.T) {
	var got strings.Builder
	for _, cause := range exchange.Causes() {
		var log bytes.Buffer
		handler := slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
		failure := &exchange.Error{Worker: "n1", Cause: cause, Reached: exchange.ReachedNobody, Err: errors.New("what the system said")}
		s := New(map[string]Worker{"n1": {failing{failure}, "ajp13"}}, slog.New(handler))
		x := ask("n1")
		err := s.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x)
		if !errors.Is(err, failure) || x.Failure != failure {
			t.Errorf("%s: returned %v, recorded %v", cause, err, x.Failure)
		}
		field, _ := x.Notes.Get(Note)
		fmt.Fprintf(&got, "%s\n  log:    %s  access: %s\n  status: %d\n", cause, log.String(), field, Status(failure))
	}
	const golden = "testdata/texts.golden"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownWorker(t *testing.T) {
	x := ask("nobody")
	err := New(nil, slog.New(slog.DiscardHandler)).Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x)
	failure, ok := errors.AsType[*exchange.Error](err)
	if !ok || failure.Cause != exchange.CauseUnknownWorker || Status(failure) != 500 {
		t.Errorf("%v", err)
	}
}

// TestSaid: monitoring finds failures by the words of mod_jk, and by the
// number of the system's error.
func TestSaid(t *testing.T) {
	for _, test := range []struct {
		failure exchange.Error
		want    string
	}{
		{exchange.Error{Worker: "n1", Cause: exchange.CauseRefused, Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
			"connecting to backend failed. Tomcat is probably not started or is listening on the wrong port (errno=111)"},
		{exchange.Error{Worker: "n1", Cause: exchange.CauseReplyTimeout, Err: &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}},
			"Timeout with waiting reply from tomcat. Tomcat is down, stopped or network problems (errno=110)"},
		{exchange.Error{Worker: "n1", Cause: exchange.CauseBusy}, "could not get free endpoint for worker n1"},
		{exchange.Error{Worker: "n1", Cause: exchange.CauseEOF, Err: io.EOF, AllFailed: true}, "All tomcat instances failed, no more workers left"},
	} {
		var log bytes.Buffer
		Log(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), ask("n1"), &test.failure)
		if want := fmt.Sprintf("msg=%q", test.want); !strings.Contains(log.String(), want) {
			t.Errorf("%s is logged as %s, want %s", test.failure.Cause, log.String(), want)
		}
	}
}

func TestNotes(t *testing.T) {
	x := ask("n1")
	s := New(map[string]Worker{"n1": {failing{}, "lb"}}, slog.New(slog.DiscardHandler))
	if err := s.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), x); err != nil {
		t.Fatal(err)
	}
	failed := ask("n1")
	failing := New(map[string]Worker{"n1": {failing{&exchange.Error{Cause: exchange.CauseEOF}}, "lb"}}, slog.New(slog.DiscardHandler))
	failing.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), failed)
	if route, ok := failed.Notes.Get("JK_WORKER_ROUTE"); ok || failed.Session.Answered != "" {
		t.Errorf("nobody answered, and JK_WORKER_ROUTE is %q", route)
	}
	for name, want := range map[string]string{"JK_WORKER_NAME": "n1", "JK_WORKER_TYPE": "lb", "JK_WORKER_ROUTE": "route1"} {
		if got, _ := x.Notes.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestNothingIsAddedToWhatTheClientHas(t *testing.T) {
	for _, cause := range exchange.Causes() {
		if s := Status(&exchange.Error{Cause: cause, Reached: exchange.ReachedClient}); s != 0 {
			t.Errorf("%s: status %d after something reached the client", cause, s)
		}
	}
}
