package cluster

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A session message of another serialVersionUID is told in words, and dropped, as
// Tomcat does with it.
func TestOtherSUID(t *testing.T) {
	raw := vectors.Bytes(t, "bad-suid")
	at := bytes.Index(raw, []byte{0xac, 0xed, 0, 5})
	data := raw[at : len(raw)-len("TLF2003")]
	n, err := javaserial.Decode(data, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if suid := n.(*javaserial.Object).Class.SUID; suid != 3 {
		t.Fatalf("the vector has the serialVersionUID %d: %s", suid, hex.EncodeToString(data))
	}
	n.(*javaserial.Object).Class.SUID = 2
	good, mine, err := wire.ParseMessage(n)
	if !mine || err != nil {
		t.Fatal(mine, err)
	}

	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		network := tribestest.NewNetwork(1)
		a, _ := start(t, network, "a")
		b, stop := startLogging(t, network, "b", slog.New(slog.NewTextHandler(&log, nil)))
		time.Sleep(2 * time.Second)
		r := &receiver{}
		if err := b.Add(good.Context, r); err != nil {
			t.Fatal(err)
		}
		options := tribes.OptionAck | tribes.OptionSyncAck
		if err := a.Dispatcher().SendStream(t.Context(), a.Members(), data, options, ""); err != nil {
			t.Errorf("%v; Tomcat acknowledges it", err)
		}
		if got, _ := r.messages(); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
		if err := a.Dispatcher().Send(t.Context(), a.Members(), n, options, ""); err != nil {
			t.Error(err)
		}
		if got, _ := r.messages(); len(got) != 1 {
			t.Errorf("got %d of the good message", len(got))
		}
		stop()
		for _, want := range []string{"SessionMessageImpl has the serialVersionUID 0000000000000003, and here 0000000000000002", "another release"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("logged %q, want %q", &log, want)
			}
		}
	})
}
