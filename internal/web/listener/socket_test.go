package listener

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A slowSocket holds back Accept until it is let go, so that connections wait
// in the kernel, and is slow then, as on a machine that has much to do.
type slowSocket struct {
	*net.TCPListener
	hold chan struct{}
}

func (s *slowSocket) Accept() (net.Conn, error) {
	<-s.hold
	time.Sleep(time.Millisecond)
	return s.TCPListener.Accept()
}

// TestLastCalls: connections that the kernel has taken are served when their
// socket is not wanted any more.
func TestLastCalls(t *testing.T) {
	for _, end := range []struct {
		rule string
		do   func(*Group)
	}{
		{"removed", func(g *Group) {
			commit, _, err := g.Prepare(nil)
			if err != nil {
				t.Error(err)
				return
			}
			commit()
		}},
		{"shut down", func(g *Group) { g.Shutdown(t.Context()) }},
	} {
		hold := make(chan struct{})
		g := New(Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })},
			func(address string) (net.Listener, error) {
				l, err := net.Listen("tcp", address)
				if err != nil {
					return nil, err
				}
				return &slowSocket{l.(*net.TCPListener), hold}, nil
			})
		commit, _, err := g.Prepare([]string{"127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		commit()
		address := g.Addresses()[0].String()
		var asking sync.WaitGroup
		for range 10 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			asking.Go(func() {
				io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
				if answer, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(answer), "ok") {
					t.Errorf("%s: %q, %v", end.rule, answer, err)
				}
			})
		}
		asking.Go(func() { end.do(g) })
		close(hold)
		asking.Wait()
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s: it still listens", end.rule)
		}
		g.Shutdown(t.Context())
	}
}

// TestShutdownLeavesAMoment: who has just connected may ask once, who has had
// an answer is let go at once, who never asks does not hold up the end.
func TestShutdownLeavesAMoment(t *testing.T) {
	g, address := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })})
	dial := func() (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		return conn, bufio.NewReader(conn)
	}
	ask := func(conn net.Conn, answers *bufio.Reader) (closes bool) {
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Error(err)
			return true
		}
		io.Copy(io.Discard, answer.Body)
		return answer.Close
	}
	used, usedAnswers := dial()
	if ask(used, usedAnswers) {
		t.Error("the connection is not kept")
	}
	fresh, freshAnswers := dial()
	dial() // never asks
	for n := 0; n < 3; time.Sleep(time.Millisecond) {
		n = 0
		g.conns.each(func(*Conn) { n++ })
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Shutdown(context.Background()) }()
	if _, err := usedAnswers.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v", err)
	}
	if !ask(fresh, freshAnswers) {
		t.Error("the answer does not say that the connection closes")
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a client that never asks")
	}
}

// TestOwnPort: that the Group itself has the port of an address that cannot be
// opened is told.
func TestOwnPort(t *testing.T) {
	g, address := start(t, Config{})
	port := portOf(address)
	commit, _, err := g.Prepare([]string{address}) // by its number
	if err == nil {
		commit()
		t.Fatal("the same address twice")
	}
	if bind, ok := errors.AsType[*BindError](err); !ok || bind.Own {
		t.Errorf("%v", err) // it was opened as port 0
	}
	g, _ = start(t, Config{})
	commit, _, err = g.Prepare([]string{"127.0.0.2:" + port})
	if err != nil {
		t.Fatal(err)
	}
	commit()
	_, _, err = g.Prepare([]string{":" + port})
	if bind, ok := errors.AsType[*BindError](err); !ok || !bind.Own || bind.Address != ":"+port {
		t.Errorf("%v", err)
	}
}
