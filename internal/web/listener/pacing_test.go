package listener

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// TestPacing: a client that sends the head of a request too slowly gets 408,
// one that keeps its pace is answered, also on a connection that was used.
func TestPacing(t *testing.T) {
	pace := exchange.Pace{First: 300 * time.Millisecond, Most: 3 * time.Second, Rate: 40}
	g := New(Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }),
		Refuse:  func(w http.ResponseWriter, _ *http.Request, status int, _ string) { w.WriteHeader(status) },
		Way:     func(netip.AddrPort, string) Way { return Way{Head: pace} },
	}, func(address string) (net.Listener, error) { return net.Listen("tcp", address) })
	commit, _, err := g.Prepare([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	commit()
	defer g.Shutdown(t.Context())
	// ask sends parts with a pause before each, and returns the statuses.
	ask := func(pause time.Duration, parts ...string) string {
		conn, err := net.Dial("tcp", g.Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			for _, part := range parts {
				time.Sleep(pause) // the client's own slowness
				io.WriteString(conn, part)
			}
		}()
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answers := bufio.NewReader(conn)
		var all []string
		for {
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				return strings.Join(all, " ")
			}
			io.Copy(io.Discard, answer.Body)
			all = append(all, answer.Status[:3])
			if answer.Close {
				return strings.Join(all, " ")
			}
		}
	}
	const line, host = "GET / HTTP/1.1\r\n", "Host: a\r\n"
	const last = line + host + "Connection: close\r\n\r\n"
	for _, test := range []struct {
		rule  string
		pause time.Duration
		parts []string
		want  string
	}{
		{"nothing comes", 0, nil, ""},
		{"a part comes", 0, []string{line}, "408"},
		{"a part comes on a used connection", 0, []string{line + host + "\r\n" + line}, "200 408"},
		{"what comes in time", 100 * time.Millisecond, []string{line, host, "Connection: close\r\n\r\n"}, "200"},
		{"slowly, but at the pace", 150 * time.Millisecond, []string{line, host, "X-1: aaaaaaaaaaaaa\r\n", "X-2: aaaaaaaaaaaaa\r\n", "X-3: aaaaaaaaaaaaa\r\n", "Connection: close\r\n\r\n"}, "200"},
		{"at once", 0, []string{last}, "200"},
	} {
		if got := ask(test.pause, test.parts...); got != test.want {
			t.Errorf("%s: %q, want %q", test.rule, got, test.want)
		}
	}
}
