package interceptor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A wireEnd stands below one interceptor, and keeps what is sent.
type wireEnd struct {
	tribes.Pass
	mu   sync.Mutex
	sent []tribes.Message
	to   []tribes.Member
	fail error
}

func (w *wireEnd) Send(_ context.Context, to []tribes.Member, m *tribes.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, each := range to {
		w.sent = append(w.sent, *m)
		w.to = append(w.to, each)
	}
	return w.fail
}

func (w *wireEnd) Members() []tribes.Member { return nil }
func (w *wireEnd) Local() tribes.Member     { return member("10.0.0.1") }

// A user stands above one, and keeps what is delivered.
type user struct {
	mu   sync.Mutex
	got  [][]byte
	told []string // who joined and left
	fail error
	ask  func(m *tribes.Message) // about what is delivered; may be nil
}

func (u *user) Deliver(m *tribes.Message) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, bytes.Clone(m.Data))
	if u.ask != nil {
		u.ask(m)
	}
	return u.fail
}

func (u *user) Joined(m tribes.Member) { u.tell("joined", m) }
func (u *user) Left(m tribes.Member)   { u.tell("left", m) }

func (u *user) tell(what string, m tribes.Member) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if m.Leaving() {
		what += " with a goodbye"
	}
	u.told = append(u.told, what+" "+m.Host.String())
}

func (u *user) texts() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []string
	for _, b := range u.got {
		all = append(all, string(b))
	}
	return all
}

func member(host string) tribes.Member {
	return tribes.Member{Host: netip.MustParseAddr(host), Port: 4000, SecurePort: -1, UDPPort: -1, ID: tribes.ID{1}}
}

// between puts i between a user and a wire.
func between(i tribes.Interceptor) (*user, *wireEnd) {
	u, w := &user{}, &wireEnd{}
	i.Link(u, w)
	return u, w
}

// frames are the messages of a vector's frames, as they come to the lowest
// interceptor.
func frames(t *testing.T, name string) []tribes.Message {
	t.Helper()
	for _, v := range vectors.All(t) {
		if v.Name != name {
			continue
		}
		var expected []struct {
			Options    int32
			Timestamp  int64
			UniqueID   string
			MessageHex string
		}
		if err := json.Unmarshal(v.Expect, &expected); err != nil {
			t.Fatal(err)
		}
		var all []tribes.Message
		for _, e := range expected {
			data, err := hex.DecodeString(e.MessageHex)
			if err != nil {
				t.Fatal(err)
			}
			m := tribes.Message{Options: tribes.Options(e.Options), Timestamp: e.Timestamp, From: member("10.77.0.1"), Data: data}
			id, err := hex.DecodeString(e.UniqueID)
			if err != nil {
				t.Fatal(err)
			}
			copy(m.ID[:], id)
			all = append(all, m)
		}
		return all
	}
	t.Fatalf("no vector %s", name)
	return nil
}

func deliver(t *testing.T, i tribes.Upper, all ...tribes.Message) {
	t.Helper()
	for k := range all {
		if err := i.Deliver(&all[k]); err != nil {
			t.Errorf("message %d: %v", k, err)
		}
	}
}

func TestGzipOfTomcat(t *testing.T) {
	g := interceptor.NewGzip(interceptor.GzipConfig{})
	u, w := between(g)
	deliver(t, g, frames(t, "gzip-on")...)
	deliver(t, g, frames(t, "gzip-off")...)
	if len(u.got) != 2 || len(u.got[0]) == 0 {
		t.Fatalf("delivered %q", u.texts())
	}
	if err := g.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Data: u.got[0]}); err != nil {
		t.Fatal(err)
	}
	theirs, ours := frames(t, "gzip-on")[0], w.sent[0]
	if !bytes.Equal(theirs.Data[:10], ours.Data[:10]) {
		t.Errorf("gzip header % x, Tomcat has % x", ours.Data[:10], theirs.Data[:10])
	}
	if ours.Options != 256 {
		t.Errorf("options %d, want 256", ours.Options)
	}
}

