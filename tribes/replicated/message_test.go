package replicated

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Every message of a real map is understood, and written as Tomcat writes
// it.
func TestMessageVectors(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		name := v.Name
		if !strings.HasPrefix(name, "map-") {
			continue
		}
		data := vectors.Bytes(t, name)
		n, err := javaserial.Decode(data, javaserial.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var c rpc.Classes
		var m message
		mine, err := m.parse(n, &c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !mine {
			continue // a question that holds one
		}
		seen++
		if m.mapName != "localhost#/app-map" || m.kind < msgBackup || m.kind > msgPing {
			t.Errorf("%s is %+v", name, m)
		}
		again := javaserial.Encode(m.object(&c, func(tribes.Key) bool { return true }))
		if !bytes.Equal(again, data) {
			t.Errorf("%s written otherwise:\n% x\n% x", name, data, again)
		}
	}
	if seen < 12 {
		t.Errorf("only %d vectors", seen)
	}
}

// A message of another release is told in words.
func TestMessageOfAnotherRelease(t *testing.T) {
	n, err := javaserial.Decode(vectors.Bytes(t, "map-backup"), javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	n.(*javaserial.Object).Class.SUID = 9
	var m message
	if mine, err := m.parse(n, &rpc.Classes{}); !mine || err == nil || !strings.Contains(err.Error(), "serialVersionUID") {
		t.Errorf("%v, %v", mine, err)
	}
}

// FuzzMapMessage: no message of a peer makes a map panic, and one that is
// understood is the same after writing and reading again.
func FuzzMapMessage(f *testing.F) {
	for _, v := range vectors.All(f) {
		if strings.HasPrefix(v.Name, "map-") {
			f.Add(vectors.Bytes(f, v.Name))
		}
	}
	channel, err := tribes.New(tribes.Config{})
	if err != nil {
		f.Fatal(err)
	}
	d := rpc.NewDispatcher(channel, javaserial.Limits{}, nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := javaserial.Limits{Objects: 10000}
		n, err := javaserial.Decode(data, limits)
		if err != nil {
			return
		}
		var m, again message
		if mine, err := m.parse(n, &rpc.Classes{}); !mine || err != nil {
			return
		}
		own := func(tribes.Key) bool { return true }
		c := &rpc.Classes{}
		if mine, err := again.parse(m.object(c, own), c); !mine || err != nil || again.kind != m.kind || again.mapName != m.mapName || again.diff != m.diff ||
			!bytes.Equal(again.key, m.key) || !bytes.Equal(again.value, m.value) || !bytes.Equal(again.diffVal, m.diffVal) ||
			len(again.nodes) != len(m.nodes) || again.noNodes != m.noNodes || (again.primary == nil) != (m.primary == nil) {
			t.Fatalf("%+v becomes %+v: %v", m, again, err)
		}
		for _, kind := range []Kind{Lazy, Copy} {
			x := newMap(Config{Name: m.mapName, Kind: kind, Limits: limits}, d)
			_, _ = x.Object(n, &tribes.Message{})
			_, _ = handler{x}.Asked(n, tribes.Member{})
			handler{x}.Leftover(n, tribes.Member{})
			x.takeState(&m, tribes.Member{}, limits)
		}
	})
}
