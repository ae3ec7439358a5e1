package tribes

import (
	"fmt"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// An IPv6 group, joined on an interface by its name in Go and by its address in
// Tomcat's library.
func TestIPv6Group(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 2)
	hosts := net.Hosts
	for i := range hosts {
		hosts[i].Addr = fmt.Sprintf("fd77::%d", i+1)
		if out, err := hosts[i].Command("ip", "addr", "add", hosts[i].Addr+"/64", "dev", "eth0", "nodad").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	const group = "ff15::77"
	java := startJava(t, hosts[0], "dispatch detector group="+group)
	goes := startMember(t, hosts[1], memberConfig{Group: group})
	goes.await(t, "joined "+hosts[0].Addr, 1, 10*time.Second)
	java.await(t, "joined ", 1, 10*time.Second)
	if got := goes.answer(t, "ask hello", "answers", 10*time.Second); got != "java:hello" {
		t.Errorf("answers %q", got)
	}
	goes.stop(t)
	java.await(t, "left ", 1, 3*time.Second)
}

// Several members of one host have the next ports, and one of them that has
// localLoopbackDisabled is heard on other hosts only.
func TestOneHost(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 2)
	java := startJava(t, net.Hosts[0], "dispatch detector")
	second, third := startMember(t, net.Hosts[0], memberConfig{Name: "second"}), startMember(t, net.Hosts[0], memberConfig{Name: "third"})
	for _, m := range []*goMember{java, second, third} {
		m.await(t, "joined "+net.Hosts[0].Addr, 2, 10*time.Second)
	}
	silent := startMember(t, net.Hosts[0], memberConfig{Name: "silent", NoLoop: true})
	far := startMember(t, net.Hosts[1], memberConfig{})
	far.await(t, "joined "+net.Hosts[0].Addr, 4, 10*time.Second)
	silent.await(t, "joined ", 4, 10*time.Second)
	time.Sleep(2 * time.Second)
	for _, m := range []*goMember{java, second, third} {
		if n := m.count("joined " + net.Hosts[0].Addr); n != 2 {
			t.Errorf("a member that its own host does not hear: %d joined, want 2", n)
		}
		if n := m.count("joined " + net.Hosts[1].Addr); n != 1 {
			t.Errorf("%d joined of the other host, want 1", n)
		}
	}
}

// Messages over UDP go both ways, with and without acknowledgement.
func TestUDP(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 2)
	java := startJava(t, net.Hosts[1], "dispatch detector udp")
	goes := startMember(t, net.Hosts[0], memberConfig{UDP: true})
	goes.await(t, "joined ", 1, 10*time.Second)
	java.await(t, "joined ", 1, 10*time.Second)
	const udp = 32
	exchange(t, goes, java, []int{1, 1000}, []int{udp, udp | 2})
	exchange(t, goes, java, []int{50_000}, []int{udp | 2})
	exchange(t, java, goes, []int{1, 1000}, []int{udp, udp | 2})
	exchange(t, java, goes, []int{50_000}, []int{udp | 2})
}
