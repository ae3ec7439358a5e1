package ajp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener is a listener whose connections are pipes, so that virtual
// time holds for them.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// dial returns the web server's side of a connection, nil if nobody accepts.
func (l *pipeListener) dial() *Conn {
	web, container := net.Pipe()
	select {
	case l.conns <- container:
		return NewConn(web, DefaultMaxPacket)
	case <-l.closed:
	case <-time.After(time.Minute):
	}
	return nil
}

// inBubble runs test with a Server in virtual time.
func inBubble(t *testing.T, s *Server, test func(t *testing.T, l *pipeListener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		s.Log = slog.New(slog.DiscardHandler)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		synctest.Wait()
		test(t, l)
		s.Close()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
}

var empty = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// TestShutdown: who is served ends well, who is idle is not surprised, and
// nothing new begins.
func TestShutdown(t *testing.T) {
	began, goOn := make(chan bool), make(chan bool)
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			began <- true
			<-goOn
		}
	})}
	synctest.Test(t, func(t *testing.T) {
		began, goOn = make(chan bool), make(chan bool)
		l := newPipeListener()
		s.Log = slog.New(slog.DiscardHandler)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		synctest.Wait()
		busy, used, pinged, old := l.dial(), l.dial(), l.dial(), l.dial()
		time.Sleep(2 * time.Second)
		for _, c := range []*Conn{used, pinged} {
			want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
		}
		answered := make(chan []string)
		go func() { answered <- hear(t, busy, ask("GET /slow", none), "") }()
		<-began
		time.Sleep(500 * time.Millisecond)
		ended := make(chan error)
		start := time.Now()
		go func() { ended <- s.Shutdown(context.Background()) }()
		synctest.Wait()
		if l.dial() != nil {
			t.Error("a new connection is accepted")
		}
		if m, err := old.Receive(); err != io.EOF {
			t.Errorf("a connection that nobody used for long is open: %v, %v", m, err)
		}
		want(t, hear(t, used, ask("GET /", none), ""), "headers 200 Content-Length=0", "end false")
		if err := pinged.Ping(time.Second); err != io.EOF {
			t.Errorf("CPing is answered: %v", err)
		}
		time.Sleep(10 * time.Second)
		select {
		case err := <-ended:
			t.Fatalf("Shutdown is over while a request runs: %v", err)
		default:
		}
		goOn <- true
		want(t, <-answered, "headers 200 Content-Length=0", "end false")
		if err := <-ended; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(start); took > 10*time.Second+100*time.Millisecond {
			t.Errorf("Shutdown took %v", took)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if err := s.Serve(newPipeListener()); err != http.ErrServerClosed {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

// TestShutdownIdle: a connection that answered just now stays for 1.5 s, since
// a request may be sent on it without a CPing.
func TestShutdownIdle(t *testing.T) {
	s := &Server{Handler: empty}
	inBubble(t, s, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		hear(t, c, ask("GET /", none), "")
		start := time.Now()
		gone := make(chan time.Duration)
		go func() {
			c.Receive()
			gone <- time.Since(start)
		}()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if after := <-gone; after < 1500*time.Millisecond || after > 1600*time.Millisecond {
			t.Errorf("closed after %v", after)
		}
	})
}

// TestShutdownTooLong: Shutdown gives up with its context, Close ends what is
// left, and tells it.
func TestShutdownTooLong(t *testing.T) {
	told := make(chan error, 1)
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		told <- r.Context().Err()
	})}
	inBubble(t, s, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		if err := c.SendRequest(ask("GET /", none), nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown: %v", err)
		}
		s.Close()
		if err := <-told; err != context.Canceled {
			t.Errorf("the request was told %v", err)
		}
		if m, err := c.Receive(); err != io.EOF {
			t.Errorf("%v, %v", m, err)
		}
	})
}

