package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// start starts a container and a worker before it; change may alter its
// configuration.
func start(t testing.TB, container ajptest.Config, change func(*Config)) (*Worker, *ajptest.Server) {
	t.Helper()
	s := ajptest.Start(container)
	t.Cleanup(s.Close)
	cfg := Config{Name: "n1", Host: "127.0.0.1", Port: s.Port(), Retries: 1}
	if change != nil {
		change(&cfg)
	}
	w, err := New(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, s
}

// request is an Exchange for a request with body; length -1 is not declared.
func request(method, path string, body io.Reader, length int64) (*http.Request, *exchange.Exchange) {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("User-Agent", "test")
	path, query, asked := strings.Cut(path, "?")
	return r, &exchange.Exchange{
		Client: &exchange.Client{Remote: netip.MustParseAddrPort("10.0.0.9:51000"), Local: netip.MustParseAddrPort("10.0.0.1:80")},
		Site:   &exchange.Site{Name: "site.example", Port: 80},
		Request: exchange.Request{
			Method: method, Proto: "HTTP/1.1", Target: path, Path: exchange.Path{Decoded: path, Mount: path, Encoded: path},
			Query: query, Asked: asked, Host: "asked.example", Port: 8080, Header: r.Header,
		},
		Settings: settings.Default(),
		Target:   exchange.Target{Kind: exchange.TargetForward, Rule: &exchange.Rule{Pattern: "/*", Worker: "n1"}},
		Body:     exchange.NewBody(body, length, 0),
	}
}

// recorder is a client that notes status and flushes in its Exchange.
type recorder struct {
	*httptest.ResponseRecorder
	x       *exchange.Exchange
	flushes int
	fail    error
}

func (r *recorder) WriteHeader(status int) {
	r.x.Response.Status = status
	r.ResponseRecorder.WriteHeader(status)
}
func (r *recorder) FlushError() error { r.flushes++; return r.fail }
func (r *recorder) Write(p []byte) (int, error) {
	if r.fail != nil {
		return 0, r.fail
	}
	return r.ResponseRecorder.Write(p)
}

func forward(w *Worker, r *http.Request, x *exchange.Exchange) (*recorder, error) {
	rec := &recorder{ResponseRecorder: httptest.NewRecorder(), x: x}
	return rec, w.Forward(rec, r, x)
}

func TestForward(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) {
		c.Answer(201, "hello", "Content-Type", "text/plain", "X-Own", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2",
			"Server", "hidden", "Date", "hidden", "Connection", "close", "Content-Length", "5")
	}}, func(c *Config) { c.Secret, c.Route = "s3", "route1" })
	r, x := request("GET", "/app/x.do?a=b", http.NoBody, 0)
	r.Header = http.Header{"User-Agent": {"test"}, "Cookie": {"a=1", "b=2"}, "Accept": {"x", "y"}, "Connection": {"X-Hop, Cookie"},
		"X-Hop": {"1"}, "Keep-Alive": {"1"}, "Te": {"trailers"}, "Upgrade": {"h2c"}, "Transfer-Encoding": {"chunked"}, "Content-Length": {"7"},
		"Ajp_remote_port": {"1"}}
	x.Request.Header = r.Header
	x.Request.HostHeader = "asked.example:8080"
	rec, err := forward(w, r, x)
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Content-Type": {"text/plain"}, "X-Own": {"1"}, "Set-Cookie": {"a=1", "b=2"}, "Content-Length": {"5"}}
	if diff := cmp.Diff(want, rec.Header()); diff != "" || rec.Code != 201 || rec.Body.String() != "hello" {
		t.Errorf("%d %q %s", rec.Code, rec.Body, diff)
	}
	got := s.Requests()[0]
	if got.Method != "GET" || got.URI != "/app/x.do" || got.ServerName != "asked.example" || got.ServerPort != 8080 || got.RemoteAddr != "10.0.0.9" || got.TLS {
		t.Errorf("%+v", got)
	}
	headers := map[string]string{}
	for _, h := range got.Headers {
		headers[h.Name] = h.Value
	}
	if diff := cmp.Diff(map[string]string{"Host": "asked.example:8080", "User-Agent": "test", "Cookie": "a=1; b=2", "Accept": "x, y",
		"Content-Length": "0", "Ajp_remote_port": "1"}, headers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ajp.Attributes{HasQuery: true, Query: "a=b", Route: "route1", Secret: "s3", Request: []ajp.RequestAttribute{
		{Name: "AJP_REMOTE_PORT", Value: "51000"}, {Name: "AJP_LOCAL_ADDR", Value: "10.0.0.1"}, {Name: "JK_LB_ACTIVATION", Value: "ACT"}}},
		got.Attributes); diff != "" {
		t.Error(diff)
	}
	if len(x.Attempts) != 1 || x.Attempts[0].Err != nil || x.Session.Answered != "route1" {
		t.Errorf("%+v %+v", x.Attempts, x.Session)
	}
}

