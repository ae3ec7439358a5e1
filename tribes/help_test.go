package tribes_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/membership"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func readFolder(folder string) (map[string][]byte, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func writeBack(folder string, files map[string][]byte) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// listenTo hears the heartbeats of the group on a node that is no member.
func listenTo(t *testing.T, network *tribestest.Network, name string) func() []tribes.Member {
	t.Helper()
	socket, err := network.Node(name).Group(membership.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []tribes.Member
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 65536)
		for ctx.Err() == nil {
			n, _, err := socket.Read(b)
			if err != nil {
				return
			}
			if m, _, err := wire.ParseMember(b[:n]); err == nil {
				mu.Lock()
				all = append(all, m)
				mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); socket.Close(); <-ended })
	return func() []tribes.Member { mu.Lock(); defer mu.Unlock(); return all }
}
