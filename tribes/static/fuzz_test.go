package static

import (
	"testing"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes/rpc"
)

// FuzzMessage: no object of a peer makes the reader panic, and what is a message
// is the same after it was written and read again.
func FuzzMessage(f *testing.F) {
	for _, name := range []string{"static-membership-message", "static-member", "map-ping", "bytemessage"} {
		f.Add(vectors.Bytes(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := javaserial.Decode(data, javaserial.Limits{Objects: 10_000})
		if err != nil {
			return
		}
		var c rpc.Classes
		var m, again message
		if mine, err := m.parse(n, &c); !mine || err != nil {
			return
		}
		mine, err := again.parse(m.object(&c), &c)
		if !mine || err != nil || again.kind != m.kind || string(again.id) != string(m.id) || again.member.Key() != m.member.Key() {
			t.Fatalf("%+v becomes %+v: %v", m, again, err)
		}
	})
}