// TestBodies sends bodies of all sizes, declared and not, both ways, on one
// connection.
func TestBodies(t *testing.T) {
	for _, packet := range []int{8192, 65536} {
		w, s := start(t, ajptest.Config{PacketSize: packet, Script: func(c *ajptest.Call) {
			ajptest.Serve(c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
		}}, func(c *Config) { c.MaxPacket = packet })
		for _, size := range []int{1, 8185, 8186, 8187, 65530, 65531, 3 << 20} {
			for _, declared := range []bool{true, false} {
				body := make([]byte, size)
				for i := range body {
					body[i] = byte(rand.Uint32())
				}
				length := int64(-1)
				if declared {
					length = int64(size)
				}
				r, x := request("POST", "/", bytes.NewReader(body), length)
				rec, err := forward(w, r, x)
				if err != nil || sha256.Sum256(rec.Body.Bytes()) != sha256.Sum256(body) {
					t.Errorf("%d bytes, declared %v: %d came back, %v", size, declared, rec.Body.Len(), err)
				}
			}
		}
		if n := s.Accepted(); n != 1 {
			t.Errorf("%d connections, want 1: it was not reused", n)
		}
	}
}

// TestCauses: each way to fail has its Cause, how far it came, and leaves no
// connection behind that could give one client another's answer.
func TestCauses(t *testing.T) {
	const nobody, container, client = exchange.ReachedNobody, exchange.ReachedContainer, exchange.ReachedClient
	big := strings.Repeat("x", 9000)
	for _, test := range []struct {
		name    string
		script  ajptest.Script
		change  func(*Config)
		prepare func(*http.Request, *exchange.Exchange)
		cause   exchange.Cause
		reached exchange.Reached
	}{
		{"closed before the answer", (*ajptest.Call).Close, nil, nil, exchange.CauseEOF, container},
		{"reset before the answer", (*ajptest.Call).Reset, nil, nil, exchange.CauseEOF, container},
		{"half a packet", func(c *ajptest.Call) { c.Raw([]byte{'A', 'B', 0, 9, 4}) }, nil, nil, exchange.CauseEOF, container},
		{"not AJP", func(c *ajptest.Call) { c.Raw([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, nil, nil, exchange.CauseProtocol, container},
		{"body before headers", func(c *ajptest.Call) { c.Body("x"); c.End(true) }, nil, nil, exchange.CauseProtocol, container},
		{"no headers", func(c *ajptest.Call) { c.End(true) }, nil, nil, exchange.CauseProtocol, container},
		{"headers twice", func(c *ajptest.Call) { c.Headers(200); c.Headers(200); c.End(true) }, nil, nil, exchange.CauseProtocol, client},
		{"cut in the body", func(c *ajptest.Call) { c.Headers(200); c.Body("x") }, nil, nil, exchange.CauseTruncated, client},
		{"shorter than declared", func(c *ajptest.Call) { c.Answer(200, "x", "Content-Length", "2") }, nil, nil, exchange.CauseTruncated, client},
		{"silent", func(c *ajptest.Call) { c.Hang() }, func(c *Config) { c.ReplyTimeout = 50 * time.Millisecond }, nil, exchange.CauseReplyTimeout, container},
		{"silent in the middle", func(c *ajptest.Call) { c.Headers(200); c.Body("x"); c.Hang() }, func(c *Config) { c.ReplyTimeout = 50 * time.Millisecond }, nil, exchange.CauseReplyTimeout, client},
		{"socket_timeout", func(c *ajptest.Call) { c.Hang() }, func(c *Config) { c.Socket.Timeout = 50 * time.Millisecond }, nil, exchange.CauseReplyTimeout, container},
		{"fail_on_status", func(c *ajptest.Call) { c.Answer(503, "x") }, func(c *Config) { c.FailOnStatus = []int{500, 503} }, nil, exchange.CauseFailOnStatus, container},
		{"soft", func(c *ajptest.Call) { c.Answer(503, "x") }, func(c *Config) { c.FailOnStatus = []int{-503} }, nil, exchange.CauseFailOnStatusSoft, container},
		{"refused", nil, func(c *Config) { c.Port = freePort() }, nil, exchange.CauseRefused, nobody},
		{"port 0", nil, func(c *Config) { c.Port = -1 }, nil, exchange.CauseAddress, nobody},
		{"no such host", nil, func(c *Config) { c.Host = "no-such-host.invalid" }, nil, exchange.CauseAddress, nobody},
		{"headers do not fit", nil, nil, func(r *http.Request, x *exchange.Exchange) { r.Header.Set("Cookie", big) }, exchange.CauseTooLarge, nobody},
		{"upload cut at once", nil, nil, func(r *http.Request, x *exchange.Exchange) { x.Body = exchange.NewBody(strings.NewReader(""), 9, 0) }, exchange.CauseClientRead, nobody},
		{"upload cut", func(c *ajptest.Call) { io.Copy(io.Discard, c); c.Answer(200, "") }, nil,
			func(r *http.Request, x *exchange.Exchange) { x.Body = exchange.NewBody(strings.NewReader("abc"), 9, 0) }, exchange.CauseClientRead, container},
		{"upload too large", func(c *ajptest.Call) { io.Copy(io.Discard, c); c.Answer(200, "") }, nil,
			func(r *http.Request, x *exchange.Exchange) {
				x.Body = exchange.NewBody(strings.NewReader(big), -1, 8500)
			}, exchange.CauseBodyTooLarge, container},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := test.script
			if script == nil {
				script = func(c *ajptest.Call) { c.Answer(200, "") }
			}
			w, s := start(t, ajptest.Config{Script: script}, test.change)
			r, x := request("GET", "/", http.NoBody, 0)
			if test.prepare != nil {
				test.prepare(r, x)
			}
			_, err := forward(w, r, x)
			failure, ok := errors.AsType[*exchange.Error](err)
			if !ok || failure.Cause != test.cause || failure.Reached != test.reached {
				t.Fatalf("%v (reached %v), want %v, %v", err, failure.Reached, test.cause, test.reached)
			}
			if x.Attempts[0].Err != failure {
				t.Errorf("attempt: %+v", x.Attempts)
			}
			if len(w.now.Load().pool.idle) > 0 && test.cause != exchange.CauseFailOnStatus && test.cause != exchange.CauseFailOnStatusSoft {
				t.Error("its connection is in the pool")
			}
			if opened, _ := w.now.Load().pool.sizes(); opened != len(w.now.Load().pool.idle) {
				t.Errorf("%d connections are counted, %d are idle", opened, len(w.now.Load().pool.idle))
			}
			_ = s
		})
	}
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestCutUploadIsSeen: the container must not take a cut upload for a whole
// one.
func TestCutUploadIsSeen(t *testing.T) {
	seen := make(chan error, 1)
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) {
		_, err := io.ReadAll(c)
		seen <- err
	}}, nil)
	r, x := request("POST", "/", io.MultiReader(strings.NewReader("abc"), &broken{}), -1)
	forward(w, r, x)
	if err := <-seen; err == nil {
		t.Error("the container saw the regular end of the body")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset by client") }

func TestRepeats(t *testing.T) {
	for _, test := range []struct {
		name    string
		method  string
		body    string
		recover Recovery
		refuse  bool // to connect, instead of closing after the request
		want    int  // requests at the container
	}{
		{"GET", "GET", "", 0, false, 3},
		{"PUT with its body", "PUT", "abc", 0, false, 3},
		{"POST", "POST", "abc", 0, false, 1},
		{"recovery_options 1", "GET", "", RecoverNotAfterSend, false, 1},
		{"1 and 16", "GET", "", RecoverNotAfterSend | RecoverGet, false, 3},
		{"1 and 8 and 16: GET too", "GET", "", RecoverNotAfterSend | RecoverHead | RecoverGet, false, 3},
		{"1 and 8: HEAD", "HEAD", "", RecoverNotAfterSend | RecoverHead, false, 3},
		{"a body too long to keep", "PUT", strings.Repeat("x", exchange.BodyKept+1), 0, false, 1},
	} {
		n := 0
		w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) {
			got, _ := io.ReadAll(c)
			if string(got) != test.body {
				t.Errorf("%s: body %q", test.name, got)
			}
			if n++; n == 3 {
				c.Answer(200, "")
			}
		}}, func(c *Config) { c.Retries, c.RetryInterval, c.Recovery = 3, time.Millisecond, test.recover })
		r, x := request(test.method, "/", strings.NewReader(test.body), int64(len(test.body)))
		_, err := forward(w, r, x)
		if got := len(s.Requests()); got != test.want || (err == nil) != (test.want == 3) {
			t.Errorf("%s: %d requests, want %d; %v", test.name, got, test.want, err)
		}
	}
}

