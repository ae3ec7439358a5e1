package front

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// client2 speaks HTTP/2 in TLS.
func (f *fixture) client2(t *testing.T) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a"}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 60 * time.Second}
}

func (f *fixture) url(path string) string { return "https://" + f.front.Addresses()[0] + path }

// startTLS starts a front whose only site is TLS.
func startTLS(t *testing.T, script ajptest.Script, change func(*Config)) *fixture {
	return start(t, script, func(cfg *Config) {
		hosts(cfg, "a")
		cfg.Sites[1].secure(tlsSite(t, "a", "1", "1"))
		if change != nil {
			change(cfg)
		}
	})
}

// TestHTTP2ClientGoes: a stream that is reset, and a connection that ends,
// close the container's connection; others go on.
func TestHTTP2ClientGoes(t *testing.T) {
	began, ended := make(chan bool, 2), make(chan error, 2)
	f := startTLS(t, func(c *ajptest.Call) {
		if strings.HasPrefix(c.Request.URI, "/app/hang") {
			began <- true
			ended <- c.Hang()
			return
		}
		echo(c)
	}, nil)
	client := f.client2(t)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		r, _ := http.NewRequestWithContext(ctx, "GET", f.url("/app/hang"), nil)
		if answer, err := client.Do(r); err == nil {
			answer.Body.Close()
			t.Error("it was answered")
		}
	}()
	<-began
	cancel()
	if err := <-ended; err != io.EOF {
		t.Errorf("reset: the container saw %v", err)
	}
	answer, err := client.Get(f.url("/app/fine"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	conn, err := tls.Dial("tcp", f.front.Addresses()[0], &tls.Config{InsecureSkipVerify: true, ServerName: "a", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	// Preface, SETTINGS, and HEADERS of GET https://a/app/hang, which end the stream.
	block := append([]byte{0x82, 0x87, 0x41, 1, 'a', 0x44, 9}, "/app/hang"...)
	conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	conn.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})
	conn.Write(append([]byte{0, 0, byte(len(block)), 1, 5, 0, 0, 0, 1}, block...))
	<-began
	conn.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("gone: the container saw %v", err)
	}
}

// TestHTTP2Bodies: uploads of any size reach the container, in parallel, and
// answers come back; one that is too large is refused.
func TestHTTP2Bodies(t *testing.T) {
	limit := int64(32 << 20)
	f := startTLS(t, func(c *ajptest.Call) {
		ajptest.Serve(c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, err := io.ReadAll(r.Body); err == nil {
				w.Write(body)
			}
		}))
	}, func(cfg *Config) {
		cfg.Sites[1].Sections.Of = append(cfg.Sites[1].Sections.Of, vhost.Section{Kind: vhost.Location, Pattern: "/app", Layer: &settings.Layer{BodyLimit: &limit}})
	})
	client := f.client2(t)
	var all sync.WaitGroup
	for i, size := range []int{0, 1, 8186, 8187, 100_000, 3 << 20} {
		for _, declared := range []bool{true, false} {
			all.Go(func() {
				body := bytes.Repeat([]byte{byte('a' + i)}, size)
				var reader io.Reader = bytes.NewReader(body)
				if !declared {
					reader = io.MultiReader(reader)
				}
				answer, err := client.Post(f.url("/app/x"), "text/plain", reader)
				if err != nil {
					t.Errorf("%d bytes: %v", size, err)
					return
				}
				defer answer.Body.Close()
				got, err := io.ReadAll(answer.Body)
				if err != nil || !bytes.Equal(got, body) || answer.StatusCode != 200 {
					t.Errorf("%d bytes, declared %v: %d came back, %v, %s", size, declared, len(got), err, answer.Status)
				}
			})
		}
	}
	all.Wait()
	for _, declared := range []bool{true, false} {
		var reader io.Reader = bytes.NewReader(make([]byte, limit+1))
		if !declared {
			reader = io.MultiReader(reader)
		}
		answer, err := client.Post(f.url("/app/x"), "text/plain", reader)
		if err != nil {
			t.Errorf("too large, declared %v: %v", declared, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("too large, declared %v: %s", declared, answer.Status)
		}
	}
}

