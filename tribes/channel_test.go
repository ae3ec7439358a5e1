package tribes_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A member is a channel that runs on a node of a network, and what it was told.
type member struct {
	*tribes.Channel
	name string
	stop func()

	crashed bool

	mu     sync.Mutex
	events []string
	got    []string
	fail   error // what Received returns
	work   func(msg *tribes.Message)
}

func (m *member) Received(msg *tribes.Message) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, string(msg.Data))
	if m.work != nil {
		m.work(msg)
	}
	return true, m.fail
}

func (m *member) Joined(who tribes.Member) { m.event("joined " + who.Host.String()) }
func (m *member) Left(who tribes.Member)   { m.event("left " + who.Host.String()) }

func (m *member) event(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, text)
}

// start runs a channel on the node name until the test ends or stop is called.
func start(t *testing.T, network *tribestest.Network, name string, change ...func(*tribes.Config)) *member {
	t.Helper()
	cfg := tribes.Config{Name: name, Network: network.Node(name)}
	for _, f := range change {
		f(&cfg)
	}
	c, err := tribes.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{Channel: c, name: name}
	c.Listen(m)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !m.crashed {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

// crash ends m without a goodbye.
func (m *member) crash(network *tribestest.Network) {
	m.crashed = true
	network.Crash(m.name)
	m.stop()
}

// want checks all events so far.
func (m *member) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.events, want) {
		t.Errorf("%s was told %q, want %q", m.name, m.events, want)
	}
}

func (m *member) received() []string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b := start(t, network, "b")
		time.Sleep(time.Second)
		a.want(t, "joined 10.0.0.2")
		b.want(t, "joined 10.0.0.1")
		select {
		case <-a.Ready():
		default:
			t.Error("not ready after two heartbeats")
		}
		network.Cut("a", "b")
		time.Sleep(4 * time.Second) // longer than DropTime
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2")
		network.Heal("a", "b")
		time.Sleep(time.Second)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2", "joined 10.0.0.2")
		if members := a.Members(); len(members) != 1 || members[0].Host != network.Node("b").Addr() {
			t.Errorf("members %v", members)
		}
	})
}

// Who stops says goodbye: it is gone after the second in which a goodbye has to
// stand, long before DropTime.
func TestGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b := start(t, network, "b")
		time.Sleep(time.Second)
		b.stop()
		time.Sleep(1600 * time.Millisecond)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2")
	})
}

// A goodbye that somebody forged removes nobody whose heartbeats go on.
func TestForgedGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b := start(t, network, "b")
		time.Sleep(time.Second)
		for _, alive := range []int64{0, 1 << 62} {
			forged := b.Local()
			forged.Alive, forged.Command = alive, []byte("BABY-ALEX")
			network.Inject(netip.MustParseAddrPort("10.0.9.9:45564"), forged.AppendTo(nil))
			time.Sleep(10 * time.Second)
		}
		a.want(t, "joined 10.0.0.2")
	})
}

// Nor one whose heartbeats do not come through just then, if its receiver
// answers.
func TestForgedGoodbyeWhileHeartbeatsAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b := start(t, network, "b")
		time.Sleep(time.Second)
		forged := b.Local()
		forged.Command = []byte("BABY-ALEX")
		network.Inject(netip.MustParseAddrPort("10.0.9.9:45564"), forged.AppendTo(nil))
		network.Disturb(tribestest.Faults{Loss: 1})
		time.Sleep(2 * time.Second)
		network.Disturb(tribestest.Faults{})
		time.Sleep(5 * time.Second)
		a.want(t, "joined 10.0.0.2")
	})
}

// A node that is started again at its place is a new member, and what it was is
// gone at once; nothing that is late brings it back.
func TestRestartAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b := start(t, network, "b")
		time.Sleep(time.Second)
		before := b.Local()
		b.crash(network)
		again := start(t, network, "b")
		time.Sleep(100 * time.Millisecond)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2", "joined 10.0.0.2")
		if members := a.Members(); len(members) != 1 || members[0].ID != again.Local().ID {
			t.Errorf("members %v, want the new one", members)
		}
		network.Inject(netip.MustParseAddrPort("10.0.0.2:45564"), before.AppendTo(nil))
		time.Sleep(10 * time.Second)
		a.want(t, "joined 10.0.0.2", "left 10.0.0.2", "joined 10.0.0.2")
		again.want(t, "joined 10.0.0.1")
	})
}

