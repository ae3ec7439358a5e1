package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/tribes"
)

// A demoProcess is a catflap demo that runs.
type demoProcess struct {
	*exec.Cmd
	url string
}

// startDemo starts one on a free port.
func startDemo(t *testing.T) *demoProcess {
	t.Helper()
	program, err := exec.LookPath("catflap")
	if err != nil {
		t.Fatal(err)
	}
	d := &demoProcess{Cmd: exec.Command(program, "demo", "--listen", "127.0.0.1:0")}
	d.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	d.Stderr = os.Stderr
	output, err := d.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Process.Kill(); d.Wait() })
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/ `).FindStringSubmatch(lines.Text()); found != nil {
			d.url = found[1]
			go io.Copy(io.Discard, output)
			return d
		}
	}
	t.Fatal("it does not say where it is")
	return nil
}

// A demoVisitor is a browser's cookies.
type demoVisitor struct {
	t *testing.T
	d *demoProcess
	http.Client
}

func (d *demoProcess) visitor(t *testing.T) *demoVisitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &demoVisitor{t, d, http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// A demoAnswer is what the application answers.
type demoAnswer struct {
	Node    string
	Session *struct{ ID string }
	Count   int
}

// post sends a form and returns the answer.
func (v *demoVisitor) post(path, form string) string {
	v.t.Helper()
	answer, err := v.Post(v.d.url+path, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s %s %v", path, answer.Status, body, err)
	}
	return string(body)
}

// count clicks.
func (v *demoVisitor) count() (a demoAnswer) {
	v.t.Helper()
	body := v.post("/demo/api", "op=count")
	if err := json.Unmarshal([]byte(body), &a); err != nil || a.Session == nil {
		v.t.Fatalf("%s: %v", body, err)
	}
	return a
}

// cookie is the session's id that the visitor has.
func (v *demoVisitor) cookie() string {
	at, _ := url.Parse(v.d.url + "/demo/")
	for _, c := range v.Jar.Cookies(at) {
		return c.Value
	}
	return ""
}

// page returns a page.
func (v *demoVisitor) page(path string) string {
	v.t.Helper()
	answer, err := v.Get(v.d.url + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(body)
}

// TestDemoFailover: whichever node a visitor is on, and however it ends, the
// other one goes on with the count, and the cookie tells so. A node that is
// back has what was counted meanwhile.
func TestDemoFailover(t *testing.T) {
	d := startDemo(t)
	v := d.visitor(t)
	now := v.count()
	for want, how := 2, []string{"stop", "kill", "kill", "stop", "stop", "kill"}; len(how) > 0; how = how[1:] {
		v.post("/nodes/"+now.Node+"/"+how[0], "")
		next := v.count()
		if next.Count != want || next.Node == now.Node || next.Session.ID != v.cookie() || !strings.HasSuffix(v.cookie(), "."+next.Node) ||
			strings.TrimSuffix(next.Session.ID, next.Node) != strings.TrimSuffix(now.Session.ID, now.Node) {
			t.Fatalf("%s %s, which has counted %+v: %+v, cookie %s", how[0], now.Node, now, next, v.cookie())
		}
		v.post("/nodes/"+now.Node+"/start", "")
		if now = v.count(); now.Count != want+1 || now.Node != next.Node {
			t.Fatalf("the other one is back: %+v", now)
		}
		want += 2
	}
	if board := v.page("/nodes/"); strings.Count(board, "<strong>1</strong> session<") != 2 {
		t.Errorf("not each node has the session:\n%s", board)
	}
}

// TestDemoClicks: visitors click while nodes are killed and stopped in turn.
// Nobody gets another session, each click that was answered is counted, and none
// is counted that was not made.
func TestDemoClicks(t *testing.T) {
	d := startDemo(t)
	var clicking sync.WaitGroup
	stop := make(chan struct{})
	var answered atomic.Int64
	for range 8 {
		v := d.visitor(t)
		v.count()
		clicking.Go(func() {
			tried, counted := 1, 1
			for {
				select {
				case <-stop:
					if now := v.count().Count; now <= counted || now > tried+1 {
						t.Errorf("%d after %d clicks, of which %d were answered", now, tried, counted)
					}
					return
				default:
				}
				tried++
				answer, err := v.Post(v.d.url+"/demo/api", "application/x-www-form-urlencoded", strings.NewReader("op=count"))
				if err != nil {
					continue
				}
				var now demoAnswer
				err = json.NewDecoder(answer.Body).Decode(&now)
				answer.Body.Close()
				if err != nil || answer.StatusCode != http.StatusOK {
					continue
				}
				if now.Count <= counted || now.Count > tried {
					t.Errorf("%d after %d clicks, the last answer was %d", now.Count, tried, counted)
				}
				counted = now.Count
				answered.Add(1)
			}
		})
	}
	some := func() { // clicks
		end := time.Now().Add(20 * time.Second)
		for enough := answered.Load() + 50; answered.Load() < enough && !t.Failed(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Error("nobody is answered any more")
			}
		}
	}
	operator := d.visitor(t)
	for i, how := range []string{"kill", "kill", "stop", "stop", "kill", "kill"} {
		some()
		operator.post(fmt.Sprintf("/nodes/pj00%d/%s", i%2+1, how), "")
		some()
		operator.post(fmt.Sprintf("/nodes/pj00%d/start", i%2+1), "")
	}
	close(stop)
	clicking.Wait()
}

// addresses are those on the page of the nodes, AJP and group of each.
func (v *demoVisitor) addresses() (all []string) {
	for _, found := range regexp.MustCompile(`<code>(127\.0\.0\.1:\d+)</code>`).FindAllStringSubmatch(v.page("/nodes/"), -1) {
		all = append(all, found[1])
	}
	return all
}

func refused(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err != nil
}

// TestDemoPorts: all listen on loopback only, nothing is there for datagrams, a
// node that has ended refuses connections, and at the end nobody listens.
func TestDemoPorts(t *testing.T) {
	d := startDemo(t)
	v := d.visitor(t)
	all := v.addresses()
	if len(all) != 4 {
		t.Fatalf("addresses: %v", all)
	}
	if open := socketsOf(t, d.Process.Pid, "tcp"); len(open) != 6 { // and front and board
		t.Errorf("it listens at %v", open)
	}
	if open := append(socketsOf(t, d.Process.Pid, "tcp6"), append(socketsOf(t, d.Process.Pid, "udp"), socketsOf(t, d.Process.Pid, "udp6")...)...); len(open) > 0 {
		t.Errorf("it has sockets at %v, too", open)
	}
	for i, how := range []string{"stop", "kill"} {
		v.post(fmt.Sprintf("/nodes/pj00%d/%s", i+1, how), "")
		for j, addr := range all {
			if ended := j < 2*i+2; refused(addr) != ended {
				t.Errorf("after %s: %s refuses: %v", how, addr, !ended)
			}
		}
	}
	v.post("/nodes/pj001/start", "")
	if again := v.addresses(); strings.Join(again, " ") != strings.Join(all, " ") || refused(all[0]) || refused(all[1]) {
		t.Errorf("after a start: %v, before: %v", again, all)
	}
	d.Process.Signal(syscall.SIGTERM)
	if err := d.Wait(); err != nil {
		t.Error(err)
	}
	for _, addr := range append(all, strings.TrimPrefix(d.url, "http://")) {
		if !refused(addr) {
			t.Errorf("somebody listens at %s at the end", addr)
		}
	}
}

// socketsOf returns where a process listens or has sockets for datagrams, and
// complains of TCP that is not on loopback.
func socketsOf(t *testing.T, pid int, protocol string) (open []string) {
	t.Helper()
	own := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("descriptors: %v", err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			own[to] = true
		}
	}
	table, err := os.ReadFile("/proc/net/" + protocol)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		words := strings.Fields(line)
		if len(words) < 10 || !own["socket:["+words[9]+"]"] || strings.HasPrefix(protocol, "tcp") && words[3] != "0A" {
			continue
		}
		if protocol == "tcp" && !strings.HasPrefix(words[1], "0100007F:") {
			t.Errorf("it listens at %s, which is not 127.0.0.1", words[1])
		}
		open = append(open, words[1])
	}
	return open
}

// TestDemoTwice: two demonstrations on one machine have nothing to do with each
// other.
func TestDemoTwice(t *testing.T) {
	var visitors [2]*demoVisitor
	for i := range visitors {
		visitors[i] = startDemo(t).visitor(t)
	}
	for i, v := range visitors {
		for range i + 1 {
			v.count()
		}
	}
	one, two := visitors[0].count(), visitors[1].count()
	if one.Count != 2 || two.Count != 3 {
		t.Errorf("%+v, %+v", one, two)
	}
	visitors[0].post("/nodes/"+one.Node+"/kill", "")
	if one = visitors[0].count(); one.Count != 3 {
		t.Errorf("after a kill: %+v", one)
	}
	other := visitors[1].page("/nodes/")
	if strings.Contains(other, "is killed") || strings.Contains(other, "stranger") || strings.Count(other, `<span class="chip"`) != 2 || strings.Count(other, "<strong>1</strong> session<") != 2 {
		t.Errorf("the nodes of the other one:\n%s", other)
	}
}

// inGroup makes a group of two nodes in this process.
func inGroup(t *testing.T) *demoGroup {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	g, err := newDemoGroup(dir, "pj001", "pj002")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.end)
	return g
}

// TestDemoStart: once a node serves it has all sessions, also those that the
// others make while it joins, and is told of all later ones.
func TestDemoStart(t *testing.T) {
	g := inGroup(t)
	for _, n := range g.nodes {
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
	}
	first, second := g.nodes[0], g.nodes[1]
	sessions := first.life.Load().running.sessions
	made := func() {
		if _, err := sessions.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		second.kill()
		made()
		ended, stop := make(chan bool), make(chan bool)
		go func() {
			defer close(ended)
			for range 1000 {
				select {
				case <-stop:
					return
				default:
					made()
				}
			}
		}()
		if err := second.start(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		<-ended
		made()
		if now := second.state(); now.Sessions != sessions.Len() || now.Sessions < 2 {
			t.Fatalf("%d sessions of %d", now.Sessions, sessions.Len())
		}
	}
}

// TestDemoStranger: somebody who has the port and the id of a stopped node, and
// knows where the other one is, is no member for that one and tells it nothing.
func TestDemoStranger(t *testing.T) {
	own := inGroup(t)
	for _, n := range own.nodes {
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
	}
	first, second := own.nodes[0], own.nodes[1]
	first.stop(time.Minute)
	strange := &demoGroup{ground: &demoGround{takes: map[netip.AddrPort]bool{netip.AddrPortFrom(demoHost, second.port): true}}, key: strings.Repeat("00", 16)}
	impostor := &demoNode{name: first.name, group: strange, id: first.id, port: first.port}
	strange.nodes = []*demoNode{impostor, {name: second.name, group: strange, id: second.id, port: second.port}}
	if err := impostor.open(); err != nil {
		t.Fatal(err)
	}
	channel, err := impostor.channel(impostor.link, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- channel.Run(ctx) }()
	for end := time.Now().Add(20 * time.Second); len(channel.Members()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the receiver of the other one takes no probe")
		}
	}
	if err := channel.Send(ctx, channel.Members(), &tribes.Message{Options: tribes.OptionAck | tribes.OptionSyncAck, Data: []byte("anything")}); err != nil {
		t.Fatal(err)
	}
	if now := second.state(); now.Sessions != 0 || len(now.Sees) != 0 {
		t.Errorf("%+v", now)
	}
	if log, err := os.ReadFile(own.logFile(second.name)); err != nil || !strings.Contains(string(log), "cannot be decrypted") {
		t.Errorf("nothing came: %v\n%s", err, log)
	}
	if err := first.start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a start on a port that is taken: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := first.start(); err != nil {
		t.Error(err)
	}
	if now := second.state(); len(now.Sees) != 1 {
		t.Errorf("the real one is not there again: %+v", now)
	}
}
