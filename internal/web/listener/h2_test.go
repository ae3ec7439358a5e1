package listener

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// start2 serves handler by HTTP/2 in TLS and returns its URL.
func start2(t *testing.T, handler http.HandlerFunc, h H2) (*Group, string) {
	t.Helper()
	g, address := start(t, secured(t, Config{Handler: handler}, h))
	return g, "https://" + address
}

func TestHTTP2(t *testing.T) {
	var mu sync.Mutex
	records := map[*exchange.Client]bool{}
	release := make(chan bool)
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		c := Of(r)
		mu.Lock()
		records[&c.Client] = true
		all := len(records)
		mu.Unlock()
		if all == 10 {
			close(release)
		}
		<-release // ten at once, on one connection
		fmt.Fprintf(w, "%s %v %v %d", r.Proto, c.Client.TLS.Protocol, c.Client.Watched, r.ContentLength)
	}, H2{})
	client := client2(t)
	var all sync.WaitGroup
	var ports sync.Map
	for range 10 {
		all.Go(func() {
			answer, err := client.Get(url)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if string(body) != "HTTP/2.0 TLSv1.3 true 0" || answer.ProtoMajor != 2 || answer.Header["Content-Type"] != nil {
				t.Errorf("%s, %v", body, answer)
			}
			ports.Store(answer.Header.Get("X-Port"), true)
		})
	}
	all.Wait()
	if len(records) != 10 {
		t.Errorf("%d records for 10 requests", len(records))
	}
}

// TestH2C: HTTP/2 in clear for who begins with it, HTTP/1 for others; a site
// without it refuses it.
func TestH2C(t *testing.T) {
	var h2c atomic.Bool
	h2c.Store(true)
	cfg := Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })}
	cfg.Way = func(netip.AddrPort, string) Way { return Way{H2C: h2c.Load()} }
	_, address := start(t, cfg)
	answer, err := client2(t).Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(body) != "HTTP/2.0" {
		t.Errorf("%q", body)
	}
	for _, method := range []string{"GET", "PUT", "P", "PRIX"} {
		if got := get(t, address, method+" / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "HTTP/1.0") {
			t.Errorf("%s: %q", method, got)
		}
	}
	h2c.Store(false)
	client := client2(t)
	if answer, err := client.Get("http://" + address); err == nil {
		answer.Body.Close()
		t.Errorf("without h2c: %v", answer)
	}
}

// TestBodiesBothWays: a handler answers while it still reads, and a client
// sends while it still reads.
func TestBodiesBothWays(t *testing.T) {
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "%s!\n", lines.Text())
			w.(http.Flusher).Flush()
		}
	}, H2{})
	reader, writer := io.Pipe()
	r, err := http.NewRequest("POST", url, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sum": {"1"}} // ends here: the body must come whole all the same
	go fmt.Fprintln(writer, "0")
	answer, err := client2(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for i := range 10 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("%d!", i) {
			t.Fatalf("%q, %v", lines.Text(), lines.Err())
		}
		go fmt.Fprintln(writer, i+1)
	}
	lines.Scan()
	writer.Close()
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("after the end: %q, %v", lines.Text(), lines.Err())
	}
}

// TestEarlyAnswer: one that did not want the body is whole, and the connection
// stays.
func TestEarlyAnswer(t *testing.T) {
	conns := map[any]bool{}
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		conns[Of(r).Client.Remote] = true
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "no")
	}, H2{})
	client := client2(t)
	for range 3 {
		answer, err := client.Post(url, "text/plain", io.LimitReader(endless{}, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || string(body) != "no" || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%q, %v, %v", body, answer.Status, err)
		}
	}
	if len(conns) != 1 {
		t.Errorf("%d connections were needed", len(conns))
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestReset: a stream that its client gives up ends what waits for it, and
// nothing else of the connection.
func TestReset(t *testing.T) {
	began, gone := make(chan bool, 2), make(chan error, 2)
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fine" {
			return
		}
		interrupted := make(interrupt)
		Of(r).Client.Await(interrupted)
		began <- true
		select {
		case <-interrupted:
			gone <- r.Context().Err()
		case <-time.After(20 * time.Second):
			gone <- errors.New("not told")
		}
		Of(r).Client.Rest()
	}, H2{})
	client := client2(t)
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	go func() {
		<-began
		cancel()
	}()
	if answer, err := client.Do(r); err == nil {
		answer.Body.Close()
		t.Error("the request was answered")
	}
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler was told %v", err)
	}
	answer, err := client.Get(url + "/fine")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

type interrupt chan bool

func (i interrupt) Interrupt()     { close(i) }
func (i interrupt) Worker() string { return "w" }