// TestServerTimeouts are those of connectionTimeout and keepAliveTimeout.
func TestServerTimeouts(t *testing.T) {
	s := &Server{ConnectionTimeout: 2 * time.Second, KeepAliveTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})}
	after := func(t *testing.T, what string, low, high time.Duration, wait func() error, ends error) {
		t.Helper()
		start := time.Now()
		if err := wait(); err != ends {
			t.Errorf("%s: %v, want %v", what, err, ends)
		}
		if took := time.Since(start); took < low || took > high {
			t.Errorf("%s: after %v", what, took)
		}
	}
	receive := func(c *Conn) func() error { return func() error { _, err := c.Receive(); return err } }
	inBubble(t, s, func(t *testing.T, l *pipeListener) {
		after(t, "nothing comes", 2*time.Second, 2*time.Second, receive(l.dial()), io.EOF)
		half := l.dial()
		half.nc.Write([]byte{0x12, 0x34, 0})
		after(t, "half of a packet", 2*time.Second, 2*time.Second, receive(half), io.EOF)
		c := l.dial()
		for range 2 {
			time.Sleep(time.Second)
			want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
			time.Sleep(8 * time.Second)
		}
		want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
		after(t, "no further request", 10*time.Second, 10*time.Second, receive(c), io.EOF)
		c = l.dial()
		if err := c.SendRequest(ask("POST /", "Content-Length: 3"), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1900 * time.Millisecond)
		if err := c.SendBody([]byte("a")); err != nil {
			t.Fatal(err)
		}
		want(t, listen(c), "ask 8186")
		start := time.Now()
		want(t, listen(c), "EOF") // no message may come before the answer to the last
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("a part of a body that does not come: after %v", took)
		}
	})
}

// TestServerUnlimited: without the settings nothing times out.
func TestServerUnlimited(t *testing.T) {
	inBubble(t, &Server{Handler: empty}, func(t *testing.T, l *pipeListener) {
		c := l.dial()
		for range 2 {
			time.Sleep(48 * time.Hour)
			want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
		}
	})
}

// TestMaxConnections: one more waits until there is room.
func TestMaxConnections(t *testing.T) {
	inBubble(t, &Server{Handler: empty, MaxConnections: 2}, func(t *testing.T, l *pipeListener) {
		first, second := l.dial(), l.dial()
		defer second.Close()
		time.AfterFunc(30*time.Second, func() { first.Close() })
		start := time.Now()
		third := l.dial()
		if took := time.Since(start); third == nil || took != 30*time.Second {
			t.Fatalf("the third connection was accepted after %v", took)
		}
		want(t, hear(t, third, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
	})
}

// TestMaxThreads: no more requests run at once, CPing is answered all the same.
func TestMaxThreads(t *testing.T) {
	var now, most atomic.Int32
	s := &Server{MaxThreads: 2, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := now.Add(1); n > most.Load(); {
			most.Store(n)
		}
		time.Sleep(time.Second)
		now.Add(-1)
	})}
	inBubble(t, s, func(t *testing.T, l *pipeListener) {
		start := time.Now()
		var asked sync.WaitGroup
		for range 6 {
			c := l.dial()
			asked.Go(func() { hear(t, c, ask("GET /", none), "") })
		}
		synctest.Wait()
		if err := l.dial().Ping(10 * time.Millisecond); err != nil {
			t.Errorf("CPing: %v", err)
		}
		asked.Wait()
		if took := time.Since(start); most.Load() != 2 || took != 3*time.Second {
			t.Errorf("%d at once, %v for all", most.Load(), took)
		}
	})
}

// TestSecretRequired: without a secret only this machine is served, unless the
// Server is told otherwise.
func TestSecretRequired(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Server{Handler: empty}).Serve(l); !errors.Is(err, ErrSecretRequired) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
	for _, s := range []*Server{{Handler: empty, Secret: "s"}, {Handler: empty, SecretNotRequired: true}} {
		l, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := NewConn(nc, DefaultMaxPacket).Ping(20 * time.Second); err != nil {
			t.Errorf("CPing: %v", err)
		}
		nc.Close()
		s.Close()
		<-served
	}
}

