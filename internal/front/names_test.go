package front

import (
	"context"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/catflap/catflap/internal/privilege"
)

// witness is an Opener that remembers what was opened.
type witness struct {
	privilege.Direct
	mu     sync.Mutex
	opened []string
}

func (w *witness) saw(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.opened, name) {
		w.opened = append(w.opened, name)
	}
}

func (w *witness) Append(name string) (*os.File, error) {
	w.saw("log " + name)
	return w.Direct.Append(name)
}

func (w *witness) Pipe(command string) (*os.File, error) {
	w.saw("program " + command)
	return w.Direct.Pipe(command)
}

func (w *witness) Listen(address string) (net.Listener, error) {
	w.saw("address " + address)
	return w.Direct.Listen(address)
}

func (w *witness) WritePid(name string) error {
	w.saw("PidFile " + name)
	return w.Direct.WritePid(name)
}

// TestNames: Names are what a server opens, no more and no less.
func TestNames(t *testing.T) {
	f := configure(t, echo, nil)
	opener := &witness{}
	server, err := New(f.cfg, opener)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	<-server.Ready()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var want []string
	names := f.cfg.Names()
	for kind, set := range map[string]map[string]bool{"log": names.Append, "program": names.Pipe, "address": names.Listen, "PidFile": names.Pid} {
		for name := range maps.Keys(set) {
			want = append(want, kind+" "+name)
		}
	}
	slices.Sort(want)
	slices.Sort(opener.opened)
	if !slices.Equal(opener.opened, want) {
		t.Errorf("opened:\n%s\nnames:\n%s", strings.Join(opener.opened, "\n"), strings.Join(want, "\n"))
	}
}
