package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

func TestMain(m *testing.M) {
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/node:", err)
		os.Exit(1)
	}
	os.Exit(leaktest.Checked(m).Run())
}

// A goNode is a catflap node that runs on a host.
type goNode struct {
	*peer.Process
	host netns.Host
	http string // address of its HTTP connector
}

// startNode runs catflap node on a server.xml, and waits until it serves.
func startNode(t *testing.T, binary string, host netns.Host, serverXML string) *goNode {
	t.Helper()
	return startNodeIn(t, binary, host, t.TempDir(), serverXML)
}

// startNodeIn is startNode with a folder that is catalina.base.
func startNodeIn(t *testing.T, binary string, host netns.Host, base, serverXML string) *goNode {
	t.Helper()
	if err := os.Mkdir(filepath.Join(base, "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "conf/server.xml")
	if err := os.WriteFile(file, []byte(serverXML), 0o644); err != nil {
		t.Fatal(err)
	}
	n := &goNode{host: host, http: "127.0.0.1:8080"}
	n.Process = peer.Start(t, "node on "+host.Name, filepath.Join(base, "output"), host.Command(binary, "node", "-f", file))
	n.Await(t, func() error {
		c, err := host.Dial("tcp", n.http, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
	return n
}

// A visitor has a cookie, as long as it is not told another.
type visitor struct{ cookie string }

// An answer is that of the demonstration.
type answer struct {
	Node    string
	Count   int
	Session *struct{ ID string }
}

// click counts at addr, as seen from host.
func (v *visitor) click(host netns.Host, addr string) (a answer, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
		return host.Dial(network, addr, 5*time.Second)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("POST", "http://"+addr+"/demo/api", strings.NewReader(url.Values{"op": {"count"}}.Encode()))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	w, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(r)
	if err != nil {
		return a, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		return a, err
	}
	if w.StatusCode != 200 {
		return a, fmt.Errorf("%s: %s", w.Status, body)
	}
	if set := w.Header.Get("Set-Cookie"); set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&a); err != nil {
		return a, err
	}
	return a, nil
}

// want clicks, and wants the count from the node with a route.
func (v *visitor) want(t *testing.T, n *goNode, route string, count int) {
	t.Helper()
	a, err := v.click(n.host, n.http)
	if err != nil {
		t.Fatal(err)
	}
	if a.Node != route || a.Count != count || a.Session == nil || !strings.HasSuffix(a.Session.ID, "."+route) {
		t.Errorf("%+v of %s, want %d of %s", a, v.cookie, count, route)
	}
}

// scenarioHosts are two hosts with the addresses of the scenario.
func scenarioHosts(t *testing.T) (a, b netns.Host) {
	t.Helper()
	hosts := netns.New(t, 2).Hosts
	for i, h := range hosts {
		line := fmt.Sprintf("-n %s addr add 192.168.1.%d/24 dev eth0", h.Name, 101+i)
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", line, err, out)
		}
	}
	return hosts[0], hosts[1]
}

// TestScenarioFile: the server.xml of the scenario runs as it is, on the two
// hosts that it is for. A session goes on when its node is killed, and when it
// comes back.
func TestScenarioFile(t *testing.T) {
	file, err := os.ReadFile("testdata/server-pj001.xml")
	if err != nil {
		t.Fatal(err)
	}
	one := string(file)
	two := strings.NewReplacer("JVMRoute-pj001", "JVMRoute-pj002", "192.168.1.101", "192.168.1.102").Replace(one)
	binary := peer.BuildCatflap(t)
	hostA, hostB := scenarioHosts(t)
	a, b := startNode(t, binary, hostA, one), startNode(t, binary, hostB, two)
	var v visitor
	v.want(t, a, "JVMRoute-pj001", 1)
	v.want(t, a, "JVMRoute-pj001", 2)
	a.Kill()
	v.want(t, b, "JVMRoute-pj002", 3)
	a = startNode(t, binary, hostA, one)
	v.want(t, a, "JVMRoute-pj001", 4)
	b.Stop(t, syscall.SIGTERM, 15*time.Second)
	v.want(t, a, "JVMRoute-pj001", 5)
	if text := b.Output(); !strings.Contains(text, "received member disappeared") {
		t.Errorf("b does not say that a was gone:\n%s", text)
	}
	if text := a.Output(); !strings.Contains(text, "cluster Catalina with 1 other member") {
		t.Errorf("a does not say that it has found b:\n%s", text)
	}
	for _, n := range []*goNode{a} { // b tells that it could not reach the one that was killed
		if text := n.Output(); strings.Contains(text, "level=ERROR") {
			t.Errorf("an error is told:\n%s", text)
		}
	}
}