// What becomes too long is dropped, however small it is on the wire, and memory
// is taken of the receive budget.
func TestGzipBombs(t *testing.T) {
	g := interceptor.NewGzip(interceptor.GzipConfig{MaxTotal: 4 << 20})
	u, w := between(g)
	to := []tribes.Member{member("10.0.0.2")}
	if err := g.Send(t.Context(), to, &tribes.Message{Data: make([]byte, 16<<20)}); err != nil {
		t.Fatal(err)
	}
	if err := g.Send(t.Context(), to, &tribes.Message{Data: make([]byte, 3<<20)}); err != nil {
		t.Fatal(err)
	}
	bomb, good := w.sent[0], w.sent[1]
	if len(bomb.Data) > 100000 {
		t.Fatalf("%d bytes are no bomb", len(bomb.Data))
	}
	taken := 0
	bomb.Room = func(n int) bool { taken += n; return true }
	if m := bomb; g.Deliver(&m) == nil {
		t.Error("a bomb is delivered")
	}
	if taken == 0 || taken > 4<<20 {
		t.Errorf("%d bytes of the budget taken for it", taken)
	}
	if m := good; true {
		m.Room = func(n int) bool { return n < 1<<20 }
		if g.Deliver(&m) == nil {
			t.Error("a message for which there is no room is delivered")
		}
	}
	deliver(t, g, good)
	if len(u.got) != 1 || len(u.got[0]) != 3<<20 {
		t.Errorf("%d messages delivered after the bombs, want one", len(u.got))
	}
	if err := g.Deliver(&tribes.Message{Options: 256, Data: []byte("no gzip")}); err == nil {
		t.Error("what is no gzip is delivered")
	}
}

func TestFragmentationOfTomcat(t *testing.T) {
	f := interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: 100})
	u, _ := between(f)
	deliver(t, f, frames(t, "frag-none")...)
	if len(u.got) != 1 {
		t.Fatalf("delivered %q", u.texts())
	}
	var pieces []tribes.Message
	for i := range 3 {
		pieces = append(pieces, frames(t, fmt.Sprint("frag-part-", i))...)
	}
	deliver(t, f, pieces[2], pieces[0], pieces[0])
	if len(u.got) != 1 {
		t.Fatal("delivered before all pieces came")
	}
	deliver(t, f, frames(t, "frag-part-1")...)
	if len(u.got) != 2 {
		t.Fatal("not delivered")
	}
	again := interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: len(frames(t, "frag-part-0")[0].Data) - 9})
	_, w := between(again)
	m := tribes.Message{ID: pieces[0].ID, Options: pieces[0].Options, Timestamp: pieces[0].Timestamp, Data: u.got[1]}
	if err := again.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &m); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if want := frames(t, fmt.Sprint("frag-part-", i))[0]; len(w.sent) != 3 || !bytes.Equal(w.sent[i].Data, want.Data) || w.sent[i].ID != want.ID {
			t.Errorf("piece %d is not that of Tomcat", i)
		}
	}
}

func TestFragmentationIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxHeld: 1 << 20, MaxTotal: 512 << 10})
		u, w := between(f)
		piece := func(id byte, index, count uint32, size int) error {
			data := append(make([]byte, size), byte(index>>24), byte(index>>16), byte(index>>8), byte(index),
				byte(count>>24), byte(count>>16), byte(count>>8), byte(count), 1)
			return f.Deliver(&tribes.Message{From: member("10.0.0.9"), ID: tribes.ID{id}, Data: data})
		}
		for _, bad := range [][2]uint32{{0, 0}, {1, 1}, {0xffffffff, 2}, {0, 0xffffffff}, {0, 1 << 20}} {
			if err := piece(1, bad[0], bad[1], 1); err == nil {
				t.Errorf("piece %d of %d is taken", bad[0], bad[1])
			}
		}
		refused := 0
		for id := range byte(100) {
			if err := piece(id, 0, 2, 100<<10); err != nil {
				refused++
			}
		}
		if refused < 85 {
			t.Errorf("only %d of 100 endless messages are refused", refused)
		}
		time.Sleep(7 * time.Second) // those that wait for long make room
		to := []tribes.Member{member("10.0.0.2")}
		if err := f.Send(t.Context(), to, &tribes.Message{ID: tribes.ID{200}, Data: make([]byte, 300<<10)}); err != nil {
			t.Fatal(err)
		}
		for i := range w.sent {
			w.sent[i].From = member("10.0.0.3")
		}
		deliver(t, f, w.sent...)
		if len(u.got) != 1 || len(u.got[0]) != 300<<10 {
			t.Errorf("%d messages delivered", len(u.got))
		}
	})
}