// TestStaleConnections: connections that the container closed while they were
// idle cost no request, also not a POST.
func TestStaleConnections(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { io.Copy(io.Discard, c); c.Answer(200, "ok") }}, nil)
	for i := range 6 {
		method := []string{"GET", "POST"}[i%2]
		r, x := request(method, "/", strings.NewReader("abc"), 3)
		if _, err := forward(w, r, x); err != nil {
			t.Fatalf("%s %d: %v", method, i, err)
		}
		s.CloseIdle()
	}
}

// TestRaceWithClose: a connection that is closed just when a request goes out
// on it is replaced without a word, if the request may be repeated.
func TestRaceWithClose(t *testing.T) {
	n := 0
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) {
		if n++; n == 2 {
			return // as if it had been closed while idle
		}
		c.Answer(200, "ok")
	}}, nil)
	for range 2 {
		r, x := request("GET", "/", http.NoBody, 0)
		if _, err := forward(w, r, x); err != nil || len(x.Attempts) != 1 {
			t.Fatalf("%v, %+v", err, x.Attempts)
		}
	}
	if len(s.Requests()) != 3 || w.Snapshot().Errors != 0 {
		t.Errorf("%d requests, %d errors", len(s.Requests()), w.Snapshot().Errors)
	}
}

// TestSureConnections: a request that may not be repeated goes out only where
// the container has just shown that it lives.
func TestSureConnections(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { io.Copy(io.Discard, c); c.Answer(200, "ok") }}, nil)
	send := func(method string) {
		r, x := request(method, "/", http.NoBody, 0)
		if _, err := forward(w, r, x); err != nil {
			t.Fatal(err)
		}
	}
	send("GET")
	send("POST")
	if s.Pings() != 0 {
		t.Error("pinged although it answered within the last second")
	}
	w.now.Load().pool.idle[0].alive = time.Now().Add(-2 * time.Second)
	send("GET")
	w.now.Load().pool.idle[0].alive = time.Now().Add(-2 * time.Second)
	send("POST")
	if s.Pings() != 1 || s.Accepted() != 1 {
		t.Errorf("%d pings, %d connections; want 1, 1", s.Pings(), s.Accepted())
	}
}

