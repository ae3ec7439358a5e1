package ajp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is a container: it answers the requests of web servers by an
// http.Handler, as http.Server does for clients. Its zero value serves
// http.DefaultServeMux on loopback. Its fields are not changed after Serve
// was called; its methods may be called by many goroutines.
//
// A request has what the web server told: its RemoteAddr is the client's,
// its TLS is set if the client came by TLS, and FromContext gives the rest.
// The Handler may read the body before, while and after it writes; what
// happens on the wire is that nothing is written while a read waits. A
// ResponseWriter is an http.Flusher and an io.ReaderFrom, and an
// http.ResponseController can set its deadlines. What AJP/1.3 cannot carry is
// left out: interim answers (1xx), trailers, upgrades.
//
// Each field names its attribute of Tomcat's AJP connector.
type Server struct {
	Handler http.Handler // nil is http.DefaultServeMux

	Secret            string // secret: wanted in each request
	SecretNotRequired bool   // secretRequired="false": Secret may be empty where others than this machine can connect

	// allowedRequestAttributesPattern: matches the whole name of each request
	// attribute that is taken besides those that web servers are known to
	// send. A request with another one is answered 403.
	AllowedRequestAttributes *regexp.Regexp

	PacketSize        int           // packetSize: 8192 to 65536 bytes; default 8192
	ConnectionTimeout time.Duration // connectionTimeout: of the first request, of each part of a body, of each write; 0 is none
	KeepAliveTimeout  time.Duration // keepAliveTimeout: between requests; 0 is ConnectionTimeout, less is none
	MaxConnections    int           // maxConnections: further ones wait; default 8192, less than 0 is no limit
	MaxThreads        int           // maxThreads: the most requests at once, others wait; 0 is no limit
	MaxHeaderCount    int           // maxHeaderCount; default 100, less than 0 is no limit
	MaxPostSize       int64         // maxPostSize: bytes of a form (application/x-www-form-urlencoded); default 2 MiB, less than 0 is no limit

	Log *slog.Logger // nil is slog.Default()

	serving
}

// What Tomcat's connector has where nothing is said.
const (
	defaultMaxConnections = 8192
	defaultMaxHeaderCount = 100
	defaultMaxPostSize    = 2 << 20
)

// serving is the running state of a Server.
type serving struct {
	begin    sync.Once
	settings settings
	done     chan struct{} // closed by Shutdown and Close
	ctx      context.Context
	cancel   context.CancelFunc // ends ctx: requests are to give up
	told     atomic.Int64       // when a refusal was last logged as a warning, in Unix seconds

	mu       sync.Mutex
	draining bool
	accepts  map[*accepting]bool
}

// settings are the Server's fields with their defaults.
type settings struct {
	handler    http.Handler
	allowed    *regexp.Regexp // whole names
	packetSize int
	idle       time.Duration // between requests; 0 is none
	headers    int
	post       int64
	slots      chan struct{} // one for each request at once; nil is no limit
	log        *slog.Logger
}

// ErrSecretRequired is returned by Serve when others than this machine could
// connect and no secret protects the Handler from them: whoever speaks AJP
// says who the user is.
var ErrSecretRequired = errors.New("a secret is required: set Secret to the web server's, listen on loopback, or set SecretNotRequired")

func (s *Server) start() {
	s.begin.Do(func() {
		s.done = make(chan struct{})
		s.accepts = map[*accepting]bool{}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		c := &s.settings
		c.handler, c.log = s.Handler, s.Log
		if c.handler == nil {
			c.handler = http.DefaultServeMux
		}
		if c.log == nil {
			c.log = slog.Default()
		}
		if s.AllowedRequestAttributes != nil {
			c.allowed = regexp.MustCompile(`\A(?:` + s.AllowedRequestAttributes.String() + `)\z`)
		}
		c.packetSize = DefaultMaxPacket
		if s.PacketSize > 0 {
			c.packetSize = min(max(s.PacketSize, MinMaxPacket), MaxMaxPacket)
		}
		c.idle = s.KeepAliveTimeout
		if c.idle == 0 {
			c.idle = s.ConnectionTimeout
		}
		c.headers = orDefault(s.MaxHeaderCount, defaultMaxHeaderCount)
		c.post = orDefault(s.MaxPostSize, defaultMaxPostSize)
		if s.MaxThreads > 0 {
			c.slots = make(chan struct{}, s.MaxThreads)
		}
	})
}

func orDefault[T int | int64](set, otherwise T) T {
	if set == 0 {
		return otherwise
	}
	return set
}

// Serve accepts connections on l, which it closes at the end, and serves each
// on a goroutine of its own. It returns once l and all its connections are
// closed: http.ErrServerClosed after Shutdown or Close, ErrSecretRequired at
// once, or the error of accepting.
func (s *Server) Serve(l net.Listener) error {
	s.start()
	if s.Secret == "" && !s.SecretNotRequired && !ofThisMachine(l.Addr()) {
		l.Close()
		return fmt.Errorf("serve AJP on %s: %w", l.Addr(), ErrSecretRequired)
	}
	a := &accepting{server: s, listener: l, conns: map[*serverConn]bool{}}
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		l.Close()
		return http.ErrServerClosed
	}
	s.accepts[a] = true
	s.mu.Unlock()
	err := a.run()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accepts, a)
	if s.draining {
		return http.ErrServerClosed
	}
	return fmt.Errorf("accept AJP connections: %w", err)
}

// ofThisMachine reports whether only this machine can connect to addr.
func ofThisMachine(addr net.Addr) bool {
	switch addr := addr.(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return addr.Network() == "pipe"
}

// Shutdown ends the Server without breaking requests off. It closes the
// listeners; connections end after the request that they carry, and an idle
// one once it was unused for 1.5 s, because until then the web server may send
// a request on it without asking whether it is still there. It returns when no
// connection is left, or with the error of ctx when that is done; then Close
// ends the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	accepts := s.drain()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		left := false
		now := time.Now()
		for _, a := range accepts {
			left = a.closeIdle(now) || left
		}
		if !left {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// Close ends the Server at once: it closes the listeners and all connections.
// Serve returns when the requests that were under way have noticed.
func (s *Server) Close() error {
	accepts := s.drain()
	s.cancel()
	for _, a := range accepts {
		a.closeAll()
	}
	return nil
}

// drain closes the listeners and returns all that are left.
func (s *Server) drain() []*accepting {
	s.start()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining {
		s.draining = true
		close(s.done)
	}
	var accepts []*accepting
	for a := range s.accepts {
		a.listener.Close()
		accepts = append(accepts, a)
	}
	return accepts
}

// isDraining reports whether the Server ends.
func (s *Server) isDraining() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// refused logs why a request was refused: as a warning once a minute, else
// for debugging, since a wrong setting refuses all of them.
func (s *Server) refused(status int, why string, from net.Addr) {
	level, now := slog.LevelDebug, time.Now().Unix()
	if last := s.told.Load(); now-last >= 60 && s.told.CompareAndSwap(last, now) {
		level = slog.LevelWarn
	}
	s.settings.log.Log(s.ctx, level, "ajp request refused", "status", status, "why", why, "from", from.String())
}
