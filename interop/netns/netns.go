// Package netns makes hosts for tests that cross a network: network namespaces
// on one bridge, with multicast. What comes in is how many, what goes out are
// hosts that run commands, and whose packets can be lost. All goes with the
// test.
package netns

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// A Net is hosts on one bridge.
type Net struct {
	Hosts  []Host
	bridge string
}

// A Host is one network namespace with one interface.
type Host struct {
	Name string // of the namespace
	Addr string // of its interface, IPv4
}

var nets atomic.Int32

// New makes n hosts; their addresses are 10.77.0.1, 10.77.0.2, …
func New(t testing.TB, n int) *Net {
	t.Helper()
	prefix := fmt.Sprintf("cf%d-%d", os.Getpid()%100000, nets.Add(1))
	net := &Net{bridge: prefix + "-br"}
	t.Cleanup(func() {
		for _, name := range append(net.names(), net.bridge) {
			if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
				t.Errorf("ip netns del %s: %v\n%s", name, err, out)
			}
		}
	})
	run(t, "ip netns add "+net.bridge)
	run(t, "ip -n "+net.bridge+" link set lo up")
	run(t, "ip -n "+net.bridge+" link add br0 type bridge mcast_snooping 0") // else no multicast without a querier
	run(t, "ip -n "+net.bridge+" link set br0 up")
	for i := range n {
		h := Host{Name: fmt.Sprintf("%s-%d", prefix, i+1), Addr: fmt.Sprintf("10.77.0.%d", i+1)}
		run(t, "ip netns add "+h.Name)
		net.Hosts = append(net.Hosts, h)
		port := fmt.Sprintf("p%d", i+1)
		for _, line := range []string{
			"ip -n " + h.Name + " link set lo up",
			"ip link add eth0 netns " + h.Name + " type veth peer name " + port + " netns " + net.bridge,
			"ip -n " + net.bridge + " link set " + port + " master br0 up",
			"ip -n " + h.Name + " addr add " + h.Addr + "/24 dev eth0",
			"ip -n " + h.Name + " link set eth0 up",
			"ip -n " + h.Name + " route add 224.0.0.0/4 dev eth0", // a JVM without bind sends by it
		} {
			run(t, line)
		}
	}
	return net
}

func (n *Net) names() []string {
	var all []string
	for _, h := range n.Hosts {
		all = append(all, h.Name)
	}
	return all
}

func run(t testing.TB, line string) {
	t.Helper()
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// Command is a command that runs on h.
func (h Host) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.Name, name}, args...)...)
}

// Filter drops what comes to h and matches any of rules, which are of nft:
// "udp dport 45564", "tcp dport 4000-4100", "meta l4proto udp numgen random mod
// 100 < 30". It replaces the rules of an earlier call; none lets everything
// through.
func (h Host) Filter(t testing.TB, rules ...string) {
	t.Helper()
	text := "table ip catflap\ndelete table ip catflap\ntable ip catflap {\n chain in {\n  type filter hook input priority 0;\n"
	for _, r := range rules {
		text += "  " + r + " drop\n"
	}
	text += " }\n}\n"
	cmd := h.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft on %s: %v\n%s\n%s", h.Name, err, out, text)
	}
}