// TestSlowReaderOfAStream: a client that takes nothing is given up after
// Timeout, one that sends nothing likewise, and its connection lives on.
func TestSlowReaderOfAStream(t *testing.T) {
	ended := make(chan error, 1)
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		Of(r).SetTimes(200*time.Millisecond, 0)
		var err error
		switch r.URL.Path {
		case "/takes-nothing":
			for err == nil {
				_, err = w.Write(make([]byte, 1<<20))
			}
		case "/sends-nothing":
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, err = r.Body.Read(make([]byte, 1))
		default:
			return
		}
		ended <- err
	}, H2{})
	client := client2(t)
	answer, err := client.Get(url + "/takes-nothing")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := <-ended; err == nil {
		t.Error("everything was taken")
	}
	reader, writer := io.Pipe()
	go client.Post(url+"/sends-nothing", "", reader)
	if err := <-ended; err == nil {
		t.Error("something was read")
	}
	writer.Close()
	if answer, err := client.Get(url + "/fine"); err != nil {
		t.Error(err)
	} else {
		answer.Body.Close()
	}
}

func TestLargeUpload(t *testing.T) {
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		in, _ := Of(r).Client.Wire.Take()
		fmt.Fprint(w, n, err, in > n)
	}, H2{})
	answer, err := client2(t).Post(url, "", io.LimitReader(endless{}, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != fmt.Sprint(64<<20, nil, true) {
		t.Errorf("%s", body)
	}
}

// TestDrainOfHTTP2: streams under way end well, and then the connection; no
// more are taken.
func TestDrainOfHTTP2(t *testing.T) {
	began, finish := make(chan bool, 1), make(chan bool)
	g, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			began <- true
			<-finish
		}
		io.WriteString(w, "done")
	}, H2{})
	client := client2(t)
	answers := make(chan string, 1)
	go func() {
		answer, err := client.Get(url + "/slow")
		if err != nil {
			answers <- err.Error()
			return
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		answers <- fmt.Sprint(string(body), err)
	}()
	<-began
	if all := g.Pending(); len(all) != 1 {
		t.Errorf("pending: %+v", all)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Shutdown(context.Background()) }()
	deadline := time.Now().Add(20 * time.Second)
	for { // once GOAWAY is there, the next request needs a connection that nobody takes
		if answer, err := client.Get(url + "/more"); err != nil {
			break
		} else {
			answer.Body.Close()
		}
		if time.Now().After(deadline) {
			t.Fatal("requests are still taken")
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(finish)
	if got := <-answers; got != "done<nil>" {
		t.Errorf("the slow one: %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestBrokenOffAtTheEnd: streams that do not end in time are broken off.
func TestBrokenOffAtTheEnd(t *testing.T) {
	began := make(chan bool, 1)
	g, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		began <- true
		<-r.Context().Done()
	}, H2{})
	done := make(chan error, 1)
	go func() {
		answer, err := client2(t).Get(url)
		if err == nil {
			answer.Body.Close()
		}
		done <- err
	}()
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := g.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-done; err == nil {
		t.Error("the request was answered")
	}
}

func TestIdleHTTP2Ends(t *testing.T) {
	g, url := start2(t, func(w http.ResponseWriter, r *http.Request) {}, H2{Idle: 100 * time.Millisecond})
	answer, err := client2(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	deadline := time.Now().Add(20 * time.Second)
	for {
		left := 0
		g.conns.each(func(*Conn) { left++ })
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the connection is still there")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestStreamsAreBounded: a client may open no more at once than it is told.
func TestStreamsAreBounded(t *testing.T) {
	var all sync.Map // by connection
	var most atomic.Int32
	_, url := start2(t, func(w http.ResponseWriter, r *http.Request) {
		counter, _ := all.LoadOrStore(Of(r).Client.Remote, new(atomic.Int32))
		now := counter.(*atomic.Int32)
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
	}, H2{Streams: 3})
	client := client2(t)
	var requests sync.WaitGroup
	for range 20 {
		requests.Go(func() {
			answer, err := client.Get(url)
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
		})
	}
	requests.Wait()
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
}

// TestRapidReset: a client that opens streams and takes them back at once gets
// no more work done at once than its streams, and is sent away.
func TestRapidReset(t *testing.T) {
	const streams, calm = 3, 11 // ENHANCE_YOUR_CALM
	began, release := make(chan bool, 100), make(chan bool)
	cfg := Config{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		began <- true
		<-release // busy, and deaf to the reset
	})}
	cfg.Way = func(netip.AddrPort, string) Way { return Way{H2C: true, H2: H2{Streams: streams}} }
	_, address := start(t, cfg)
	defer close(release)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+"\x00\x00\x00\x04\x00\x00\x00\x00\x00") // SETTINGS
		for id := byte(1); id < 200; id += 2 {
			// HEADERS that end it, GET http://a/, then RST_STREAM with CANCEL.
			io.WriteString(conn, "\x00\x00\x06\x01\x05\x00\x00\x00"+string([]byte{id})+"\x82\x86\x84\x41\x01a"+
				"\x00\x00\x04\x03\x00\x00\x00\x00"+string([]byte{id})+"\x00\x00\x00\x08")
		}
	}()
	for in := bufio.NewReader(conn); ; {
		var head [9]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		payload := make([]byte, int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(in, payload); err != nil {
			t.Fatal(err)
		}
		if head[3] == 7 { // GOAWAY
			if len(payload) < 8 || payload[7] != calm {
				t.Errorf("GOAWAY %x", payload)
			}
			break
		}
	}
	for range streams {
		<-began
	}
	if n := len(began); n > 0 {
		t.Errorf("%d more at once", n)
	}
}
