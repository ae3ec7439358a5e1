package rpc

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A loopback is the network of the system, from one address of this machine.
type loopback struct {
	tribes.System
	own netip.Addr
}

func (l loopback) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.own, 0))}).DialContext(ctx, "tcp", to.String())
}

var friend, victim = netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")

const hostileBudget = 32 << 20

// onLoopback runs a channel with a Dispatcher on sockets of the system.
func onLoopback(t *testing.T, own netip.Addr) *node {
	t.Helper()
	c, err := tribes.New(tribes.Config{
		Address: own, NoMembership: true, Network: loopback{own: own},
		Receiver: tribes.Receiver{Budget: hostileBudget, Stall: 2 * time.Second, Known: func(a netip.Addr) bool { return a == friend }},
		Interceptors: []tribes.Interceptor{
			interceptor.NewGzip(interceptor.GzipConfig{}), interceptor.NewFragmentation(interceptor.FragmentationConfig{}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Channel: c, d: NewDispatcher(c, javaserial.Limits{}, nil)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		n.d.Close()
	})
	return n
}

// gzipped is data, compressed.
func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// nulls is the stream of an Object[] with n nulls.
func nulls(n int) []byte {
	b := javaserial.Encode(javaserial.NewArray("[Ljava.lang.Object;", 1, nil))
	binary.BigEndian.PutUint32(b[len(b)-4:], uint32(n))
	return append(b, bytes.Repeat([]byte{0x70}, n)...)
}

// lists is the stream of n lists, each in the one before.
func lists(n int) []byte {
	var in javaserial.Node
	for range n {
		in = javaserial.NewArray("[Ljava.lang.Object;", 1, []javaserial.Node{in})
	}
	return javaserial.Encode(in)
}

// attacks are what hostile peers send, by name.
func attacks(from tribes.Member) map[string][]byte {
	frame := func(options tribes.Options, data []byte, tail ...byte) []byte {
		body := binary.BigEndian.AppendUint32(nil, uint32(options))
		body = append(body, make([]byte, 8)...)
		id := tribes.NewID()
		for _, part := range [][]byte{id[:], from.AppendTo(nil), append(bytes.Clone(data), tail...)} {
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(part))), part...)
		}
		b := binary.BigEndian.AppendUint32([]byte("FLT2002"), uint32(len(body)))
		return append(append(b, body...), "TLF2003"...)
	}
	head := func(n int32) []byte { return binary.BigEndian.AppendUint32([]byte("FLT2002"), uint32(n)) }
	const compressed, whole = 256, 0
	return map[string][]byte{
		"half a head":                    []byte("FLT20"),
		"half a frame":                   append(head(30<<20), make([]byte, 100<<10)...),
		"a small half":                   append(head(16<<10), make([]byte, 15<<10)...),
		"a huge length":                  append(head(math.MaxInt32), make([]byte, 1<<20)...),
		"a negative length":              append(head(-100), make([]byte, 100)...),
		"no frame":                       bytes.Repeat([]byte("x"), 1<<20),
		"many frames":                    bytes.Repeat(frame(tribes.OptionAck, []byte("no stream"), whole), 2000),
		"a bomb":                         frame(compressed, gzipped(make([]byte, 40<<20)), whole),
		"a bomb of objects":              frame(compressed, gzipped(nulls(12<<20)), whole),
		"bombs of objects":               bytes.Repeat(frame(compressed, gzipped(nulls(300_000)), whole), 20),
		"many objects":                   frame(0, nulls(2_000_000), whole),
		"objects in objects":             frame(0, lists(900), whole),
		"objects in objects, too many":   frame(0, lists(20_000), whole),
		"a piece of very many":           frame(0, make([]byte, 10<<10), 0, 0, 0, 0, 0, 1, 0, 0, 1),
		"pieces of messages never whole": bytes.Repeat(frame(0, make([]byte, 100<<10), 0, 0, 0, 0, 0, 0, 0, 2, 1), 10),
	}
}

// live is how many bytes of the heap are in use.
func live() int64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// Five hundred hostile connections at once do not make a channel use more than
// 64 MiB beyond its receive budget, nor keep a good peer waiting.
func TestHostilePeers(t *testing.T) {
	server, good := onLoopback(t, victim), onLoopback(t, friend)
	if _, err := server.d.Open("x", &echo{name: "server"}); err != nil {
		t.Fatal(err)
	}
	asking, err := good.d.Open("x", nil)
	if err != nil {
		t.Fatal(err)
	}
	awaitLocal(t, server, good)
	local := server.Local()
	evil := local
	evil.ID[0]++
	evil.Port++
	kinds, addr := attacks(evil), local.Addr()
	before := live()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var hostile sync.WaitGroup
	for i := 0; i < 500; {
		for _, data := range kinds {
			i++
			hostile.Go(func() { attack(ctx, addr, data) })
		}
	}
	answered, slowest, most := 0, time.Duration(0), int64(0)
	for ctx.Err() == nil {
		most = max(most, live()-before)
		for range 10 {
			began := time.Now()
			texts, _, err := ask(t, asking, []tribes.Member{server.Local()}, First, 10*time.Second)
			if err != nil || len(texts) != 1 {
				t.Fatalf("the good peer's question: %q, %v after %v", texts, err, time.Since(began))
			}
			answered++
			slowest = max(slowest, time.Since(began))
		}
	}
	hostile.Wait()
	t.Logf("%.1f MiB live at most, %d questions answered, the slowest after %v", float64(most)/(1<<20), answered, slowest)
	if most > hostileBudget+64<<20 {
		t.Errorf("%d MiB live, more than the budget of %d and 64", most>>20, hostileBudget>>20)
	}
	if slowest > 5*time.Second {
		t.Errorf("the good peer waited %v for an answer", slowest)
	}
	if left := live() - before; left > 40<<20 { // pieces of messages are kept for a minute
		t.Errorf("%d MiB are still in use afterwards", left>>20)
	}
}

// attack sends data on one connection after the other, and reads nothing. What
// it sent stays open until the victim closes it.
func attack(ctx context.Context, to netip.AddrPort, data []byte) {
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", to.String())
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		if _, err := conn.Write(data); err == nil {
			_, _ = conn.Read(make([]byte, 1))
		}
		stop()
		conn.Close()
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// awaitLocal waits until channels have bound their receivers.
func awaitLocal(t *testing.T, all ...*node) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		bound := true
		for _, n := range all {
			local := n.Local()
			bound = bound && local.Host.IsValid()
		}
		if bound {
			return
		}
	}
	t.Fatal("a channel has no receiver")
}
