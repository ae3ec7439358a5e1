package backup

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A session that another node takes while a request uses it comes back with what
// both have changed, and that is counted.
func TestTakenInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{}, "a", "b", "c")
		for _, n := range all {
			n.cfg.Route = "" // the id stays
		}
		for _, role := range []replicated.Role{replicated.Backup, replicated.Proxy} {
			cookie := all[0].set(t, "", "n", 1)
			taker := on(cookie, role, all...)
			before := all[0].Conflicts()
			all[0].do(t, cookie, func(s *session.Session) {
				s.Set("ours", 1)
				taker.do(t, cookie, func(other *session.Session) {
					other.Set("theirs", 2)
					other.Remove("n")
				})
				want(t, cookie, "theirs=2", but(all[0], all)...) // what a has not told is not known there
				s.Set("later", 3)
			})
			want(t, cookie, "later=3 ours=1 theirs=2", all...)
			if on(cookie, replicated.Primary, all...) != all[0] {
				t.Errorf("it did not come back from the %s", role)
			}
			if n := all[0].Conflicts() - before; n != 1 {
				t.Errorf("%d conflicts with the %s, want 1", n, role)
			}
			text, _ := all[1].read(t, cookie)
			if text != "later=3 ours=1 theirs=2" {
				t.Errorf("then it is %s", text)
			}
		}
	})
}

// A request that only reads does not take a session back, and what it does not
// use any more does not stay in memory.
func TestReadInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{}, "a", "b", "c")
		for _, n := range all {
			n.cfg.Route = ""
		}
		cookie := all[0].set(t, "", "n", 1)
		taker := on(cookie, replicated.Proxy, all...)
		var e *session.Entry
		all[0].do(t, cookie, func(s *session.Session) {
			value, _ := all[0].sessions.Get(t.Context(), idOf(cookie))
			e = entryOf(value)
			taker.set(t, cookie, "n", 2)
			if got, _ := s.Get("n"); got != int64(1) {
				t.Errorf("it reads %v", got)
			}
		})
		want(t, cookie, "n=2", all...)
		if on(cookie, replicated.Primary, all...) != taker || all[0].Conflicts() != 0 || e.Busy() || e.Changed() {
			t.Error("it came back")
		}
		if value, _ := all[0].sessions.Get(t.Context(), idOf(cookie)); value == nil || entryOf(value) == e {
			t.Error("what was of no use any more was kept")
		}
	})
}

// Another node ends a session that a request changes: the request sees that, and
// it is counted.
func TestEndedInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", Config{}), start(t, network, "b", Config{})
		cookie := a.set(t, "", "n", 1)
		fresh := a.do(t, cookie, func(s *session.Session) {
			s.Set("n", 2)
			b.do(t, cookie, func(other *session.Session) { other.Invalidate() })
			if _, ok := s.Get("n"); ok || s.Exists() {
				t.Error("it is still there")
			}
			s.Set("n", 3)
		})
		want(t, cookie, "none", a, b)
		want(t, fresh, "n=3", a, b)
		if fresh == cookie || a.Conflicts() != 2 {
			t.Errorf("%d conflicts, want 2: it was taken, and it was ended", a.Conflicts())
		}
	})
}

// thing is an object of a class that Go does not know.
func thing(label string) javaserial.Opaque {
	class := &javaserial.Class{
		Name: "shop.Thing", SUID: 7, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{{Code: 'L', Name: "label", Type: &javaserial.String{Text: "Ljava/lang/String;"}}},
	}
	return javaserial.Opaque{Node: &javaserial.Object{Class: class, Data: []javaserial.ClassData{
		{Class: class, Fields: []javaserial.Value{javaserial.NodeValue(&javaserial.String{Text: label})}},
	}}}
}

// What Go has no class for goes from node to node as it is, with the notes and
// listeners of a Tomcat.
func TestForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{}, "a", "b", "c")
		cookie := all[0].set(t, "", "n", 1)
		value, _ := all[0].sessions.Get(t.Context(), idOf(cookie))
		entryOf(value).Apply([]session.Change{
			{Kind: session.KindNote, Name: session.NoteID, Value: idOf(cookie)}, {Kind: session.KindListener, Value: thing("listener")},
			{Kind: session.KindAttribute, Name: "thing", Value: thing("outer")},
		})
		if _, err := all[0].sessions.Replicate(t.Context(), idOf(cookie), true); err != nil {
			t.Error(err)
		}
		for _, n := range []*node{all[1], all[2], all[0], all[2], all[1]} {
			cookie = n.do(t, cookie, func(s *session.Session) {
				got, _ := s.Get("thing")
				o, ok := got.(javaserial.Opaque)
				if label, _ := o.Field("label"); !ok || o.Class() != "shop.Thing" || label != "outer" {
					t.Errorf("%s has %v", n.name, got)
				}
			})
			value, _ := n.sessions.Get(t.Context(), idOf(cookie))
			s, _ := entryOf(value).State()
			if len(s.Listeners) != 1 || !slices.Contains(s.Notes, session.Attribute{Name: session.NoteID, Value: idOf(cookie)}) {
				t.Errorf("%s has the notes %v and %d listeners, the id is %s", n.name, s.Notes, len(s.Listeners), idOf(cookie))
			}
		}
	})
}