func TestPings(t *testing.T) {
	for name, test := range map[string]struct {
		ping Ping
		mute bool
		want string
	}{
		"connect":            {Ping{Connect: 10 * time.Second}, false, ""},
		"prepost":            {Ping{Prepost: 10 * time.Second}, false, ""},
		"connect, no answer": {Ping{Connect: 20 * time.Millisecond}, true, "cping"},
	} {
		w, s := start(t, ajptest.Config{Mute: test.mute, Script: func(c *ajptest.Call) { c.Answer(200, "") }}, func(c *Config) { c.Ping = test.ping })
		for range 2 {
			r, x := request("GET", "/", http.NoBody, 0)
			_, err := forward(w, r, x)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if test.want == "" && s.Pings() != 1 {
			t.Errorf("%s: %d pings, want 1", name, s.Pings())
		}
	}
}

func TestClientGone(t *testing.T) {
	hung := make(chan error, 1)
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { hung <- c.Hang() }}, nil)
	r, x := request("GET", "/", http.NoBody, 0)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	_, err := forward(w, r.WithContext(ctx), x)
	if failure, ok := errors.AsType[*exchange.Error](err); !ok || failure.Cause != exchange.CauseClientWrite {
		t.Errorf("%v", err)
	}
	select {
	case <-hung:
	case <-time.After(10 * time.Second):
		t.Error("the container was not told")
	}
}

