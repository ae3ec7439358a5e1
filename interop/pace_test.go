package interop

import (
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// A drop is what a slow client sends after a pause.
type drop struct {
	pause time.Duration
	text  string
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 (\d\d\d)`)

// drip sends parts and returns the status lines of the answers, and how long
// it took until the server closed.
func drip(addr string, parts []drop) (statuses string, took time.Duration) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error(), 0
	}
	defer conn.Close()
	began := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, p := range parts {
			time.Sleep(p.pause) // the client's own slowness
			if _, err := io.WriteString(conn, p.text); err != nil {
				return
			}
		}
	}()
	conn.SetReadDeadline(began.Add(20 * time.Second))
	answer, _ := io.ReadAll(conn)
	took = time.Since(began)
	conn.Close()
	<-sent
	var all []string
	for _, found := range statusLine.FindAllStringSubmatch(string(answer), -1) {
		all = append(all, found[1])
	}
	return strings.Join(all, " "), took
}

// TestRequestReadTimeout: how long clients may take for the head and the body
// of a request, and what they get then. Times are those of RequestReadTimeout,
// up to 3 s later.
func TestRequestReadTimeout(t *testing.T) {
	const host = "Host: main.example\r\n"
	trickle := func(first string, n int, pause time.Duration, text string) []drop {
		parts := []drop{{0, first}}
		for range n {
			parts = append(parts, drop{pause, text})
		}
		return parts
	}
	post := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\n" + host + "Content-Length: 100\r\n\r\n"
	}
	tests := []struct {
		rule     string
		parts    []drop
		statuses string
		took     time.Duration
	}{
		{"a line and a header", []drop{{0, "GET /a.txt HTTP/1.1\r\n" + host}}, "408", 3 * time.Second},
		{"a header now and then", trickle("GET /a.txt HTTP/1.1\r\n"+host, 12, 400*time.Millisecond, "X: yyyyyyyyyyyyyyy\r\n"), "408", 4 * time.Second},
		{"on a used connection", []drop{{0, "GET /a.txt HTTP/1.1\r\n" + host + "\r\n"}, {1500 * time.Millisecond, "GET /a.txt HTTP/1.1\r\n" + host}}, "200 408", 4500 * time.Millisecond},
		{"a body for a file", []drop{{0, post("/a.txt") + "0123456789"}}, "408", 1500 * time.Millisecond},
		{"a body for a node", []drop{{0, post("/app/x") + "0123456789"}}, "", 1500 * time.Millisecond},
		{"a chunk for a node", []drop{{0, "POST /app/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"}}, "", 1500 * time.Millisecond},
		{"a body that keeps the pace", append(trickle(post("/app/x"), 10, 200*time.Millisecond, "0123456789"), drop{0, "GET /a.txt HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"}), "200 200", 2 * time.Second},
		{"a body that waits to be asked for", []drop{{0, "POST /app/x HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"}}, "100", time.Second},
	}
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		a, b := nodes(t)
		f := front{dir: peer.Folder(t), workers: balancerOver(a, b), site: peer.LoadModules("reqtimeout") + open + `
DocumentRoot "@DIR@"
KeepAliveTimeout 3
RequestReadTimeout header=1-4,MinRate=20 body=1,MinRate=20
JkMount /app/* JVMRoute-pj001
`}
		f.file(t, "a.txt", "a\n")
		addr := start(f.write(t)).Addr
		var asking sync.WaitGroup
		for _, test := range tests {
			asking.Go(func() {
				statuses, took := drip(addr, test.parts)
				if statuses != test.statuses || took < test.took-200*time.Millisecond || took > test.took+3*time.Second {
					t.Errorf("%s: %q after %v, want %q after %v", test.rule, statuses, took, test.statuses, test.took)
				}
			})
		}
		asking.Wait()
	})
}
