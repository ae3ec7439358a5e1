package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/tribestest"
)

// inTime answers each message in 100 µs with what answer says, so that others
// wait meanwhile.
func inTime(answer func(text string) []byte) func(*peer, int, net.Conn) {
	return func(p *peer, _ int, conn net.Conn) {
		for p.message(conn) {
			time.Sleep(100 * time.Microsecond)
			p.mu.Lock()
			body := answer(string(p.got[len(p.got)-1]))
			p.mu.Unlock()
			if body == nil {
				return
			}
			if _, err := conn.Write(wire.AppendFrame(nil, body)); err != nil {
				return
			}
		}
	}
}

// A ticket is a message that one of several goroutines sends.
type ticket struct {
	text, order string
	err         error
	took        time.Duration
}

// sendAll sends all at once, in their order, and waits until wait is called.
func sendAll(ctx context.Context, s *transport.Sender, to *peer, all []*ticket) (wait func()) {
	self := wire.Member{Host: netip.MustParseAddr("10.9.9.9"), Port: 4000, ID: wire.ID{9}}
	from := self.AppendTo(nil)
	var sending sync.WaitGroup
	for _, each := range all {
		sending.Go(func() {
			began := time.Now()
			m := &wire.Message{Options: wire.OptionAck, Data: []byte(each.text), Order: each.order}
			each.err = s.Send(ctx, []wire.Member{to.Member}, m, from)
			each.took = time.Since(began)
		})
		synctest.Wait()
	}
	return sending.Wait
}

func tickets(n int, order func(i int) string) []*ticket {
	all := make([]*ticket, n)
	for i := range all {
		all[i] = &ticket{text: fmt.Sprint(i), order: order(i)}
	}
	return all
}

func unordered(int) string { return "" }

// Messages of several goroutines share one connection as long as it answers
// briskly. Each comes once, those of one order in theirs.
func TestTogether(t *testing.T) {
	for name, order := range map[string]func(int) string{
		"no order":      unordered,
		"one order":     func(int) string { return "a" },
		"several":       func(i int) string { return string(rune('a' + i%5)) },
		"some have one": func(i int) string { return []string{"", "a", "b"}[i%3] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				p := startPeer(t, network, inTime(func(string) []byte { return wire.Ack }))
				s := sender(t, network, transport.SenderConfig{Lanes: 1})
				all := tickets(40, order)
				sendAll(t.Context(), s, p, all[:1])() // connects
				sendAll(t.Context(), s, p, all[1:])()
				for _, each := range all {
					if each.err != nil {
						t.Errorf("message %s: %v", each.text, each.err)
					}
				}
				conns, got := p.seen()
				if conns != 1 {
					t.Errorf("%d connections, want 1", conns)
				}
				for i, each := range all {
					at := slices.Index(got, each.text)
					if at < 0 || slices.Contains(got[at+1:], each.text) {
						t.Errorf("message %s came not once: %q", each.text, got)
					}
					for _, later := range all[i+1:] {
						if each.order != "" && later.order == each.order && slices.Index(got, later.text) < at {
							t.Errorf("message %s of order %s overtook %s: %q", later.text, each.order, each.text, got)
						}
					}
				}
			})
		})
	}
}

// Of messages that left together each has its own acknowledgement: the one that
// was refused is told so, after another try, and no other.
func TestTogetherFailAck(t *testing.T) {
	for _, accept := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			network := tribestest.NewNetwork(1)
			p := startPeer(t, network, inTime(func(text string) []byte {
				if text == "3" || text == "6" {
					return wire.FailAck
				}
				return wire.Ack
			}))
			s := sender(t, network, transport.SenderConfig{AcceptFailedAck: accept})
			all := tickets(9, unordered)
			sendAll(t.Context(), s, p, all[:1])()
			sendAll(t.Context(), s, p, all[1:])()
			for _, each := range all {
				want := !accept && (each.text == "3" || each.text == "6")
				if errors.Is(each.err, transport.ErrFailAck) != want || !want && each.err != nil {
					t.Errorf("accept %v, message %s: error %v", accept, each.text, each.err)
				}
			}
			tries := 2
			if accept {
				tries = 1
			}
			_, got := p.seen()
			for _, each := range all {
				n := 0
				for _, text := range got {
					if text == each.text {
						n++
					}
				}
				if want := map[bool]int{true: tries, false: 1}[each.text == "3" || each.text == "6"]; n != want {
					t.Errorf("accept %v, message %s came %d times, want %d", accept, each.text, n, want)
				}
			}
		})
	}
}

// When the connection is lost, those that were not acknowledged are sent once
// more, and no other.
func TestTogetherLost(t *testing.T) {
	for _, test := range []struct {
		name    string
		retries int
		lost    int // times that message 4 ends the connection
		failed  bool
	}{{"once", 0, 1, false}, {"twice", 0, 2, true}, {"no retries", -1, 1, true}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				lost := 0
				p := startPeer(t, network, inTime(func(text string) []byte {
					if text == "4" && lost < test.lost {
						lost++
						return nil
					}
					return wire.Ack
				}))
				s := sender(t, network, transport.SenderConfig{MaxRetries: test.retries})
				all := tickets(9, unordered)
				sendAll(t.Context(), s, p, all[:1])()
				sendAll(t.Context(), s, p, all[1:])()
				for i, each := range all {
					if failed := each.err != nil; failed != (test.failed && i >= 4) {
						t.Errorf("message %s: error %v", each.text, each.err)
					}
				}
				_, got := p.seen()
				for _, text := range []string{"0", "1", "2", "3"} {
					if slices.Index(got, text) != lastIndex(got, text) {
						t.Errorf("message %s, which was acknowledged, came again: %q", text, got)
					}
				}
			})
		})
	}
}