func TestClientDoesNotTake(t *testing.T) {
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "x") }}, nil)
	r, x := request("GET", "/", http.NoBody, 0)
	rec := &recorder{ResponseRecorder: httptest.NewRecorder(), x: x, fail: io.ErrClosedPipe}
	failure, ok := errors.AsType[*exchange.Error](w.Forward(rec, r, x))
	if !ok || failure.Cause != exchange.CauseClientWrite || failure.Reached != exchange.ReachedClient || len(w.now.Load().pool.idle) != 0 {
		t.Errorf("%v, %d idle", failure, len(w.now.Load().pool.idle))
	}
}

func TestFlush(t *testing.T) {
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) {
		c.FlushClient() // before the headers: means nothing
		c.Headers(200)
		c.Body("a")
		c.FlushClient()
		c.Body("b")
		c.End(true)
	}}, nil)
	for _, test := range []struct {
		forwarding exchange.Forwarding
		want       int
	}{{exchange.Forwarding{}, 1}, {exchange.Forwarding{FlushPackets: true}, 3}, {exchange.Forwarding{FlushHeader: true}, 2}} {
		r, x := request("GET", "/", http.NoBody, 0)
		x.Site = &exchange.Site{Forward: test.forwarding}
		if rec, err := forward(w, r, x); err != nil || rec.flushes != test.want || rec.Body.String() != "ab" {
			t.Errorf("%+v: %d flushes, want %d; %q, %v", test.forwarding, rec.flushes, test.want, rec.Body, err)
		}
	}
}

func TestBodiless(t *testing.T) {
	for _, test := range []struct {
		method string
		status int
	}{{"HEAD", 200}, {"GET", 204}, {"GET", 205}, {"GET", 304}} {
		w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(test.status, "must not be seen") }}, nil)
		for range 2 {
			r, x := request(test.method, "/", http.NoBody, 0)
			if rec, err := forward(w, r, x); err != nil || rec.Body.Len() > 0 || rec.Code != test.status {
				t.Errorf("%+v: %d %q, %v", test, rec.Code, rec.Body, err)
			}
		}
		if s.Accepted() != 1 {
			t.Errorf("%+v: the connection was not reused", test)
		}
	}
}

// TestTooMuch: bytes beyond the declared length never reach the client, and
// the connection is not used again.
func TestTooMuch(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "abcdef", "Content-Length", "3") }}, nil)
	for range 2 {
		r, x := request("GET", "/", http.NoBody, 0)
		if rec, err := forward(w, r, x); err != nil || rec.Body.String() != "abc" {
			t.Errorf("%q, %v", rec.Body, err)
		}
	}
	if s.Accepted() != 2 {
		t.Errorf("%d connections, want 2", s.Accepted())
	}
}

// TestEarlyAnswer: a container may answer before it has read the body.
func TestEarlyAnswer(t *testing.T) {
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(413, "enough") }}, nil)
	for range 3 {
		r, x := request("POST", "/", strings.NewReader(strings.Repeat("x", 100000)), 100000)
		if rec, err := forward(w, r, x); err != nil || rec.Code != 413 {
			t.Errorf("%d, %v", rec.Code, err)
		}
	}
}

func TestUseServerErrors(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(401, "tomcat's", "WWW-Authenticate", "Basic", "X-Own", "1") }}, nil)
	for range 2 {
		r, x := request("GET", "/", http.NoBody, 0)
		x.Target.Rule.Ext.UseServerErrors = 400
		rec, err := forward(w, r, x)
		refusal, ok := errors.AsType[*exchange.Refusal](err)
		if !ok || refusal.Status != 401 || rec.Body.Len() > 0 || rec.Header().Get("WWW-Authenticate") != "Basic" || rec.Header().Get("X-Own") != "" {
			t.Errorf("%v, %q, %v", err, rec.Body, rec.Header())
		}
	}
	if s.Accepted() != 1 {
		t.Error("the connection was not reused")
	}
}