func TestOrderOfTomcat(t *testing.T) {
	o := interceptor.NewOrder(interceptor.OrderConfig{})
	u, w := between(o)
	var all []tribes.Message
	for i := 1; i <= 3; i++ {
		all = append(all, frames(t, fmt.Sprint("order-", i))...)
	}
	deliver(t, o, all[2], all[1])
	if len(u.got) != 0 {
		t.Fatal("delivered before the first came")
	}
	deliver(t, o, all[0])
	if len(u.got) != 3 {
		t.Fatalf("%d delivered, want 3", len(u.got))
	}
	for i := range u.got {
		if err := o.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Data: u.got[i]}); err != nil {
			t.Fatal(err)
		}
		if want := frames(t, fmt.Sprint("order-", i+1))[0].Data; !bytes.Equal(w.sent[i].Data, want) {
			t.Errorf("message %d is % x, Tomcat's % x", i, w.sent[i].Data, want)
		}
	}
}

// A gap is waited for, but not for ever; each member has its own count.
func TestOrderGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := interceptor.NewOrder(interceptor.OrderConfig{})
		_, w := between(sender)
		for i := range 6 {
			if err := sender.Send(t.Context(), []tribes.Member{member("10.0.0.2"), member("10.0.0.3")}, &tribes.Message{Data: fmt.Append(nil, i)}); err != nil {
				t.Fatal(err)
			}
		}
		o := interceptor.NewOrder(interceptor.OrderConfig{})
		u, _ := between(o)
		var own []tribes.Message
		for i, m := range w.sent {
			if w.to[i].Host == netip.MustParseAddr("10.0.0.2") {
				m.From = member("10.0.0.1")
				own = append(own, m)
			}
		}
		deliver(t, o, own[0], own[2], own[4])
		time.Sleep(2 * time.Second)
		o.Heartbeat(t.Context())
		if got := u.texts(); !slices.Equal(got, []string{"0"}) {
			t.Errorf("delivered %q before the gap expired", got)
		}
		time.Sleep(2 * time.Second)
		o.Heartbeat(t.Context())
		deliver(t, o, own[5], own[1])
		if got := u.texts(); !slices.Equal(got, []string{"0", "2", "4", "5", "1"}) {
			t.Errorf("delivered %q", got)
		}
	})
}

// What is delivered because a gap was waited for long enough, when no message
// comes that would bring memory with it, has a bounded amount of it.
func TestOrderGapRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := interceptor.NewOrder(interceptor.OrderConfig{MaxQueueBytes: 1000})
		u, _ := between(o)
		m := frames(t, "order-2")[0]
		m.Room = func(int) bool { t.Error("memory of a delivery that has ended is asked for"); return false }
		deliver(t, o, m)
		time.Sleep(4 * time.Second)
		asked := []bool{}
		u.ask = func(m *tribes.Message) { asked = append(asked, m.Take(600), m.Take(600), m.Take(400)) }
		o.Heartbeat(t.Context())
		if !slices.Equal(asked, []bool{true, false, true}) {
			t.Errorf("600, 600 and 400 bytes of 1000: %v", asked)
		}
	})
}

func TestDomainFilter(t *testing.T) {
	d := interceptor.NewDomainFilter(interceptor.DomainFilterConfig{Domain: []byte("ours")})
	u, _ := between(d)
	ours, theirs := member("10.0.0.2"), member("10.0.0.3")
	ours.Domain, theirs.Domain = []byte("ours"), []byte("theirs")
	deliver(t, d, tribes.Message{From: ours, Data: []byte("a")}, tribes.Message{From: theirs, Data: []byte("b")}, tribes.Message{From: member("10.0.0.4"), Data: []byte("c")})
	if got := u.texts(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("delivered %q", got)
	}
}