// TestHTTP2Limits: what a site takes holds for HTTP/2, too, with the status
// that httpd gives.
func TestHTTP2Limits(t *testing.T) {
	f := startTLS(t, echo, nil)
	client := f.client2(t)
	for _, test := range []struct {
		rule   string
		change func(*http.Request)
		status int
	}{
		{"a long line", func(r *http.Request) { r.URL.RawQuery = strings.Repeat("q", 2000) }, 414},
		{"a large header", func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 1000)) }, 431},
		{"many headers", func(r *http.Request) {
			for i := range 21 {
				r.Header.Add(fmt.Sprintf("X-%d", i), "x")
			}
		}, 431},
		{"more than any site takes", func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 80<<10)) }, 431},
		{"a bad host", func(r *http.Request) { r.Host = "a..b" }, 400},
		{"TRACE", func(r *http.Request) { r.Method = "TRACE" }, 405},
		{"dots with a parameter", func(r *http.Request) { r.URL.Opaque = "//a/app/..;x/y" }, 400},
	} {
		r, _ := http.NewRequest("GET", f.url("/app/x"), nil)
		r.Host = "a"
		test.change(r)
		answer, err := client.Do(r)
		if err != nil {
			t.Errorf("%s: %v", test.rule, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.rule, answer.Status, test.status)
		}
	}
}

// TestHTTP2Path: a :path is a path or "*"; a URL is none (RFC 9113, 8.3.1).
func TestHTTP2Path(t *testing.T) {
	f := startTLS(t, echo, nil)
	for path, want := range map[string]byte{
		"/app/x": 0x88, "/app/x?http://a/": 0x88, "//app/x": 0x88, // :status 200
		"https://a/app/x": 0x8c, "http://b/app/x": 0x8c, "HTTPS://a": 0x8c, "https:/app/x": 0x8c, "/app/ x": 0x8c, // :status 400
	} {
		if got := f.statusOf(t, path); got != want {
			t.Errorf("%q: the head of the answer begins with %#x, want %#x", path, got, want)
		}
	}
}

// statusOf asks for path in frames made by hand, which no client would send,
// and returns the byte with which the head of the answer begins, its :status.
func (f *fixture) statusOf(t *testing.T, path string) byte {
	t.Helper()
	conn, err := tls.Dial("tcp", f.front.Addresses()[0], &tls.Config{InsecureSkipVerify: true, ServerName: "a", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	block := append([]byte{0x82, 0x87, 0x41, 1, 'a', 0x04, byte(len(path))}, path...)
	io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	conn.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})
	conn.Write(append([]byte{0, 0, byte(len(block)), 1, 5, 0, 0, 0, 1}, block...))
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		switch head[3] {
		case 1: // HEADERS
			return payload[0]
		case 3, 7: // RST_STREAM, GOAWAY
			t.Fatalf("%q: frame %x %x", path, head, payload)
		}
	}
}

// TestHTTP2KeepAlive: KeepAlive Off and MaxKeepAliveRequests are about
// connections of HTTP/1: streams go on, as in httpd.
func TestHTTP2KeepAlive(t *testing.T) {
	f := startTLS(t, echo, func(cfg *Config) { cfg.Sites[1].Limits.KeepAlive.MaxRequests = 2 })
	client := f.client2(t)
	var conns sync.Map
	for range 6 {
		answer, err := client.Get(f.url("/app/x"))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Header.Get("Connection") != "" {
			t.Errorf("%v", answer.Header)
		}
	}
	for _, n := range f.nodes {
		for _, r := range n.Requests() {
			for _, a := range r.Attributes.Request {
				if a.Name == "AJP_REMOTE_PORT" {
					conns.Store(a.Value, true)
				}
			}
			if r.Protocol != "HTTP/2.0" || r.ServerName == "" || !r.TLS {
				t.Errorf("the container saw %+v", r)
			}
		}
	}
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestHTTP2Workers: MaxRequestWorkers bounds streams.
func TestHTTP2Workers(t *testing.T) {
	var now, most atomic.Int32
	f := startTLS(t, func(c *ajptest.Call) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		c.Sleep(10 * time.Millisecond)
		now.Add(-1)
		c.Answer(200, "ok")
	}, func(cfg *Config) { cfg.Process.MaxRequestWorkers = 3 })
	client := f.client2(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			answer, err := client.Get(f.url("/app/x"))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
		})
	}
	all.Wait()
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
}