func TestSecretHint(t *testing.T) {
	var log bytes.Buffer
	s := ajptest.Start(ajptest.Config{Secret: "right", Script: func(c *ajptest.Call) { c.Answer(200, "") }})
	defer s.Close()
	w, err := New(Config{Name: "n1", Host: "127.0.0.1", Port: s.Port(), Secret: "wrong"}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 3 {
		r, x := request("GET", "/", http.NoBody, 0)
		if rec, err := forward(w, r, x); err != nil || rec.Code != 403 {
			t.Errorf("%d, %v", rec.Code, err)
		}
	}
	if n := strings.Count(log.String(), "allowedRequestAttributesPattern"); n != 1 {
		t.Errorf("the hint was given %d times, want once a minute:\n%s", n, &log)
	}
	if strings.Contains(log.String(), "wrong") {
		t.Error("the secret is in the log")
	}
}

func TestPoolBounds(t *testing.T) {
	release := make(chan struct{})
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { <-release; c.Answer(200, "") }},
		func(c *Config) { c.Pool = Pool{Size: 2, AcquireTimeout: 10 * time.Second} })
	done := make(chan error, 5)
	for range 5 {
		go func() {
			r, x := request("GET", "/", http.NoBody, 0)
			_, err := forward(w, r, x)
			done <- err
		}()
	}
	for range 5 {
		release <- struct{}{}
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if s.Accepted() != 2 {
		t.Errorf("%d connections, want 2", s.Accepted())
	}
}

func TestPoolTimeout(t *testing.T) {
	release := make(chan struct{})
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { <-release; c.Answer(200, "") }},
		func(c *Config) { c.Pool = Pool{Size: 1, AcquireTimeout: 20 * time.Millisecond} })
	first := make(chan error)
	go func() {
		r, x := request("GET", "/", http.NoBody, 0)
		_, err := forward(w, r, x)
		first <- err
	}()
	for w.stats.busy.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for {
		r, x := request("GET", "/", http.NoBody, 0)
		if opened, _ := w.now.Load().pool.sizes(); opened == 0 {
			continue
		}
		_, err := forward(w, r, x)
		if failure, ok := errors.AsType[*exchange.Error](err); !ok || failure.Cause != exchange.CauseBusy {
			t.Errorf("%v", err)
		}
		break
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if len(w.now.Load().pool.waiting) != 0 {
		t.Error("who gave up still waits")
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "") }},
		func(c *Config) {
			c.Pool.MinSize = 1
			c.Pool.IdleTimeout = time.Minute
			c.Ping.Interval = 10 * time.Second
		})
	fill(t, w, 3)
	w.now.Load().pool.maintain(time.Now(), w.Config().Ping)
	if opened, _ := w.now.Load().pool.sizes(); opened != 3 || s.Pings() != 0 {
		t.Errorf("at once: %d connections, %d pings", opened, s.Pings())
	}
	w.now.Load().pool.maintain(time.Now().Add(20*time.Second), w.Config().Ping)
	if opened, _ := w.now.Load().pool.sizes(); opened != 3 || s.Pings() != 3 {
		t.Errorf("after connection_ping_interval: %d connections, %d pings", opened, s.Pings())
	}
	w.now.Load().pool.maintain(time.Now().Add(2*time.Minute), w.Config().Ping)
	if opened, _ := w.now.Load().pool.sizes(); opened != 1 {
		t.Errorf("after connection_pool_timeout: %d connections, want connection_pool_minsize", opened)
	}
	s.CloseIdle()
	for len(w.now.Load().pool.idle) > 0 {
		w.now.Load().pool.maintain(time.Now().Add(20*time.Second), w.Config().Ping)
	}
}

// fill puts n idle connections into the pool.
func fill(t *testing.T, w *Worker, n int) {
	t.Helper()
	for range n {
		if _, err := w.now.Load().pool.take(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		conn, err := w.now.Load().pool.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.now.Load().pool.release(held{conn, time.Now()}, true)
	}
}

func TestAdopt(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "") }}, nil)
	r, x := request("GET", "/", http.NoBody, 0)
	forward(w, r, x)
	for _, test := range []struct {
		change func(*Config)
		kept   bool
	}{
		{func(c *Config) { c.Retries, c.Pool.Size = 5, 7 }, true},
		{func(c *Config) { c.Secret = "new" }, false},
		{func(c *Config) { c.MaxPacket = 16384 }, false},
		{func(c *Config) { c.Port++ }, false},
	} {
		cfg := w.Config()
		test.change(&cfg)
		next, err := New(cfg, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		next.Adopt(w)
		if next.Adopted(w) != test.kept || (next.Snapshot().Used == 1) != test.kept {
			t.Errorf("%+v: adopted %v, want %v", cfg, next.Adopted(w), test.kept)
		}
	}
	if s.Accepted() != 1 {
		t.Errorf("%d connections", s.Accepted())
	}
}

