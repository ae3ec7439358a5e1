package membership

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A fakeSocket is the group in memory: what comes from others is put into
// incoming, what is sent is kept.
type fakeSocket struct {
	incoming chan []byte
	closed   chan struct{}
	once     sync.Once

	mu       sync.Mutex
	sent     []wire.Member
	sendErr  error
	readErr  error
	attempts int // of writes
	reads    int
}

func newFakeSocket() *fakeSocket {
	return &fakeSocket{incoming: make(chan []byte, 100), closed: make(chan struct{})}
}

func (s *fakeSocket) Read(b []byte) (int, netip.AddrPort, error) {
	s.mu.Lock()
	s.reads++
	err := s.readErr
	s.mu.Unlock()
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	select {
	case d := <-s.incoming:
		return copy(b, d), netip.AddrPort{}, nil
	case <-s.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (s *fakeSocket) Write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	if s.sendErr != nil {
		return s.sendErr
	}
	m, _, err := wire.ParseMember(b)
	if err == nil {
		s.sent = append(s.sent, m)
	}
	return err
}

func (s *fakeSocket) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *fakeSocket) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

func (s *fakeSocket) state() (sent []wire.Member, attempts, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent), s.attempts, s.reads
}

// A teller keeps who joined and left.
type teller struct {
	mu  sync.Mutex
	all []string
}

func (k *teller) Joined(m wire.Member) { k.add("joined " + m.Host.String()) }
func (k *teller) Left(m wire.Member)   { k.add("left " + m.Host.String()) }
func (k *teller) add(text string)      { k.mu.Lock(); defer k.mu.Unlock(); k.all = append(k.all, text) }
func (k *teller) told() []string       { k.mu.Lock(); defer k.mu.Unlock(); return slices.Clone(k.all) }

// running is a membership that runs on sockets that open makes.
func running(t *testing.T, cfg Config, open func() (Socket, error)) (s *Multicast, to *teller, end func() error) {
	t.Helper()
	s = NewMulticast(cfg, func(Config) (Socket, error) { return open() }, func(context.Context, wire.Member) bool { return false })
	to = &teller{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, heartbeat(1, 0, 0), wire.Member{}, to, func([]byte) {}) }()
	t.Cleanup(cancel)
	return s, to, func() error { cancel(); return <-ended }
}

// Two heartbeats at once, then one every 500 ms with the time since the start,
// at the end one goodbye.
func TestAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		_, _, end := running(t, Config{}, func() (Socket, error) { return socket, nil })
		time.Sleep(1100 * time.Millisecond)
		if err := end(); err != nil {
			t.Error(err)
		}
		sent, _, _ := socket.state()
		if len(sent) != 5 {
			t.Fatalf("%d datagrams, want 5", len(sent))
		}
		for i, want := range []int64{0, 0, 500, 1000, 1100} {
			if m := sent[i]; m.Alive != want || m.Leaving() != (i == 4) {
				t.Errorf("datagram %d: alive %d, goodbye %v", i, m.Alive, m.Leaving())
			}
		}
		if !socket.isClosed() {
			t.Error("the socket is not closed")
		}
	})
}

