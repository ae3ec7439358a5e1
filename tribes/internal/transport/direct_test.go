package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what comes soon.
const patience = 20 * time.Second

// connect returns both ends of a connection, with two processors to wait on.
func connect(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	procs := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := newSocket(conn)
	t.Cleanup(func() { s.Close() })
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return s, other
}

// makeDirect makes s direct, and its waits last as long as longest.
func makeDirect(t *testing.T, s *socket, longest time.Duration) {
	t.Helper()
	if s.enterDirect(); !s.isDirect() {
		t.Fatal("the socket cannot be made direct")
	}
	makeWait(t, s, longest)
}

func makeWait(t *testing.T, s *socket, longest time.Duration) {
	t.Helper()
	s.raw.Control(func(fd uintptr) {
		tv := unix.NsecToTimeval(int64(longest))
		if err := unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			t.Fatal(err)
		}
	})
}

// untilWaiting returns when so many goroutines wait in the system call.
func untilWaiting(t *testing.T, count int32) {
	t.Helper()
	for end := time.Now().Add(patience); waiting.Load() != count; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines wait, %d should", waiting.Load(), count)
		}
	}
	time.Sleep(10 * time.Millisecond) // until it is in the system call, most likely
}

// Questions that are answered at once make a socket direct; an answer that takes
// its time makes it one of the poller again, and comes all the same.
func TestBriskIsDirect(t *testing.T) {
	s, other := connect(t)
	go func() {
		b := make([]byte, 100)
		for {
			n, err := other.Read(b)
			if err != nil {
				return
			}
			if b[0] == 's' {
				time.Sleep(10 * directWait)
			}
			other.Write(b[:n])
		}
	}()
	ask := func(question string) {
		t.Helper()
		b := make([]byte, 100)
		written, read, err := s.exchange([]byte(question), b)
		if err != nil || written != len(question) || string(b[:read]) != question {
			t.Fatalf("%q is answered with %q, %d bytes were written, error %v", question, b[:read], written, err)
		}
	}
	for range 3 {
		for end := time.Now().Add(patience); !s.isDirect(); ask("brisk") {
			if time.Now().After(end) {
				t.Fatal("the socket does not become direct")
			}
		}
		for range 3 {
			ask("brisk")
		}
		if ask("slow"); s.isDirect() {
			t.Error("the socket stays direct after a long wait")
		}
	}
	if s.direct.needed <= 1 {
		t.Errorf("the socket becomes direct again after %d windows although it was for a moment only", s.direct.needed)
	}
}

// Close ends a wait at once, and who waited is told why.
func TestCloseDirect(t *testing.T) {
	s, _ := connect(t)
	makeDirect(t, s, time.Hour)
	failed := make(chan error)
	go func() {
		_, err := s.Read(make([]byte, 10))
		failed <- err
	}()
	untilWaiting(t, 1)
	s.Close()
	select {
	case err := <-failed:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v, want %v", err, net.ErrClosed)
		}
	case <-time.After(patience):
		t.Fatal("the wait goes on")
	}
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("later error %v, want %v", err, net.ErrClosed)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing: error %v, want %v", err, net.ErrClosed)
	}
	if s.stale() != true {
		t.Error("a closed socket is not stale")
	}
}

// The end of the connection is the end of a direct socket.
func TestEndDirect(t *testing.T) {
	s, other := connect(t)
	makeDirect(t, s, time.Hour)
	if s.stale() {
		t.Error("stale before the end")
	}
	time.AfterFunc(20*time.Millisecond, func() { other.Close() })
	if _, err := s.Read(make([]byte, 10)); err != io.EOF {
		t.Errorf("error %v, want %v", err, io.EOF)
	}
	if !s.stale() {
		t.Error("not stale after the end")
	}
}

// The deadline holds, whether nothing comes or so much that nobody has to wait.
func TestDeadlineDirect(t *testing.T) {
	for _, drip := range []bool{false, true} {
		s, other := connect(t)
		makeDirect(t, s, directWait)
		if drip {
			makeWait(t, s, time.Hour)
		}
		const deadline = 100 * time.Millisecond
		began := time.Now()
		if err := s.SetReadDeadline(began.Add(deadline)); err != nil {
			t.Fatal(err)
		}
		if drip {
			go func() {
				for b := make([]byte, 64<<10); ; {
					if _, err := other.Write(b); err != nil {
						return
					}
				}
			}()
		}
		var err error
		for b := make([]byte, 1); err == nil && time.Since(began) < patience; {
			s.direct.since = time.Now() // all windows are brisk
			_, err = s.Read(b)
		}
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < deadline {
			t.Errorf("drip %v: error %v after %v, want %v after %v", drip, err, took, os.ErrDeadlineExceeded, deadline)
		}
	}
}

// One processor is always left: nobody else becomes direct then, and who is waits
// with the poller.
func TestDirectAtMost(t *testing.T) {
	first, firstOther := connect(t)
	second, secondOther := connect(t)
	third, _ := connect(t)
	makeDirect(t, first, time.Hour)
	makeDirect(t, second, time.Hour)
	read := make(chan error)
	go func() {
		_, err := first.Read(make([]byte, 10))
		read <- err
	}()
	untilWaiting(t, 1)
	if third.enterDirect(); third.isDirect() {
		t.Error("one more becomes direct")
	}
	time.AfterFunc(20*time.Millisecond, func() { secondOther.Write([]byte("x")) })
	if _, err := second.Read(make([]byte, 10)); err != nil || second.isDirect() {
		t.Errorf("one more waits: direct %v, error %v", second.isDirect(), err)
	}
	firstOther.Write([]byte("x"))
	if err := <-read; err != nil || !first.isDirect() {
		t.Errorf("the one that waited: direct %v, error %v", first.isDirect(), err)
	}
	if n := waiting.Load(); n != 0 {
		t.Errorf("%d wait when nobody does", n)
	}
	runtime.GOMAXPROCS(1)
	if third.enterDirect(); third.isDirect() {
		t.Error("the only processor is taken")
	}
}

// What there is no room for is not waited for by writeNow, and is by Write.
func TestWriteDirect(t *testing.T) {
	s, other := connect(t)
	makeDirect(t, s, directWait)
	want := make([]byte, 16<<20)
	for i := range want {
		want[i] = byte(i >> 8 * 7)
	}
	rest := want
	for n := -1; n != 0; rest = rest[n:] {
		n = s.writeNow(rest)
	}
	if !s.isDirect() || len(rest) == 0 || len(rest) == len(want) {
		t.Fatalf("direct %v, %d of %d bytes left", s.isDirect(), len(rest), len(want))
	}
	got := make(chan []byte)
	go func() {
		b := make([]byte, len(want))
		n, _ := io.ReadFull(other, b)
		got <- b[:n]
	}()
	s.SetWriteDeadline(time.Now().Add(patience))
	if _, err := s.Write(rest); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(<-got, want) {
		t.Error("other bytes came than were written")
	}
}
