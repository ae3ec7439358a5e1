package replicated_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Several nodes take one entry at the same time, while its owner changes it:
// afterwards it has one owner, and one backup.
func TestClaimsCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		network.Latency(3 * time.Millisecond)
		var all []*node
		for _, name := range []string{"a", "b", "c", "d"} {
			all = append(all, start(t, network, name, replicated.Lazy))
		}
		for i := range 60 {
			key := fmt.Sprint("k", i)
			owner := all[i%4]
			owner.put(t, key, int32(i))
			var taking sync.WaitGroup
			for j, n := range all {
				if i>>(j+2)&1 == 0 {
					continue
				}
				taking.Go(func() {
					time.Sleep(time.Duration(i%7) * time.Millisecond * time.Duration(j))
					if n == owner {
						if _, err := n.Replicate(t.Context(), key, true); err != nil {
							t.Error(err)
						}
					} else if v, ok := n.Get(t.Context(), key); !ok || v != int32(i) {
						t.Errorf("%s gets %v, %v of %s", n.name, v, ok, key)
					}
				})
			}
			taking.Wait()
			time.Sleep(time.Second)
			primaries, having := 0, 0
			for _, n := range all {
				e, ok := n.Peek(key)
				if !ok {
					t.Errorf("%s does not know %s", n.name, key)
				}
				if e.Role == replicated.Primary {
					primaries++
				}
				if e.Role != replicated.Proxy {
					having++
				}
			}
			if primaries != 1 || having < 2 {
				t.Errorf("%s: %s", key, roles(key, all...))
			}
			for _, n := range all {
				if v, ok := n.Get(t.Context(), key); !ok || v != int32(i) {
					t.Errorf("then %s gets %v, %v of %s", n.name, v, ok, key)
				}
			}
			wantRoles(t, key, all, replicated.Primary, replicated.Backup, replicated.Proxy, replicated.Proxy)
		}
	})
}

// A bomb answers every question about the map with a value that grows when it is
// read.
type bomb struct{}

func (b bomb) Asked(question javaserial.Node, _ tribes.Member) (javaserial.Node, bool) {
	o := question.(*javaserial.Object)
	answer := javaserial.Object{Class: o.Class, Data: []javaserial.ClassData{{Class: o.Class}}}
	stream := javaserial.Encode(javaserial.NewArray("[Ljava.lang.Object;", 1, nil))
	const n = 4 << 20
	binary.BigEndian.PutUint32(stream[len(stream)-4:], n)
	stream = append(stream, bytes.Repeat([]byte{0x70}, n)...)
	for _, f := range o.Class.Fields {
		_, v, _ := o.Field(o.Class.Name, f.Name)
		if f.Name == "valuedata" {
			v = javaserial.NodeValue(javaserial.ByteArray(stream))
		}
		answer.Data[0].Fields = append(answer.Data[0].Fields, v)
	}
	return &answer, true
}

func (bomb) Leftover(javaserial.Node, tribes.Member) {}

// The answers to this node's own questions become no more than the receive
// budget has room for.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		c, err := tribes.New(tribes.Config{Name: "evil", Network: network.Node("evil")})
		if err != nil {
			t.Fatal(err)
		}
		d := rpc.NewDispatcher(c, javaserial.Limits{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		defer func() { cancel(); <-ended; d.Close() }()
		if _, err := d.Open("localhost#/app-map", bomb{}); err != nil {
			t.Fatal(err)
		}
		<-c.Ready()
		victim := start(t, network, "victim", replicated.Lazy)
		if n := len(victim.Entries()); n != 0 {
			t.Errorf("%d entries", n)
		}
		victim.put(t, "k", "v")
		if v, ok := victim.Get(t.Context(), "k"); !ok || v != "v" {
			t.Errorf("it has %v, %v", v, ok)
		}
	})
}