// After ten errors in a row a socket is made anew, again and again until it
// works; fewer are waited out. Members that are heard in time do not leave.
func TestRecovery(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name  string
		wreck func(*fakeSocket)
		after time.Duration // from the start until the socket counts as broken
	}{
		{"sending", func(s *fakeSocket) { s.sendErr = broken }, 4500 * time.Millisecond}, // the first of the two at the start does not count
		{"reading", func(s *fakeSocket) { s.readErr = broken }, 4500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, last := newFakeSocket(), newFakeSocket()
				test.wreck(first)
				var opened atomic.Int32
				s, to, end := running(t, Config{DropTime: time.Minute}, func() (Socket, error) {
					switch opened.Add(1) {
					case 1:
						return first, nil
					case 2, 3:
						return nil, broken
					}
					return last, nil
				})
				time.Sleep(test.after - time.Millisecond)
				synctest.Wait()
				if first.isClosed() {
					t.Error("given up too early")
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if !first.isClosed() || opened.Load() != 1 {
					t.Errorf("after ten errors: closed %v, %d sockets made", first.isClosed(), opened.Load())
				}
				if err := s.Broadcast(nil); !errors.Is(err, ErrNotJoined) {
					t.Errorf("error %v while there is no socket", err)
				}
				time.Sleep(15*time.Second - time.Millisecond)
				synctest.Wait()
				if opened.Load() != 3 {
					t.Errorf("%d sockets made before the third pause was over, want 3", opened.Load())
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				sent, _, _ := last.state()
				if opened.Load() != 4 || len(sent) == 0 || sent[0].Alive < 19_000 || sent[0].Leaving() {
					t.Errorf("%d sockets made, the first heartbeats on the last: %v", opened.Load(), sent)
				}
				other := heartbeat(2, 0, 1000)
				last.incoming <- other.AppendTo(nil)
				synctest.Wait()
				if got := to.told(); !slices.Equal(got, []string{"joined 10.0.0.2"}) {
					t.Errorf("told %q", got)
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Nine errors are no reason.
func TestErrorsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		socket.readErr, socket.sendErr = errors.New("for a moment"), errors.New("for a moment")
		var opened atomic.Int32
		_, to, end := running(t, Config{}, func() (Socket, error) { opened.Add(1); return socket, nil })
		time.Sleep(4400 * time.Millisecond)
		socket.mu.Lock()
		socket.readErr, socket.sendErr = nil, nil
		socket.mu.Unlock()
		other := heartbeat(2, 0, 1000)
		socket.incoming <- other.AppendTo(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := to.told(); opened.Load() != 1 || !slices.Equal(got, []string{"joined 10.0.0.2"}) {
			t.Errorf("%d sockets, told %q", opened.Load(), got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// Without recovery the error ends the membership, and no goroutine is left.
func TestNoRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		socket.sendErr = errors.New("broken")
		s := NewMulticast(Config{NoRecovery: true, RecoveryCount: 3}, func(Config) (Socket, error) { return socket, nil }, nil)
		began := time.Now()
		err := s.Run(t.Context(), heartbeat(1, 0, 0), wire.Member{}, &teller{}, func([]byte) {})
		if !errors.Is(err, socket.sendErr) || time.Since(began) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
		unjoined := NewMulticast(Config{}, func(Config) (Socket, error) { return nil, socket.sendErr }, nil)
		if err := unjoined.Run(t.Context(), heartbeat(1, 0, 0), wire.Member{}, &teller{}, nil); !errors.Is(err, socket.sendErr) {
			t.Errorf("error %v although the group cannot be joined", err)
		}
	})
}

// Datagrams that are nothing are ignored, and do not count as errors of the
// socket; frames go to who takes them.
func TestMalformedDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		var opened atomic.Int32
		_, to, end := running(t, Config{}, func() (Socket, error) { opened.Add(1); return socket, nil })
		other := heartbeat(2, 0, 1000)
		whole := other.AppendTo(nil)
		for n := range whole {
			socket.incoming <- whole[:n]
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := to.told(); len(got) != 0 || opened.Load() != 1 {
			t.Errorf("told %q, %d sockets", got, opened.Load())
		}
		socket.incoming <- whole
		time.Sleep(time.Second)
		if got := to.told(); !slices.Equal(got, []string{"joined 10.0.0.2"}) {
			t.Errorf("told %q", got)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// Heartbeats leave at each frequency, and silence of dropTime is looked for at
// each soTimeout.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := newFakeSocket()
		_, to, end := running(t, Config{Frequency: 2 * time.Second, DropTime: 5 * time.Second, SoTimeout: 3 * time.Second}, func() (Socket, error) { return socket, nil })
		other := heartbeat(2, 0, 1000)
		socket.incoming <- other.AppendTo(nil)
		time.Sleep(6*time.Second - time.Millisecond)
		synctest.Wait()
		if got := to.told(); !slices.Equal(got, []string{"joined 10.0.0.2"}) {
			t.Errorf("told %q before it was looked for", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := to.told(); !slices.Equal(got, []string{"joined 10.0.0.2", "left 10.0.0.2"}) {
			t.Errorf("told %q", got)
		}
		if sent, _, _ := socket.state(); len(sent) != 5 {
			t.Errorf("%d heartbeats in 6 s, want the two at once and three", len(sent))
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// A goodbye for who this node was comes before all else, and is newer than what
// that told; for itself there is none.
func TestFormer(t *testing.T) {
	for _, same := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			socket := newFakeSocket()
			local, former := heartbeat(1, 2, 0), heartbeat(1, 1, 7000)
			if same {
				former = local
			}
			s := NewMulticast(Config{}, func(Config) (Socket, error) { return socket, nil }, nil)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx, local, former, &teller{}, nil) }()
			synctest.Wait()
			sent, _, _ := socket.state()
			if !same && (len(sent) != 3 || sent[0].ID != former.ID || !sent[0].Leaving() || sent[0].Alive <= 7000 || sent[1].ID != local.ID || sent[1].Leaving()) {
				t.Errorf("sent %+v", sent)
			}
			if same && (len(sent) != 2 || sent[0].Leaving()) {
				t.Errorf("sent %+v although it is the same", sent)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