// TestServerBytes: what is not a Forward Request, byte by byte.
func TestServerBytes(t *testing.T) {
	forward := func(change func(b []byte) []byte) []byte {
		b, err := ask("GET /", none).AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		b = change(b)
		return append([]byte{0x12, 0x34, byte(len(b) >> 8), byte(len(b))}, b...)
	}
	pong := "41 42 00 01 09"
	for _, test := range []struct {
		name string
		sent []byte
		want string // a prefix, in hex
		ends bool
	}{
		{"CPing twice", unhex(t, "12 34 00 01 0a 12 34 00 01 0a"), pong + pong, false},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "", true},
		{"an answer", unhex(t, "41 42 00 02 05 01"), "", true},
		{"Shutdown", unhex(t, "12 34 00 01 07"), "", true},
		{"an unknown message", unhex(t, "12 34 00 01 63"), "", true},
		{"an empty packet", unhex(t, "12 34 00 00"), "", true},
		{"a body that nobody asked for", unhex(t, "12 34 00 03 00 01 61"), "", true},
		{"a packet that is too large", append(unhex(t, "12 34 1f fd"), make([]byte, 100)...), "41 42 00 5b 04 01 90", true},
		{"a method that is unknown", forward(func(b []byte) []byte { b[1] = 28; return b }), "41 42 00 65 04 01 f4", true},
		{"an attribute that is unknown", forward(func(b []byte) []byte { b[len(b)-1] = 14; return b }), "41 42 00 65 04 01 f4", true},
		{"a part of a request", forward(func(b []byte) []byte { return b[:20] }), "41 42 00 65 04 01 f4", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := serve(t, &Server{Handler: empty})()
			if _, err := c.nc.Write(test.sent); err != nil {
				t.Fatal(err)
			}
			prefix := unhex(t, strings.ReplaceAll(test.want, " ", ""))
			got := make([]byte, len(prefix))
			if _, err := io.ReadFull(c.nc, got); err != nil || !bytes.Equal(got, prefix) {
				t.Errorf("got % x, want % x, %v", got, prefix, err)
			}
			if !test.ends {
				return
			}
			if rest, err := io.ReadAll(c.nc); err != nil && !strings.Contains(err.Error(), "reset") || bytes.Contains(rest, []byte{5, 1}) {
				t.Errorf("then % x, %v", rest, err)
			}
		})
	}
}

// TestSpoken: the error of a first packet that is none tells what it is.
func TestSpoken(t *testing.T) {
	for text, want := range map[string]string{
		"GET / HTTP/1.1": "12 34: it is HTTP, and this port speaks AJP", "\x16\x03\x01\x02\x00": "12 34: it is TLS, and this port speaks AJP", "AB\x00\x02\x05\x01": "12 34", "\r\n\r\n": "12 34",
	} {
		var in input
		if _, err := in.packet(strings.NewReader(text), 0x12, 0x34, DefaultMaxPacket); err == nil || !strings.HasSuffix(err.Error(), "does not begin with "+want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A waiting is a RawConn that looks at the buffers of its connection when a
// read begins to wait.
type waiting struct {
	syscall.RawConn
	conn  *ContainerConn
	waits int
	held  bool
}

func (w *waiting) Read(f func(fd uintptr) bool) error {
	return w.RawConn.Read(func(fd uintptr) bool {
		if f(fd) {
			return true
		}
		w.waits++
		w.held = w.held || w.conn.in.buf != nil || w.conn.out != nil
		return false
	})
}

// TestServerIdle: an idle connection holds no buffer, nor does a request that is
// read.
func TestServerIdle(t *testing.T) {
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w.(*answer).conn.conn.in.buf != nil {
			t.Error("a request without a body holds a buffer for one")
		}
		io.WriteString(w, "x")
	})}
	s.start()
	web, container := pair(t, DefaultMaxPacket)
	c := newServerConn(s, container)
	w := &waiting{RawConn: c.conn.raw, conn: c.conn}
	c.conn.raw = w
	served := make(chan bool)
	go func() {
		defer close(served)
		c.serve()
	}()
	for range 3 {
		hear(t, web, ask("GET /", none), "")
		time.Sleep(5 * time.Millisecond) // so that it waits, most often
	}
	web.Close()
	<-served
	if w.waits == 0 || w.held {
		t.Errorf("it waited %d times, with a buffer: %v", w.waits, w.held)
	}
}

// TestServerClientGone: a request is told that its web server has gone.
func TestServerClientGone(t *testing.T) {
	began, ended := make(chan bool, 1), make(chan error, 1)
	c := handle(t, func(w http.ResponseWriter, r *http.Request) {
		began <- true
		select {
		case <-r.Context().Done():
			ended <- r.Context().Err()
		case <-time.After(20 * time.Second):
			ended <- nil
		}
	})
	if err := c.SendRequest(ask("GET /", none), nil); err != nil {
		t.Fatal(err)
	}
	<-began
	c.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the request was told %v", err)
	}
}
