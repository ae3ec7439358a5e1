package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/node/demo"
	"github.com/catflap/catflap/session"
)

// A demoNode is a node of the demonstration that can be stopped and started
// again. Many goroutines may use it.
type demoNode struct {
	name, secret string
	log          *slog.Logger
	requests     atomic.Int64 // answered, also before a stop

	mu      sync.Mutex
	addr    string // of its AJP connector, from the first start on
	running *runningNode
}

// A runningNode is a demoNode from start to stop: its sessions end with it.
type runningNode struct {
	server   *ajp.Server
	sessions *session.Memory
	cancel   context.CancelFunc
	parts    sync.WaitGroup
}

// start starts n if it is stopped. After the first time it listens on the same
// port again.
func (n *demoNode) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running != nil {
		return nil
	}
	addr := n.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	n.addr = listener.Addr().String()
	r := &runningNode{sessions: session.NewMemory(session.MemoryConfig{Route: n.name, MaxActive: 10000})}
	app, err := session.Handler(session.Config{ContextPath: "/demo", Log: n.log}, r.sessions, demo.New(demo.Config{Node: n.name}))
	if err != nil {
		listener.Close()
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	r.server = &ajp.Server{Secret: n.secret, Log: n.log, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n.requests.Add(1)
		app.ServeHTTP(w, req)
	})}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.parts.Go(func() { r.sessions.Run(ctx) })
	r.parts.Go(func() {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("a node has ended", "node", n.name, "err", err)
		}
	})
	n.running = r
	return nil
}

// stopTime is how long the requests of a node may take once it is to stop.
const stopTime = 3 * time.Second

// stop stops n if it runs, and returns when nothing of it is left.
func (n *demoNode) stop(limit time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.running
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		r.server.Close()
	}
	r.cancel()
	r.parts.Wait()
	n.running = nil
}

// toggle stops or starts n, and says what it is then.
func (n *demoNode) toggle() string {
	var err error
	if n.state().Running {
		n.stop(stopTime)
	} else {
		err = n.start()
	}
	if err != nil {
		return err.Error()
	}
	return n.state().String()
}

// A nodeState is what a demoNode is like.
type nodeState struct {
	Name, Addr string
	Running    bool
	Requests   int64
	Sessions   int
}

func (s nodeState) String() string {
	if s.Running {
		return s.Name + " runs"
	}
	return s.Name + " is stopped"
}

func (n *demoNode) state() nodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := nodeState{Name: n.name, Addr: n.addr, Running: n.running != nil, Requests: n.requests.Load()}
	if n.running != nil {
		s.Sessions = n.running.sessions.Len()
	}
	return s
}