// keys of the vectors.
const key128 = "000102030405060708090a0b0c0d0e0f"

func newEncrypt(t *testing.T, cfg interceptor.EncryptConfig) *interceptor.Encrypt {
	t.Helper()
	e, err := interceptor.NewEncrypt(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEncrypt(t *testing.T) {
	for _, algorithm := range []string{"", "AES/GCM/NoPadding", "AES/CBC/PKCS5Padding"} {
		for _, size := range []int{0, 1, 15, 16, 17, 5000} {
			e := newEncrypt(t, interceptor.EncryptConfig{Algorithm: algorithm, Key: key128})
			u, w := between(e)
			plain := make([]byte, size)
			rand.Read(plain)
			m := &tribes.Message{Timestamp: time.Now().UnixMilli(), Data: bytes.Clone(plain)}
			if err := e.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, m); err != nil {
				t.Fatal(err)
			}
			sealed := w.sent[0]
			if size > 1 && bytes.Contains(sealed.Data, plain) {
				t.Error("it is not encrypted")
			}
			first, second := sealed, sealed
			deliver(t, e, first, second) // the second is a copy that somebody sends again
			if len(u.got) != 1 || !bytes.Equal(u.got[0], plain) {
				t.Errorf("%s, %d bytes: delivered %d times, want the message once", algorithm, size, len(u.got))
			}
		}
	}
	for _, cfg := range []interceptor.EncryptConfig{
		{Key: "xx"}, {Key: "0011"}, {Key: key128, Algorithm: "AES/ECB/PKCS5Padding"}, {Key: key128, Algorithm: "DES"}, {},
		{Key: key128, Algorithm: "AES"}, {Key: key128, Algorithm: "AES/CFB/PKCS5Padding"}, {Key: key128, Algorithm: "AES/GCM/PKCS5Padding"},
	} {
		if _, err := interceptor.NewEncrypt(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// Which form a peer uses is said in words.
func TestEncryptNamesTheOtherForm(t *testing.T) {
	now := time.Now().UnixMilli()
	for _, test := range []struct {
		name         string
		theirs, ours interceptor.EncryptConfig
		want         string
		delivered    int
	}{
		{"CBC", interceptor.EncryptConfig{Algorithm: "AES/CBC/PKCS5Padding"}, interceptor.EncryptConfig{}, "a peer has encryptionAlgorithm AES/CBC/PKCS5Padding, this node AES/GCM/NoPadding", 0},
		{"GCM", interceptor.EncryptConfig{}, interceptor.EncryptConfig{Algorithm: "AES/CBC/PKCS5Padding"}, "a peer has encryptionAlgorithm AES/GCM/NoPadding, this node AES/CBC/PKCS5Padding", 0},
		{"old", interceptor.EncryptConfig{NoReplayProtection: true}, interceptor.EncryptConfig{}, "a peer before Tomcat 10.1.56", 0},
		{"new", interceptor.EncryptConfig{}, interceptor.EncryptConfig{NoReplayProtection: true}, "replay protection can be switched on", 1},
		{"both old", interceptor.EncryptConfig{NoReplayProtection: true}, interceptor.EncryptConfig{NoReplayProtection: true}, "", 1},
		{"key", interceptor.EncryptConfig{Key: strings.Repeat("ab", 16)}, interceptor.EncryptConfig{}, "another encryptionKey", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			if test.theirs.Key == "" {
				test.theirs.Key = key128
			}
			test.ours.Key = key128
			test.ours.Log = slog.New(slog.NewTextHandler(&log, nil))
			theirs, ours := newEncrypt(t, test.theirs), newEncrypt(t, test.ours)
			_, w := between(theirs)
			u, _ := between(ours)
			if err := theirs.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Timestamp: now, Data: []byte("a message that is long enough")}); err != nil {
				t.Fatal(err)
			}
			sealed := w.sent[0]
			sealed.From = member("10.0.0.1")
			deliver(t, ours, sealed)
			if len(u.got) != test.delivered || !strings.Contains(log.String(), test.want) {
				t.Errorf("delivered %d times, want %d; log %q, want %q", len(u.got), test.delivered, log.String(), test.want)
			}
			if test.delivered == 1 && string(u.got[0]) != "a message that is long enough" {
				t.Errorf("delivered %q", u.got[0])
			}
		})
	}
}

// start runs a channel on a node until the test ends.
func start(t *testing.T, network *tribestest.Network, name string, all ...tribes.Interceptor) (*tribes.Channel, *events, func()) {
	t.Helper()
	c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name), Interceptors: all})
	if err != nil {
		t.Fatal(err)
	}
	e := &events{}
	c.Listen(e)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return c, e, stop
}