// What another node says about a session that is not so, or not readable, changes
// nothing.
func TestBadValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", Config{}), start(t, network, "b", Config{})
		cookie := a.set(t, "", "n", 1)
		want(t, cookie, "n=1", a, b)
		known, _ := b.sessions.Peek(idOf(cookie))
		v, e := values{b.Manager}, known.Value
		other := wire.Delta{ID: "ANOTHER", Actions: []wire.Action{{Type: wire.TypeAttribute, Name: "n", Value: int32(2)}}}
		of := func(d wire.Delta) []byte {
			stream, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return stream
		}
		for name, diff := range map[string][]byte{
			"of another session": of(other), "empty": {}, "nil": nil, "short": of(wire.Delta{ID: idOf(cookie), Actions: other.Actions})[:20],
		} {
			if err := v.Apply(e, diff, javaserial.Limits{}); err == nil {
				t.Errorf("a diff that is %s is applied", name)
			}
		}
		if err := v.Apply(e, of(wire.Delta{ID: idOf(cookie), Actions: []wire.Action{{Type: 99, Name: "n"}}}), javaserial.Limits{}); err != nil {
			t.Errorf("an unknown change: %v", err)
		}
		for name, n := range map[string]javaserial.Node{"null": nil, "text": &javaserial.String{Text: "x"}, "another class": thing("x").Node} {
			if _, err := v.Decode("ID", n); err == nil {
				t.Errorf("a session that is %s is taken", name)
			}
		}
		n, err := v.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Decode(int64(1), n); err == nil {
			t.Error("a session is taken under a number")
		}
		if fresh, err := v.Decode("OTHER", n); err != nil || entryOf(fresh).ID() != "OTHER" {
			t.Errorf("a session under another id: %v, %v", fresh, err)
		}
		want(t, cookie, "n=1", a, b)
	})
}

// A node that nobody answers does not start, if it is not to.
func TestTerminateOnStartFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		silent := begin(t, network, "silent", Config{Context: "other"})
		<-silent.Ready()
		if _, err := silent.cluster.Dispatcher().Open("localhost#/shop-map", mute{}); err != nil {
			t.Fatal(err)
		}
		late := begin(t, network, "late", Config{TerminateOnStartFailure: true})
		late.crashed = true
		fine := begin(t, network, "fine", Config{Context: "other", TerminateOnStartFailure: true})
		<-fine.Ready()
		select {
		case <-late.Ready():
			t.Error("it started")
		case <-late.over:
		}
		if err := late.err; err == nil || !strings.Contains(err.Error(), replicated.ErrNotJoined.Error()) {
			t.Errorf("it ended with %v", err)
		}
	})
}

// mute does not answer.
type mute struct{}

func (mute) Asked(javaserial.Node, tribes.Member) (javaserial.Node, bool) { return nil, false }
func (mute) Leftover(javaserial.Node, tribes.Member)                      {}

// Clicks of many visitors at once, each on a node of its own, in requests that run
// at the same time: the backup has what the primary has, however messages are
// sent.
func TestAtOnce(t *testing.T) {
	for _, options := range []tribes.Options{0, tribes.OptionAsync} {
		t.Run(options.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				network.Latency(2 * time.Millisecond)
				all := starts(t, network, Config{MapSendOptions: options}, "a", "b", "c")
				var visitors sync.WaitGroup
				cookies := make([]string, 20)
				for v := range cookies {
					visitors.Go(func() {
						click := func(name string, value any) http.Handler {
							h, err := session.Handler(session.Config{}, all[v%3].Manager, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
								if err := session.From(r.Context()).Set(name, value); err != nil {
									t.Error(err)
								}
							}))
							if err != nil {
								t.Error(err)
							}
							return h
						}
						cookies[v] = serve(click("n", 0), "")
						for i := range 20 {
							var both sync.WaitGroup
							both.Go(func() { serve(click("n", i), cookies[v]) })
							both.Go(func() { serve(click("m", i), cookies[v]) })
							both.Wait()
						}
					})
				}
				visitors.Wait()
				for _, cookie := range cookies {
					want(t, cookie, "m=19 n=19", all...)
				}
				for _, n := range all {
					if n.Conflicts() != 0 {
						t.Errorf("%s: %d conflicts", n.name, n.Conflicts())
					}
				}
			})
		})
	}
}
