package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/web/handshake"
)

// secured is cfg with a site that speaks TLS, with HTTP/2 as h says.
func secured(t *testing.T, cfg Config, h H2) Config {
	cert := certtest.Issue(t, nil, nil, "a.example", nil)
	policy := handshake.New(handshake.Config{Site: "a", Certificates: []tls.Certificate{cert.TLS()}, Protocols: []string{"h2", "http/1.1"},
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13, Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	cfg.Way = func(netip.AddrPort, string) Way { return Way{TLS: policy, H2: h} }
	return cfg
}

var insecure = &tls.Config{InsecureSkipVerify: true, ServerName: "a.example"}

// dialTLS connects by TLS, for HTTP/1.
func dialTLS(t *testing.T, address string) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", address, insecure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// client2 speaks HTTP/2 only, in TLS or in clear.
func client2(t *testing.T) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{TLSClientConfig: insecure.Clone(), Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func TestTLS(t *testing.T) {
	counted := make(chan [2]int64, 1)
	_, address := start(t, secured(t, Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			c := Of(r)
			fmt.Fprintf(w, "%s %s %s %s", r.Proto, c.Client.TLS.Protocol, c.Client.TLS.ServerName, body)
		}),
		Done: func(c *Conn) {
			in, out := c.Client.Wire.Take()
			counted <- [2]int64{in, out}
		},
	}, H2{}))
	conn := dialTLS(t, address)
	for range 2 {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
		answer := make([]byte, 4096)
		n, err := conn.Read(answer)
		if err != nil || !strings.HasSuffix(string(answer[:n]), "HTTP/1.1 TLSv1.3 a.example hi") {
			t.Fatalf("%q, %v", answer[:n], err)
		}
		if got := <-counted; got[0] <= 54 || got[1] <= int64(n) {
			t.Errorf("counted %v: no more than in clear", got)
		}
	}
}

func TestFileInTLS(t *testing.T) {
	_, address := start(t, secured(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(os.Args[0])
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		info, _ := file.Stat()
		w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
		w.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: file, N: info.Size()})
	})}, H2{}))
	want, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	conn := dialTLS(t, address)
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	_, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	if err != nil || !bytes.Equal(body, want) {
		t.Errorf("%d of %d bytes came, %v", len(body), len(want), err)
	}
	answer2, err := client2(t).Get("https://" + address)
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(answer2.Body)
	answer2.Body.Close()
	if err != nil || !bytes.Equal(body, want) {
		t.Errorf("HTTP/2: %d of %d bytes came, %v", len(body), len(want), err)
	}
}

// TestAstray: HTTP in clear is answered in clear, whether it can be read or
// not, and what is neither is not answered.
func TestAstray(t *testing.T) {
	failed := make(chan error, 1)
	_, address := start(t, secured(t, Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("it was served") }),
		Astray: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "astray: ", r.RequestURI)
		}),
		Failed: func(_ *Conn, err error) { failed <- err },
	}, H2{}))
	for _, request := range []string{"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "hello\r\n\r\n"} {
		got := get(t, address, request)
		if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(got, "Connection: close") || !strings.Contains(got, "astray: ") {
			t.Errorf("%q: %q", request, got)
		}
	}
	if got := get(t, address, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasSuffix(got, "astray: /x") {
		t.Errorf("the request was not read: %q", got)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte{0x80, 0, 1, 3, 1, 0, 0, 0, 0, 0})
	if answer, _ := io.ReadAll(conn); bytes.Contains(answer, []byte("HTTP")) {
		t.Errorf("%q", answer)
	}
	if err := <-failed; err == nil {
		t.Error("the failed handshake is not told")
	}
}

func TestHandshakeTakesTooLong(t *testing.T) {
	failed := make(chan error, 1)
	g, address := start(t, secured(t, Config{Failed: func(_ *Conn, err error) { failed <- err }}, H2{}))
	g.SetLimits(Limits{HeaderTimeout: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte{0x16, 3, 1})
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the handshake ended with %v", err)
	}
}

// TestClientGoneInTLS: a client that goes is noticed, though the alert with
// which it ends TLS is still to be read.
func TestClientGoneInTLS(t *testing.T) {
	saw := make(chan bool, 1)
	_, address := start(t, secured(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, c := time.Now(), Of(r)
		for !c.Client.IsGone() && time.Since(began) < time.Second {
			time.Sleep(5 * time.Millisecond)
		}
		saw <- c.Client.IsGone()
	})}, H2{}))
	for _, test := range []struct {
		rule string
		then func(*tls.Conn)
		gone bool
	}{
		{"closed", func(c *tls.Conn) { c.Close() }, true},
		{"reset", func(c *tls.Conn) { c.NetConn().(*net.TCPConn).SetLinger(0); c.NetConn().Close() }, true},
		{"stays", func(*tls.Conn) {}, false},
		{"sends the next", func(c *tls.Conn) { io.WriteString(c, "GET /") }, false},
	} {
		conn := dialTLS(t, address)
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(20 * time.Millisecond)
		test.then(conn)
		if got := <-saw; got != test.gone {
			t.Errorf("%s: gone %v", test.rule, got)
		}
		conn.Close()
	}
}

// TestIdleConnectionEndsInOrder: with the alert that ends TLS, so that the
// client knows that nothing is missing.
func TestIdleConnectionEndsInOrder(t *testing.T) {
	_, address := start(t, secured(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r).SetTimes(time.Minute, 50*time.Millisecond)
	})}, H2{}))
	conn := dialTLS(t, address)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("%q, %v", answer, err)
	}
}

// TestBrokenOffInTLS: what was broken off does not look whole.
func TestBrokenOffInTLS(t *testing.T) {
	_, address := start(t, secured(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})}, H2{}))
	conn := dialTLS(t, address)
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	if answer, err := io.ReadAll(conn); err == nil {
		t.Errorf("it looks whole: %q", answer)
	}
	answer, err := client2(t).Get("https://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("HTTP/2: it looks whole: %q", body)
	}
}

// TestDrainInTLS: an idle connection ends at once, a request that is under way
// is answered, one that has just been sent, too.
func TestDrainInTLS(t *testing.T) {
	began, finish := make(chan bool, 1), make(chan bool)
	var requests atomic.Int32
	g, address := start(t, secured(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path == "/slow" {
			began <- true
			<-finish
		}
		io.WriteString(w, "done")
	})}, H2{}))
	idle, busy := dialTLS(t, address), dialTLS(t, address)
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	idle.Read(make([]byte, 4096))
	io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	ended := make(chan error, 1)
	go func() { ended <- g.Shutdown(context.Background()) }()
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection ended with %v", err)
	}
	close(finish)
	if answer, err := io.ReadAll(busy); err != nil || !strings.HasSuffix(string(answer), "done") {
		t.Errorf("%q, %v", answer, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