type events struct {
	mu   sync.Mutex
	all  []string
	data []string
}

func (e *events) Received(m *tribes.Message) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.data = append(e.data, string(m.Data))
	return true, nil
}

func (e *events) Joined(m tribes.Member) { e.add("joined " + m.Host.String()) }
func (e *events) Left(m tribes.Member)   { e.add("left " + m.Host.String()) }

func (e *events) add(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, text)
}

func (e *events) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.all, want) {
		t.Errorf("told %q, want %q", e.all, want)
	}
}

func detector() tribes.Interceptor {
	return interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{})
}

// Lost heartbeats alone remove nobody; a member that does not answer is gone.
func TestFailureDetector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		_, a, _ := start(t, network, "a", detector())
		_, _, _ = start(t, network, "b", detector())
		time.Sleep(time.Second)
		c, _, stopC := start(t, network, "c", detector())
		time.Sleep(time.Second)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3")
		network.Disturb(tribestest.Faults{Loss: 1})
		time.Sleep(20 * time.Second)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3")
		if got := c.Members(); len(got) != 2 {
			t.Errorf("members %v", got)
		}
		network.Disturb(tribestest.Faults{})
		time.Sleep(time.Second)
		network.Crash("c")
		stopC()
		time.Sleep(5 * time.Second) // dropTime and the probe
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3", "left 10.0.0.3")
	})
}

// A returner is told who returns, too.
type returner struct{ events }

func (r *returner) Returned(m tribes.Member) { r.add("returned " + m.Host.String()) }

// Who was silent for longer than dropTime, and did not leave, returns once its
// heartbeats do: what it was sent meanwhile it may lack.
func TestReturned(t *testing.T) {
	dispatch := func() tribes.Interceptor { return interceptor.NewDispatch(interceptor.DispatchConfig{}) }
	for _, test := range []struct {
		silent time.Duration
		more   func() tribes.Interceptor
		want   []string
	}{
		{2 * time.Second, dispatch, []string{"joined 10.0.0.2"}},
		{5 * time.Second, dispatch, []string{"joined 10.0.0.2", "returned 10.0.0.2"}},
		{10 * time.Minute, dispatch, []string{"joined 10.0.0.2", "returned 10.0.0.2"}},
		{5 * time.Second, func() tribes.Interceptor {
			return interceptor.NewDomainFilter(interceptor.DomainFilterConfig{Domain: []byte("other")})
		}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			network := tribestest.NewNetwork(3)
			c, err := tribes.New(tribes.Config{Name: "a", Network: network.Node("a"), Interceptors: []tribes.Interceptor{test.more(), detector()}})
			if err != nil {
				t.Fatal(err)
			}
			told := &returner{}
			c.Listen(told)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-ended })
			start(t, network, "b", detector())
			time.Sleep(5 * time.Second)
			network.Disturb(tribestest.Faults{Loss: 1})
			time.Sleep(test.silent)
			network.Disturb(tribestest.Faults{})
			time.Sleep(5 * time.Second)
			told.want(t, test.want...)
		})
	}
}

// Who cannot be connected to is not added, until it can be.
func TestFailureDetectorAddsOnlyWhoAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		stranger := member("10.0.0.77")
		ch, a, _ := start(t, network, "a", detector())
		time.Sleep(time.Second)
		for i := range 5 {
			stranger.Alive = int64(1000 + i)
			network.Inject(netip.MustParseAddrPort("10.0.0.77:45564"), stranger.AppendTo(nil))
			time.Sleep(500 * time.Millisecond)
		}
		a.want(t)
		if got := ch.Members(); len(got) != 0 {
			t.Errorf("members %v", got)
		}
	})
}

