package replicated_test

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

const (
	closed  = "the connection is closed"
	ack     = "acknowledged"
	failAck = "told that it could not be worked on"
	ignored = "ignored"
)

// reactions are what a node does with what Tomcat chokes on. Where Tomcat leaves
// a connection open on which nothing works any more, or throws away what it has,
// it is closed here (fidelity, "Groups"). bad-mcast-trailing is a heartbeat to
// both, of a member whose receiver does not answer.
var reactions = map[string]string{
	"bad-start-marker": closed, "bad-end-marker": closed, "bad-length-minus-one": closed, "bad-length-minus-100": closed, "bad-length-max": closed,
	"bad-leading-garbage-5": closed, "bad-member-begin": closed, "bad-member-empty": closed, "bad-uid-length-minus-one": closed,
	"bad-not-java": ack, "bad-unknown-class": ack, "bad-suid": ack, "bad-start-null-primary": failAck,
	"bad-mcast-only-marker": ignored, "bad-mcast-truncated": ignored, "bad-mcast-body-length": ignored, "bad-mcast-end-marker": ignored,
	"bad-mcast-host-length": ignored, "bad-mcast-command-length": ignored, "bad-mcast-trailing": ignored,
}

// Each vector bad-* meets its reaction, at the sockets of a node that has a map
// and a peer. Its members are the same afterwards, and the peer's messages come
// through.
func TestBadVectors(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		if v.Kind != "bad-tcp" && v.Kind != "bad-udp" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			data := vectors.Bytes(t, v.Name)
			synctest.Test(t, func(t *testing.T) { badVector(t, data, v.Kind == "bad-udp", reactions[v.Name]) })
		})
	}
	if seen != len(reactions) {
		t.Errorf("%d vectors, %d reactions", seen, len(reactions))
	}
}

func badVector(t *testing.T, data []byte, udp bool, want string) {
	network := tribestest.NewNetwork(1)
	a, b := start(t, network, "a", replicated.Lazy), start(t, network, "b", replicated.Lazy)
	backup, err := replicated.New(replicated.Config{Name: "localhost#/backup-map"}, a.d) // of bad-start-null-primary
	if err != nil {
		t.Fatal(err)
	}
	defer a.d.Drop(backup)
	members := &watcher{}
	a.d.Take(members)
	got := ignored
	if udp {
		network.Inject(netip.MustParseAddrPort("10.0.9.9:45564"), data)
	} else {
		got = answerTo(t, network, data)
	}
	if got != want {
		t.Errorf("%s, want: %s", got, want)
	}
	time.Sleep(10 * time.Second)
	if n := members.events; n != 0 {
		t.Errorf("%d members came or went", n)
	}
	if n := len(a.d.Group().Members()); n != 1 {
		t.Errorf("%d members, want b alone", n)
	}
	b.put(t, "key", "value")
	if v, ok := a.Get(t.Context(), "key"); !ok || v != "value" {
		t.Errorf("a reads %v, %v of b's entry", v, ok)
	}
}

// answerTo sends data to node a and tells what comes back within a minute.
func answerTo(t *testing.T, network *tribestest.Network, data []byte) string {
	conn, err := network.Node("evil").Dial(t.Context(), netip.AddrPortFrom(network.Node("a").Addr(), 4000))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	answer := make([]byte, 21)
	switch n, err := io.ReadFull(conn, answer); {
	case err == nil && bytes.Equal(answer, []byte("FLT2002\x00\x00\x00\x03\x06\x02\x03TLF2003")):
		return ack
	case err == nil && bytes.Equal(answer, []byte("FLT2002\x00\x00\x00\x03\x0b\x00\x05TLF2003")):
		return failAck
	case err == io.EOF && n == 0:
		return closed
	default:
		return ignored
	}
}

// A watcher counts members that come and go.
type watcher struct{ events int }

func (w *watcher) Object(javaserial.Node, *tribes.Message) (bool, error) { return false, nil }
func (w *watcher) Joined(tribes.Member)                                  { w.events++ }
func (w *watcher) Left(tribes.Member)                                    { w.events++ }

var _ rpc.Objects = (*watcher)(nil)