// With a folder the new one says goodbye for the old one, also to members that
// do not know that one place has one member.
func TestGoodbyeForFormerSelf(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		keep := func(cfg *tribes.Config) { cfg.Folder = folder }
		b := start(t, network, "b", keep)
		time.Sleep(time.Second)
		before := b.Local()
		file, folderErr := readFolder(folder)
		b.crash(network)
		if folderErr != nil || len(file) != 1 {
			t.Fatalf("files %v, %v", file, folderErr)
		}
		if err := writeBack(folder, file); err != nil { // a crash leaves it
			t.Fatal(err)
		}
		heard := listenTo(t, network, "c")
		start(t, network, "b", keep)
		time.Sleep(time.Second)
		first := heard()[0]
		if first.ID != before.ID || string(first.Command) != "BABY-ALEX" {
			t.Errorf("the first datagram is of %v with the command %q, want the goodbye of %v", first.ID, first.Command, before.ID)
		}
	})
}

// Two nodes that run have one folder: neither says goodbye for the other, and
// after a crash of both each that starts does for one of them.
func TestFolderOfTwo(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		keep := func(cfg *tribes.Config) { cfg.Folder, cfg.Name = folder, "alike" }
		heard := listenTo(t, network, "z")
		goodbyes := func() (all []string) {
			for _, m := range heard() {
				if string(m.Command) == "BABY-ALEX" {
					all = append(all, m.Host.String())
				}
			}
			return all
		}
		a, b := start(t, network, "a", keep), start(t, network, "b", keep)
		time.Sleep(time.Second)
		if all := goodbyes(); len(all) > 0 {
			t.Errorf("goodbyes of %v, which run", all)
		}
		files, err := readFolder(folder)
		a.crash(network)
		b.crash(network)
		if err != nil || len(files) != 2 {
			t.Fatalf("files %v, %v", files, err)
		}
		if err := writeBack(folder, files); err != nil { // a crash leaves them
			t.Fatal(err)
		}
		c, d := start(t, network, "c", keep), start(t, network, "d", keep)
		time.Sleep(time.Second)
		if all := goodbyes(); !slices.Equal(slices.Sorted(slices.Values(all)), []string{a.Local().Host.String(), b.Local().Host.String()}) {
			t.Errorf("goodbyes of %v, want each of those that crashed", all)
		}
		c.stop()
		d.stop()
		if files, _ := readFolder(folder); len(files) > 0 {
			t.Errorf("files of nodes that ended well: %v", files)
		}
	})
}

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b, c := start(t, network, "a"), start(t, network, "b"), start(t, network, "c")
		time.Sleep(time.Second)
		for _, options := range []tribes.Options{0, tribes.OptionAck, tribes.OptionAck | tribes.OptionSyncAck, tribes.OptionMulticast} {
			m := &tribes.Message{Options: options | tribes.OptionBytes, Data: []byte(options.String())}
			if err := a.Send(t.Context(), a.Members(), m); err != nil {
				t.Errorf("%v: %v", options, err)
			}
		}
		synctest.Wait()
		want := []string{"0", "use_ack", "sync, use_ack", "multicast"}
		for _, m := range []*member{b, c} {
			got := m.received()
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s got %q, want %q", m.name, got, want)
			}
		}
		if err := a.Send(t.Context(), nil, &tribes.Message{}); !errors.Is(err, tribes.ErrNobody) {
			t.Errorf("error %v without members", err)
		}
		c.fail = errors.New("no")
		err := a.Send(t.Context(), a.Members(), &tribes.Message{Options: tribes.OptionAck | tribes.OptionSyncAck})
		failed, ok := errors.AsType[*tribes.SendError](err)
		if !ok || len(failed.Faulty) != 1 || failed.Faulty[0].Member.Host != network.Node("c").Addr() || !errors.Is(err, tribes.ErrFailAck) {
			t.Errorf("error %v, want FAIL_ACK of c alone", err)
		}
		if err := a.Send(t.Context(), a.Members(), &tribes.Message{Options: tribes.OptionAck}); err != nil {
			t.Errorf("error %v, but the acknowledgement does not wait for the work", err)
		}
	})
}

// Who works on a message of the group for long keeps nobody in or out of it, and
// has memory of the receive budget only: of that what strangers may have.
func TestSlowGroupMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a"), start(t, network, "b")
		time.Sleep(time.Second)
		var room []bool
		b.work = func(m *tribes.Message) {
			room = append(room, m.Take(1<<20), m.Take(1<<40))
			time.Sleep(10 * time.Second) // more than dropTime
		}
		for range 2 { // what is taken is given back
			if err := a.Send(t.Context(), a.Members(), &tribes.Message{Options: tribes.OptionMulticast | tribes.OptionBytes, Data: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		if !slices.Equal(b.events, []string{"joined 10.0.0.1"}) || len(b.Members()) != 1 {
			t.Errorf("events %q, %d members", b.events, len(b.Members()))
		}
		if !slices.Equal(room, []bool{true, false, true, false}) {
			t.Errorf("room for 1 MiB, and for more than there is: %v", room)
		}
	})
}

