package interop

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// A relay stands between a front and a node and counts the connections that
// the node would see.
type relay struct {
	listener net.Listener
	to       string
	accepted atomic.Int64
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // of both sides
}

// before returns a node like tc, but reached through a relay.
func before(t *testing.T, tc *peer.Tomcat) (*peer.Tomcat, *relay) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, to: tc.AJPAddr, conns: map[net.Conn]bool{}}
	r.running.Go(r.accept)
	t.Cleanup(r.close)
	through := *tc
	through.AJPAddr = listener.Addr().String()
	return &through, r
}

func (r *relay) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.accepted.Add(1)
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			from.Close()
			continue
		}
		r.join(from, to)
	}
}

// join carries what either side sends to the other until one closes.
func (r *relay) join(from, to net.Conn) {
	r.mu.Lock()
	r.conns[from], r.conns[to] = true, true
	r.mu.Unlock()
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		r.running.Go(func() {
			io.Copy(way[1], way[0])
			from.Close()
			to.Close()
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.conns, from)
			delete(r.conns, to)
		})
	}
}

func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}
