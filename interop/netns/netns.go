// Package netns makes hosts for tests that cross a network: network namespaces
// on one bridge, with multicast. What comes in is how many, what goes out are
// hosts that run commands, and whose packets can be lost. All goes with the
// test.
package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Net is hosts on one bridge.
type Net struct {
	Hosts  []Host
	bridge string
}

// A Host is one network namespace with one interface. The zero Host is this
// machine.
type Host struct {
	Name string // of the namespace
	Addr string // of its interface, IPv4
}

var nets atomic.Int32

// New makes n hosts; their addresses are 10.77.0.1, 10.77.0.2, …
func New(t testing.TB, n int) *Net {
	t.Helper()
	prefix := fmt.Sprintf("cf%d-%d", os.Getpid()%100000, nets.Add(1))
	all := &Net{bridge: prefix + "-br"}
	t.Cleanup(func() {
		for _, name := range append(all.names(), all.bridge) {
			if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
				t.Errorf("ip netns del %s: %v\n%s", name, err, out)
			}
		}
	})
	run(t, "ip netns add "+all.bridge)
	run(t, "ip -n "+all.bridge+" link set lo up")
	run(t, "ip -n "+all.bridge+" link add br0 type bridge mcast_snooping 0") // else no multicast without a querier
	run(t, "ip -n "+all.bridge+" link set br0 up")
	for i := range n {
		h := Host{Name: fmt.Sprintf("%s-%d", prefix, i+1), Addr: fmt.Sprintf("10.77.0.%d", i+1)}
		run(t, "ip netns add "+h.Name)
		all.Hosts = append(all.Hosts, h)
		port := fmt.Sprintf("p%d", i+1)
		for _, line := range []string{
			"ip -n " + h.Name + " link set lo up",
			"ip link add eth0 netns " + h.Name + " type veth peer name " + port + " netns " + all.bridge,
			"ip -n " + all.bridge + " link set " + port + " master br0 up",
			"ip -n " + h.Name + " addr add " + h.Addr + "/24 dev eth0",
			"ip -n " + h.Name + " link set eth0 up",
			"ip -n " + h.Name + " route add 224.0.0.0/4 dev eth0", // a JVM without bind sends by it
		} {
			run(t, line)
		}
	}
	return all
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
	if h.Name == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", h.Name, name}, args...)...)
}

// Dial connects from h to an address, which is IP:port.
func (h Host) Dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	if h.Name == "" {
		return net.DialTimeout(network, addr, timeout)
	}
	var conn net.Conn
	err := h.inside(func() (err error) {
		conn, err = net.DialTimeout(network, addr, timeout) // one address: on this goroutine
		return err
	})
	return conn, err
}

// inside calls f on a thread that is in the namespace of h.
func (h Host) inside(f func() error) error {
	there, err := os.Open("/run/netns/" + h.Name)
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	own, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer own.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter %s: %w", h.Name, err)
	}
	failed := f()
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		return errors.Join(failed, err) // the thread stays locked, and ends with the goroutine
	}
	runtime.UnlockOSThread()
	return failed
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
