package front

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/privilege"
)

// A pipes is an Opener whose sockets take connections of this process.
type pipes struct {
	privilege.Direct
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Listen(string) (net.Listener, error) { return p, nil }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.dialled <- theirs
	return ours
}

// TestDrainTells: every 10 s a drain tells what it waits for, without the
// query; a second call shortens it; what does not end is told, too.
func TestDrainTells(t *testing.T) {
	f := configure(t, echo, func(c *Config) { c.Sites[0].Limits.Timeout = time.Hour }) // its nodes are outside the bubble
	synctest.Test(t, func(t *testing.T) {
		opener := newPipes()
		server, err := New(f.cfg, opener)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Run(t.Context()) }()
		first, second := opener.dial(), opener.dial()
		defer first.Close()
		defer second.Close()
		io.WriteString(first, "POST /a.html?secret=x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab") // and no more
		time.Sleep(5 * time.Second)
		io.WriteString(second, "POST /index.html HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab")
		synctest.Wait()
		const want = "waits for 2 requests, the oldest for 5s: POST /a.html from invalid AddrPort"
		if got := server.Waits().String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		began := time.Now()
		server.Shutdown(0) // for ever
		time.Sleep(21 * time.Second)
		server.Shutdown(14 * time.Second)
		server.Shutdown(time.Hour) // changes nothing
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 35*time.Second || took > 37*time.Second {
			t.Errorf("it ended after %v", took)
		}
	})
	var got []string
	for line := range strings.Lines(f.log(t, "error_log")) {
		if _, text, ok := strings.Cut(line, "] draining: "); ok {
			got = append(got, strings.TrimSpace(text))
		}
		if _, text, ok := strings.Cut(line, "] requests are "); ok {
			got = append(got, strings.TrimSpace(text))
		}
	}
	want := []string{
		`waiting for requests to end requests=2 oldest=15s request="POST /a.html"`,
		`waiting for requests to end requests=2 oldest=25s request="POST /a.html"`,
		`waiting for requests to end requests=2 oldest=35s request="POST /a.html" left=5s`,
		`broken off at the end of the time to drain requests=2 oldest=40s request="POST /a.html"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n%s\nwant\n%s", filepath.Base(f.dir), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWaitsForWorker: a request that waits for a container tells which.
func TestWaitsForWorker(t *testing.T) {
	hold := make(chan struct{})
	f := start(t, func(c *ajptest.Call) { <-hold; echo(c) }, nil)
	done := make(chan struct{})
	go func() { f.get(t, "/app/x?a=b"); close(done) }()
	until(t, "a node has /app/x", func() bool { return f.nodes[0].Count("/app/x")+f.nodes[1].Count("/app/x") > 0 })
	w := f.front.Waits()
	if got := w.String(); !strings.HasPrefix(got, "waits for 1 request, for 0s: GET /app/x from 127.0.0.1:") || !strings.HasSuffix(got, ", at worker n1") && !strings.HasSuffix(got, ", at worker n2") {
		t.Errorf("%q", got)
	}
	close(hold)
	<-done
	until(t, "it waits for nothing that has ended", func() bool { return f.front.Waits().Requests == 0 })
	if got := f.front.Waits().String(); got != "" {
		t.Errorf("%q", got)
	}
}
