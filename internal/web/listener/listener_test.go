package listener

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// start serves handler on one address and returns it.
func start(t *testing.T, cfg Config) (*Group, string) {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	g := New(cfg, func(address string) (net.Listener, error) { return net.Listen("tcp", address) })
	commit, _, err := g.Prepare([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	commit()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		g.Shutdown(ctx)
	})
	return g, g.Addresses()[0].String()
}

// get makes one request on its own connection and returns the whole answer.
func get(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestConnectionIsKnown(t *testing.T) {
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, Of(r).Client.Local)
	})})
	if got := get(t, address, "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, address) {
		t.Errorf("the local address is not known: %q", got)
	}
}

func TestWireIsCounted(t *testing.T) {
	counted := make(chan [2]int64, 2)
	_, address := start(t, Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }),
		Done: func(c *Conn) {
			in, out := c.Client.Wire.Take()
			counted <- [2]int64{in, out}
		},
	})
	request := "GET / HTTP/1.0\r\n\r\n"
	answer := get(t, address, request)
	if got := <-counted; got != [2]int64{int64(len(request)), int64(len(answer))} {
		t.Errorf("counted %v, want %d and %d", got, len(request), len(answer))
	}
}

func TestFileGoesBySendfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(name, make([]byte, 9<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	took := make(chan int64, 1)
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		w.Header().Set("Content-Length", fmt.Sprint(9<<20))
		w.Header()["Content-Type"] = nil
		n, err := w.(io.ReaderFrom).ReadFrom(file)
		if err != nil {
			t.Error(err)
		}
		took <- n
	})})
	answer := get(t, address, "GET / HTTP/1.0\r\n\r\n")
	if _, body, _ := strings.Cut(answer, "\r\n\r\n"); len(body) != 9<<20 || <-took != 9<<20 {
		t.Errorf("%d bytes came", len(body))
	}
}

// TestReadFromHandsOnFiles proves that the file itself reaches the socket, so
// that the kernel can send it.
func TestReadFromHandsOnFiles(t *testing.T) {
	var given []io.Reader
	c := newConn(&readerFrom{given: &given}, New(Config{}, nil))
	file, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := c.ReadFrom(&io.LimitedReader{R: file, N: 100}); err != nil {
		t.Fatal(err)
	}
	if len(given) != 1 || given[0] != io.Reader(file) {
		t.Errorf("the socket was given %v, not the file", given)
	}
}

// readerFrom is a socket that notes from what it sends.
type readerFrom struct {
	net.TCPConn
	given *[]io.Reader
}

func (r *readerFrom) LocalAddr() net.Addr              { return nil }
func (r *readerFrom) RemoteAddr() net.Addr             { return nil }
func (r *readerFrom) SetWriteDeadline(time.Time) error { return nil }
func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	limited := src.(*io.LimitedReader)
	*r.given = append(*r.given, limited.R)
	return limited.N, nil
}

func TestIdleTimeIsOfTheLastRequest(t *testing.T) {
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r).SetTimes(time.Minute, 50*time.Millisecond)
	})})
	before := time.Now()
	get(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // returns when the server closes
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("the idle connection was kept for %v", took)
	}
}

func TestSlowReaderIsBrokenOff(t *testing.T) {
	ended := make(chan error, 1)
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r).SetTimes(100*time.Millisecond, time.Second)
		var err error
		for range 64 {
			if _, err = w.Write(make([]byte, 1<<20)); err != nil {
				break
			}
		}
		ended <- err
	})})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // and reads nothing
	select {
	case err := <-ended:
		if err == nil {
			t.Error("64 MiB went to a client that reads nothing")
		}
	case <-time.After(20 * time.Second):
		t.Error("the client was not broken off")
	}
}

// TestClientGone: a client that goes while its request is answered is noticed,
// one that stays, and one that already sends its next request, is not taken
// for gone.
func TestClientGone(t *testing.T) {
	type seen struct {
		gone bool
		took time.Duration
	}
	saw := make(chan seen, 1)
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, c := time.Now(), Of(r)
		for !c.Client.IsGone() && time.Since(began) < 2*time.Second {
			time.Sleep(5 * time.Millisecond)
		}
		saw <- seen{c.Client.IsGone(), time.Since(began)}
	})})
	for _, test := range []struct {
		rule string
		then func(net.Conn)
		gone bool
	}{
		{"closed", func(c net.Conn) { c.Close() }, true},
		{"reset", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }, true},
		{"stays", func(net.Conn) {}, false},
		{"sends the next", func(c net.Conn) { io.WriteString(c, "GET /") }, false},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(20 * time.Millisecond)
		test.then(conn)
		if got := <-saw; got.gone != test.gone {
			t.Errorf("%s: gone %v after %v", test.rule, got.gone, got.took)
		}
		conn.Close()
	}
}

// TestOneByteBodies: a body that comes byte by byte is not taken for the read
// that is cut short.
func TestOneByteBodies(t *testing.T) {
	_, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var all []byte
		one := make([]byte, 1)
		for {
			n, err := r.Body.Read(one)
			all = append(all, one[:n]...)
			if err != nil {
				break
			}
		}
		w.Write(all)
	})})
	body := strings.Repeat("0123456789", 1000)
	got := get(t, address, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if !strings.Contains(got, body[:1000]) || strings.Count(got, "0123456789") != 1000 {
		t.Errorf("%d bytes came back", len(got))
	}
}

func TestAddressesChange(t *testing.T) {
	g, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })})
	commit, _, err := g.Prepare([]string{"127.0.0.2:0"})
	if err != nil {
		t.Fatal(err)
	}
	commit()
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the old address still listens")
	}
	if got := get(t, g.Addresses()[0].String(), "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "ok") {
		t.Errorf("the new address: %q", got)
	}
	if _, _, err := g.Prepare([]string{"127.0.0.2:0", "256.0.0.1:1"}); err == nil {
		t.Error("a bad address is no error")
	}
	if len(g.Addresses()) != 1 {
		t.Error("a refused change left its sockets open")
	}
}