// A member that does not acknowledge, or is gone, is named; the others get the
// message.
func TestSendErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		start(t, network, "b")
		c := start(t, network, "c")
		time.Sleep(time.Second)
		everybody := a.Members()
		network.Cut("a", "b")
		begun := time.Now()
		err := a.Send(t.Context(), everybody, &tribes.Message{Options: tribes.OptionAck, Data: []byte("x")})
		failed, ok := errors.AsType[*tribes.SendError](err)
		if !ok || len(failed.Faulty) != 1 || failed.Faulty[0].Member.Host != network.Node("b").Addr() {
			t.Errorf("error %v, want b named", err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it took %v, want 3s", took)
		}
		if got := c.received(); !slices.Equal(got, []string{"x"}) {
			t.Errorf("c got %q", got)
		}
		c.crash(network)
		network.HealAll()
		err = a.Send(t.Context(), everybody, &tribes.Message{Options: tribes.OptionAck, Data: []byte("y")})
		if failed, ok := errors.AsType[*tribes.SendError](err); !ok || len(failed.Faulty) != 1 || !strings.Contains(err.Error(), "10.0.0.3:4000") {
			t.Errorf("error %v, want c named", err)
		}
	})
}

// Messages with one order never overtake one another, although there are
// several connections and each takes its time.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a"), start(t, network, "b")
		time.Sleep(time.Second)
		network.Latency(3 * time.Millisecond)
		var sending sync.WaitGroup
		for session := range 20 {
			sending.Go(func() {
				for i := range 50 {
					options := []tribes.Options{0, tribes.OptionAck, tribes.OptionAck | tribes.OptionSyncAck}[i%3]
					m := &tribes.Message{Options: options, Order: fmt.Sprint(session), Data: fmt.Appendf(nil, "%d %d", session, i)}
					if err := a.Send(t.Context(), a.Members(), m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		sending.Wait()
		time.Sleep(time.Second)
		next := map[int]int{}
		got := b.received()
		for _, text := range got {
			var session, i int
			fmt.Sscan(text, &session, &i)
			if next[session] != i {
				t.Fatalf("session %d: message %d came when %d was expected", session, i, next[session])
			}
			next[session]++
		}
		if len(got) != 1000 {
			t.Errorf("%d messages, want 1000", len(got))
		}
	})
}

// Fifty members come and go while datagrams are lost, doubled and late; at the
// end all know the same.
func TestManyMembersAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(7)
		network.Disturb(tribestest.Faults{Loss: 0.1, Duplicate: 0.2, Delay: 700 * time.Millisecond})
		var all []*member
		var left, right []string
		for i := range 50 {
			name := fmt.Sprint("m", i)
			all = append(all, start(t, network, name))
			if i%2 == 0 {
				left = append(left, name)
			} else {
				right = append(right, name)
			}
		}
		time.Sleep(5 * time.Second)
		network.Partition(left, right)
		time.Sleep(6 * time.Second)
		all[3].stop()
		all[4].crash(network)
		time.Sleep(5 * time.Second)
		network.HealAll()
		network.Disturb(tribestest.Faults{})
		time.Sleep(6 * time.Second)
		want := map[tribes.Key]bool{}
		for i, m := range all {
			if i != 3 && i != 4 {
				self := m.Local()
				want[self.Key()] = true
			}
		}
		for i, m := range all {
			if i == 3 || i == 4 {
				continue
			}
			self := m.Local()
			members := m.Members()
			if len(members) != len(want)-1 {
				t.Fatalf("%s knows %d members, want %d", m.name, len(members), len(want)-1)
			}
			for _, other := range members {
				if !want[other.Key()] || other.Key() == self.Key() {
					t.Fatalf("%s knows %v", m.name, &other)
				}
			}
			m.alternates(t)
		}
	})
}

// alternates checks that each member joined, left, joined…
func (m *member) alternates(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	there := map[string]bool{}
	for _, e := range m.events {
		what, who, _ := strings.Cut(e, " ")
		if there[who] == (what == "joined") {
			t.Fatalf("%s was told twice in a row: %s", m.name, e)
		}
		there[who] = what == "joined"
	}
}