func TestBusyLimit(t *testing.T) {
	hang := make(chan struct{})
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { hang <- struct{}{}; <-hang; c.Answer(200, "") }}, func(c *Config) { c.BusyLimit = 1 })
	done := make(chan error)
	go func() {
		r, x := request("GET", "/", http.NoBody, 0)
		_, err := forward(w, r, x)
		done <- err
	}()
	<-hang
	r, x := request("GET", "/", http.NoBody, 0)
	if _, err := forward(w, r, x); !strings.Contains(fmt.Sprint(err), "busy_limit") {
		t.Errorf("%v", err)
	}
	hang <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	_, err := New(Config{Port: 70000, Socket: Socket{Source: "nowhere"}}, nil, nil)
	for _, want := range []string{"without a name", "70000", "nowhere"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}

func TestURIs(t *testing.T) {
	_, x := request("GET", "/", http.NoBody, 0)
	x.Request.Target = "//f%20a%c3?q"
	x.Request.Path = exchange.Path{Encoded: "/f%20a%C3"}
	for mode, want := range map[exchange.URIMode]string{
		exchange.URIProxy: "/f%20a%C3", exchange.URICompat: "/f%20a%C3", exchange.URICompatUnparsed: "//f%20a%c3", exchange.URIEscaped: "/f%20a%c3",
	} {
		x.Site = &exchange.Site{Forward: exchange.Forwarding{URI: mode}}
		if got := uri(x); got != want {
			t.Errorf("%d: %s, want %s", mode, got, want)
		}
	}
}

func BenchmarkForward(b *testing.B) {
	body := strings.Repeat("x", 1024)
	w, _ := start(b, ajptest.Config{Script: func(c *ajptest.Call) {
		c.Answer(200, body, "Content-Type", "text/plain", "Content-Length", "1024")
	}}, nil)
	b.ReportAllocs()
	for b.Loop() {
		r, x := request("GET", "/", http.NoBody, 0)
		if _, err := forward(w, r, x); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEnvironment: variables override what the connection says, and those of
// JkEnvVar become attributes; nothing that a client sends does.
func TestEnvironment(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "") }}, nil)
	r, x := request("GET", "/", http.NoBody, 0)
	x.Site = &exchange.Site{Name: "site.example", Port: 80, Admin: "a@x.example", Forward: exchange.Forwarding{EnvVars: []exchange.EnvAttribute{
		{Name: "set"}, {Name: "unset"}, {Name: "defaulted", Default: "d"}, {Name: "empty", Default: "d"}, {Name: "REMOTE_PORT"}, {Name: "SERVER_ADMIN"}, {Name: "HTTPS"}, {Name: "REQUEST_SCHEME"},
	}}}
	for _, v := range []exchange.Var{
		{Name: "set", Value: "1"}, {Name: "empty", Value: ""}, {Name: "other", Value: "1"}, {Name: "JK_REMOTE_ADDR", Value: "192.0.2.1"}, {Name: "JK_REMOTE_PORT", Value: "99"},
		{Name: "JK_REMOTE_HOST", Value: "h.example"}, {Name: "JK_REMOTE_USER", Value: "joe"}, {Name: "JK_AUTH_TYPE", Value: "Basic"}, {Name: "JK_LOCAL_NAME", Value: "l.example"},
		{Name: "JK_LOCAL_ADDR", Value: "192.0.2.9"}, {Name: "JK_LOCAL_PORT", Value: "8443"},
	} {
		x.Env.Set(v.Name, v.Value)
	}
	r.Header.Set("unset", "by the client")
	if _, err := forward(w, r, x); err != nil {
		t.Fatal(err)
	}
	got := s.Requests()[0]
	if got.RemoteAddr != "192.0.2.1" || got.RemoteHost != "h.example" || got.ServerName != "l.example" || got.ServerPort != 8443 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(ajp.Attributes{RemoteUser: "joe", AuthType: "Basic", Route: "n1", Request: []ajp.RequestAttribute{
		{Name: "set", Value: "1"}, {Name: "defaulted", Value: "d"}, {Name: "REMOTE_PORT", Value: "51000"}, {Name: "SERVER_ADMIN", Value: "a@x.example"}, {Name: "REQUEST_SCHEME", Value: "http"},
		{Name: "AJP_REMOTE_PORT", Value: "99"}, {Name: "AJP_LOCAL_ADDR", Value: "192.0.2.9"}, {Name: "JK_LB_ACTIVATION", Value: "ACT"}}},
		got.Attributes); diff != "" {
		t.Error(diff)
	}
}
