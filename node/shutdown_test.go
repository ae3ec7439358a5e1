package node

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// TestShutdownBesideSilent: connections that say nothing keep nobody from the
// word, however many there are.
func TestShutdownBesideSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	s := &shutdownPort{listener: l, command: "SHUTDOWN", log: slog.New(slog.NewTextHandler(log, nil))}
	stopped, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.run(t.Context(), func() { close(stopped) }) }()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for range 3 * maxAsking {
		dial()
	}
	began := time.Now()
	c := dial()
	io.WriteString(c, "SHUTDOWN")
	c.(*net.TCPConn).CloseWrite()
	<-stopped
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= commandTime {
		t.Errorf("the word is heard after %v", took)
	}
	if text := log.String(); !strings.Contains(text, "was closed for later ones") || strings.Contains(text, "use of closed") {
		t.Errorf("log:\n%s", text)
	}
}

// FuzzCommand: what comes at the shutdown port is a command of bounded length
// without control characters, and begins what came.
func FuzzCommand(f *testing.F) {
	for _, text := range []string{"SHUTDOWN\r\n", "", "\x00", strings.Repeat("x", 2000), "a\x7fb"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		command, _ := readCommand(bytes.NewReader(data))
		if len(command) > maxCommand || !strings.HasPrefix(string(data), command) {
			t.Fatalf("%q gives %q", data, command)
		}
		if strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%q gives %q", data, command)
		}
	})
}