func lastIndex(all []string, text string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == text {
			return i
		}
	}
	return -1
}

// Who waits for a connection that does not answer takes another one soon, or
// fails after maxWait if its order allows no other; who is not to wait any more
// does not. What is still under way fails when the sender is closed.
func TestGetOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, func(p *peer, n int, conn net.Conn) {
			if n == 0 {
				p.message(conn)
				conn.Write(wire.AppendFrame(nil, wire.Ack))
				for p.message(conn) { // and no more
				}
				return
			}
			acknowledge(wire.Ack)(p, n, conn)
		})
		s := sender(t, network, transport.SenderConfig{Lanes: 1, Timeout: 8 * time.Second, MaxWait: time.Second})
		all := tickets(6, func(i int) string { return []string{"", "", "", "a", "", "a"}[i] })
		sendAll(t.Context(), s, p, all[:1])()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		wait := sendAll(t.Context(), s, p, all[1:4])
		sendAll(ctx, s, p, all[4:])()
		wait()
		for i, want := range []struct {
			err  error
			took time.Duration
		}{
			{nil, 0}, {os.ErrDeadlineExceeded, 8 * time.Second}, {nil, 20 * time.Millisecond}, {os.ErrDeadlineExceeded, time.Second},
			{context.DeadlineExceeded, 10 * time.Millisecond}, {context.DeadlineExceeded, 10 * time.Millisecond},
		} {
			if each := all[i]; !errors.Is(each.err, want.err) || each.took != want.took {
				t.Errorf("message %d: error %v after %v, want %v after %v", i, each.err, each.took, want.err, want.took)
			}
		}
	})
}

// Close ends what is under way and what waits, and no goroutine is left.
func TestCloseTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, inTime(func(text string) []byte {
			if text == "5" {
				time.Sleep(10 * time.Millisecond)
			}
			return wire.Ack
		}))
		s := sender(t, network, transport.SenderConfig{Lanes: 1})
		all := tickets(20, func(i int) string { return []string{"a", "b", "c"}[i%3] })
		sendAll(t.Context(), s, p, all[:1])()
		wait := sendAll(t.Context(), s, p, all[1:])
		time.Sleep(3 * time.Millisecond)
		s.Close()
		wait()
		for i, each := range all {
			if (each.err == nil) != (i < 5) {
				t.Errorf("message %d: error %v", i, each.err)
			}
		}
	})
}

// What waits leaves in one write, but never two messages of one order.
func TestOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		var writes [][]string
		p := startPeer(t, network, func(_ *peer, _ int, conn net.Conn) {
			b := make([]byte, 1<<16)
			for {
				n, err := conn.Read(b)
				if err != nil {
					return
				}
				time.Sleep(100 * time.Microsecond)
				var texts []string
				for rest := b[:n]; len(rest) > 0; {
					body, size, err := wire.ParseFrame(rest, len(rest))
					if err != nil || size == 0 {
						t.Errorf("a write holds a part of a frame: %v", err)
						return
					}
					m, err := wire.ParseMessage(body)
					if err != nil {
						t.Error(err)
					}
					texts = append(texts, string(m.Data))
					rest = rest[size:]
				}
				writes = append(writes, texts)
				for range texts {
					conn.Write(wire.AppendFrame(nil, wire.Ack))
				}
			}
		})
		s := sender(t, network, transport.SenderConfig{Lanes: 1})
		all := tickets(9, func(i int) string { return []string{"", "", "a", "b", "a", "a", "", "b", "c"}[i] })
		sendAll(t.Context(), s, p, all[:1])()
		sendAll(t.Context(), s, p, all[1:])()
		synctest.Wait()
		if got, want := fmt.Sprint(writes), "[[0] [1] [2 3] [4] [5 6 7 8]]"; got != want {
			t.Errorf("writes %s, want %s", got, want)
		}
	})
}

// Each of the messages that left together has the whole timeout for its
// acknowledgement, from when the one before was acknowledged. Those that have
// none then fail, and are not sent again.
func TestTogetherSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, func(p *peer, _ int, conn net.Conn) {
			for n := 0; p.message(conn); n++ {
				if n == 1 {
					time.Sleep(300 * time.Microsecond) // others get on
				} else if n > 1 {
					time.Sleep(600 * time.Millisecond)
				}
				if n < 4 {
					conn.Write(wire.AppendFrame(nil, wire.Ack))
				}
			}
		})
		s := sender(t, network, transport.SenderConfig{Timeout: time.Second})
		all := tickets(6, unordered)
		sendAll(t.Context(), s, p, all[:1])()
		sendAll(t.Context(), s, p, all[1:])()
		for i, each := range all {
			if want := []time.Duration{0, 0, 600, 1200, 2200, 2200}[i] * time.Millisecond; each.took.Truncate(time.Millisecond) != want || errors.Is(each.err, os.ErrDeadlineExceeded) != (i > 3) {
				t.Errorf("message %d: error %v after %v, want %v", i, each.err, each.took, want)
			}
		}
		time.Sleep(5 * time.Second)
		if _, got := p.seen(); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5"}) {
			t.Errorf("messages %q", got)
		}
	})
}
