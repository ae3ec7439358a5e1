package backup

import (
	"testing"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
)

// Whatever other nodes say about sessions, in whatever order: there is no panic,
// and what this node says that it has it has.
func FuzzMessages(f *testing.F) {
	var last []byte
	for _, v := range vectors.All(f) {
		if v.Kind == "stream" {
			data := vectors.Bytes(f, v.Name)
			f.Add(last, data, data)
			last = data
		}
	}
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		channel, err := tribes.New(tribes.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c := cluster.New(cluster.Config{}, channel)
		m, err := New(Config{Context: "localhost#/app"}, c)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Dispatcher().Close()
		for _, data := range [][]byte{first, second, third} {
			c.Dispatcher().Received(&tribes.Message{Data: data})
		}
		for _, each := range m.sessions.Entries() {
			if e := entryOf(each.Value); (e == nil) != (each.Role == replicated.Proxy) {
				t.Errorf("%v is %s with %v", each.Key, each.Role, each.Value)
			} else if e != nil && e.ID() != each.Key {
				t.Errorf("%v is the session %s", each.Key, e.ID())
			}
		}
	})
}