// A failed message makes the detector look at once, long before dropTime.
func TestFailureDetectorSuspectsAfterFailedSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		ch, a, _ := start(t, network, "a", detector())
		_, _, stopB := start(t, network, "b", detector())
		time.Sleep(time.Second)
		network.Crash("b")
		stopB()
		err := ch.Send(t.Context(), ch.Members(), &tribes.Message{Options: tribes.OptionAck})
		if _, ok := errors.AsType[*tribes.SendError](err); !ok {
			t.Errorf("error %v", err)
		}
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2")
	})
}

func TestPingOverDetector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		ping := func() tribes.Interceptor { return interceptor.NewPing(interceptor.PingConfig{UseThread: true}) }
		_, a, _ := start(t, network, "a", ping(), detector())
		_, _, stopB := start(t, network, "b", ping(), detector())
		time.Sleep(time.Second)
		network.Crash("b")
		stopB()
		time.Sleep(1100 * time.Millisecond) // an interval, not dropTime
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2")
	})
}

// Members that are configured are there as soon as they answer, without any
// multicast, and leave when they say so.
func TestStaticMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		network.Disturb(tribestest.Faults{Loss: 1})
		nodes := []tribes.Member{}
		for i, name := range []string{"a", "b"} {
			nodes = append(nodes, tribes.Member{Host: network.Node(name).Addr(), Port: 4000, ID: tribes.ID{15: byte(i + 1)}})
		}
		run := func(own int) (*tribes.Channel, *events, func()) {
			others := slices.Delete(slices.Clone(nodes), own, own+1)
			name := string(rune('a' + own))
			c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name), ID: nodes[own].ID, NoMembership: true, Interceptors: []tribes.Interceptor{
				interceptor.NewPing(interceptor.PingConfig{}), detector(), interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{Members: others}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			e := &events{}
			c.Listen(e)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			stop := sync.OnceFunc(func() { cancel(); <-ended })
			t.Cleanup(stop)
			return c, e, stop
		}
		_, a, _ := run(0)
		time.Sleep(time.Second)
		a.want(t)
		b, bEvents, stopB := run(1)
		time.Sleep(time.Second)
		a.want(t, "joined 10.0.0.2")
		bEvents.want(t, "joined 10.0.0.1")
		if err := b.Send(t.Context(), b.Members(), &tribes.Message{Options: tribes.OptionAck, Data: []byte("x")}); err != nil {
			t.Error(err)
		}
		stopB()
		time.Sleep(100 * time.Millisecond)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2")
		_, _, _ = run(1)
		time.Sleep(100 * time.Millisecond)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2", "joined 10.0.0.2")
	})
}

// Asynchronous messages leave in the background, those of one order in theirs.
func TestDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		ch, _, _ := start(t, network, "a", interceptor.NewDispatch(interceptor.DispatchConfig{}), detector())
		_, b, _ := start(t, network, "b", interceptor.NewDispatch(interceptor.DispatchConfig{}), detector())
		time.Sleep(time.Second)
		network.Latency(5 * time.Millisecond)
		began := time.Now()
		for i := range 200 {
			m := &tribes.Message{Options: tribes.OptionAsync | tribes.OptionAck, Order: fmt.Sprint(i % 5), Data: fmt.Appendf(nil, "%d %d", i%5, i/5)}
			if err := ch.Send(t.Context(), ch.Members(), m); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the sender waited for %v", took)
		}
		time.Sleep(5 * time.Second)
		next := map[int]int{}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, text := range b.data {
			var order, i int
			fmt.Sscan(text, &order, &i)
			if next[order] != i {
				t.Fatalf("order %d: %d came when %d was expected", order, i, next[order])
			}
			next[order]++
		}
		if len(b.data) != 200 {
			t.Errorf("%d messages, want 200", len(b.data))
		}
	})
}

