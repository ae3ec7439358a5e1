package tribes

import (
	"fmt"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// wantSoon waits until the answer to a command is want.
func wantSoon(t *testing.T, m *goMember, command, word, want string) {
	t.Helper()
	await(t, 15*time.Second, func() error {
		if got := m.answer(t, command, word, 20*time.Second); got != want {
			return fmt.Errorf("member on %s: %s is %q, want %q", m.host.Addr, command, got, want)
		}
		return nil
	})
}

// The replicated map between Go and Tomcat's own library: put, get, remove both
// ways, a late joiner on either side, and relocation after a kill.
func TestMap(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lazy", "copy"} {
		t.Run(kind, func(t *testing.T) { t.Parallel(); mapWith(t, kind) })
	}
}

func mapWith(t *testing.T, kind string) {
	net := netns.New(t, 4)
	java := startJava(t, net.Hosts[0], "dispatch detector")
	java.answer(t, "map "+kind, "map", 20*time.Second)
	java.answer(t, "put early fromJava", "put", 10*time.Second)
	goes := startMember(t, net.Hosts[1], memberConfig{})
	goes.await(t, "joined ", 1, 10*time.Second)
	if got := goes.answer(t, "map "+kind, "map", 20*time.Second); got != "1" {
		t.Errorf("Go joins late and knows %s entries, want 1", got)
	}
	for _, m := range []*goMember{goes, java} {
		wantSoon(t, m, "get early", "value", "fromJava")
	}
	for from, to := range map[*goMember]*goMember{goes: java, java: goes} {
		key := "of" + from.host.Addr
		from.answer(t, "put "+key+" v1", "put", 10*time.Second)
		wantSoon(t, to, "get "+key, "value", "v1")
		to.answer(t, "put "+key+" v2", "put", 10*time.Second)
		wantSoon(t, from, "get "+key, "value", "v2")
	}
	goes.answer(t, "put gone x", "put", 10*time.Second)
	wantSoon(t, java, "get gone", "value", "x")
	java.tell(t, "remove gone")
	wantSoon(t, goes, "role gone", "role", "none")

	lateJava := startJava(t, net.Hosts[2], "dispatch detector")
	if got := lateJava.answer(t, "map "+kind, "map", 20*time.Second); got != "3" {
		t.Errorf("Java joins late and knows %s entries, want 3", got)
	}
	lateGo := startMember(t, net.Hosts[3], memberConfig{})
	lateGo.await(t, "joined ", 3, 10*time.Second)
	if got := lateGo.answer(t, "map "+kind, "map", 20*time.Second); got != "3" {
		t.Errorf("Go joins late and knows %s entries, want 3", got)
	}
	for i, m := range []*goMember{lateJava, lateGo, java, goes} {
		m.answer(t, fmt.Sprintf("put mine%d v%d", i, i), "put", 10*time.Second)
	}
	time.Sleep(time.Second) // proxies are on their way
	java.Kill()
	lateGo.await(t, "left "+net.Hosts[0].Addr, 1, 10*time.Second)
	lateJava.await(t, "left "+net.Hosts[0].Addr, 1, 10*time.Second)
	for _, m := range []*goMember{goes, lateGo, lateJava} {
		for i := range 4 {
			wantSoon(t, m, fmt.Sprintf("get mine%d", i), "value", fmt.Sprintf("v%d", i))
		}
	}
}