// What does not fit is sent by its sender, or refused.
func TestDispatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 10)
		d := interceptor.NewDispatch(interceptor.DispatchConfig{MaxQueueSize: 10, NeverSend: true, OnError: func(_ *tribes.Message, err error) { failed <- err }})
		_, w := between(d)
		to := []tribes.Member{member("10.0.0.2")}
		message := func() *tribes.Message { return &tribes.Message{Options: tribes.OptionAsync, Data: make([]byte, 8)} }
		if err := d.Send(t.Context(), to, message()); err != nil {
			t.Error(err)
		}
		if err := d.Send(t.Context(), to, message()); !errors.Is(err, interceptor.ErrQueueFull) {
			t.Errorf("error %v, want ErrQueueFull", err)
		}
		w.fail = errors.New("unreachable")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		if err := <-failed; err == nil || err.Error() != "unreachable" {
			t.Errorf("OnError got %v", err)
		}
		if err := d.Send(t.Context(), to, message()); err != nil {
			t.Errorf("error %v, but the queue is empty again", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := d.Send(t.Context(), to, message()); !errors.Is(err, tribes.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}

		patient := interceptor.NewDispatch(interceptor.DispatchConfig{MaxQueueSize: 10})
		_, w = between(patient)
		waiting := make(chan error, 2)
		for range 2 {
			go func() { waiting <- patient.Send(t.Context(), to, message()) }()
		}
		synctest.Wait()
		if len(waiting) != 1 {
			t.Errorf("%d of two senders go on, want one: the other waits for room", len(waiting))
		}
		ctx, cancel = context.WithCancel(t.Context())
		go func() { ended <- patient.Run(ctx) }()
		synctest.Wait()
		if len(waiting) != 2 || len(w.sent) != 2 {
			t.Errorf("%d senders go on, %d messages were sent", len(waiting), len(w.sent))
		}
		cancel()
		<-ended
	})
}

func TestThroughput(t *testing.T) {
	var log bytes.Buffer
	counted := interceptor.NewThroughput(interceptor.ThroughputConfig{Interval: 2, Base: interceptor.Base{Log: slog.New(slog.NewTextHandler(&log, nil))}})
	u, _ := between(counted)
	for range 2 {
		if err := counted.Send(t.Context(), []tribes.Member{member("10.0.0.2"), member("10.0.0.3")}, &tribes.Message{Data: []byte("abc")}); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, counted, tribes.Message{Data: []byte("de")})
	want := interceptor.Counts{Sent: 2, SentBytes: 12, Received: 1, ReceivedBytes: 2}
	if got := counted.Counts(); got != want || len(u.got) != 1 {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if !strings.Contains(log.String(), "sent=2 sent_bytes=12") {
		t.Errorf("log %q", log.String())
	}
}

// A detector above what encrypts sends probes that others do not understand.
func TestEncryptBelowDetectorIsRefused(t *testing.T) {
	_, err := tribes.New(tribes.Config{Interceptors: []tribes.Interceptor{detector(), newEncrypt(t, interceptor.EncryptConfig{Key: key128})}})
	if err == nil || !strings.Contains(err.Error(), "list it before") {
		t.Errorf("error %v", err)
	}
}

// All that change messages, together.
func TestStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(3)
		stack := func() []tribes.Interceptor {
			return []tribes.Interceptor{
				interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewGzip(interceptor.GzipConfig{}),
				newEncrypt(t, interceptor.EncryptConfig{Key: key128}), detector(),
				interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: 1000}), interceptor.NewOrder(interceptor.OrderConfig{}),
				interceptor.NewThroughput(interceptor.ThroughputConfig{}),
			}
		}
		ch, _, _ := start(t, network, "a", stack()...)
		_, b, _ := start(t, network, "b", stack()...)
		time.Sleep(time.Second)
		noise := make([]byte, 50000)
		rand.Read(noise)
		want := []string{"", "short", string(noise)}
		for _, text := range want {
			m := &tribes.Message{Options: tribes.OptionAck | tribes.OptionSyncAck, Data: []byte(text)}
			if err := ch.Send(t.Context(), ch.Members(), m); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		if !slices.Equal(b.data, want) {
			t.Errorf("%d messages came, or others", len(b.data))
		}
	})
}
