package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// gone reports whether a process has ended, with all of its threads: one that is
// being killed may still take a connection.
func gone(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return strings.Contains(string(text), ") Z ") && len(threads) <= 1
}

// TestServingProcessDies: when a process that serves is killed the first one
// starts another; no client is refused meanwhile.
func TestServingProcessDies(t *testing.T) {
	inHouse(t, "", func(t *testing.T, h *house) {
		for range 2 {
			old := children(h.server.Pid())
			if len(old) == 0 {
				t.Fatal("no process serves")
			}
			for _, pid := range old {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			for _, pid := range old {
				await(t, "its end", func() bool { return gone(pid) })
			}
			if got := h.get(t, "/"); got != 200 { // it waits until it is served
				t.Errorf("then: %d", got)
			}
			if !h.server.Running() {
				t.Fatal("the first process has ended")
			}
		}
	})
}

// TestChangesOutliveServingProcess: what was changed on the status page holds
// when the process that serves was killed, also after a reload, but not what
// the files say otherwise by then.
func TestChangesOutliveServingProcess(t *testing.T) {
	h := newHouse(t, "")
	workers := "worker.list=other,lb\nworker.other.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n" +
		"worker.n1.port=1\nworker.n1.lbfactor=1\nworker.n2.port=2\nworker.n2.lbfactor=1\n"
	h.write(t, "etc/workers.properties", 0o640, workers)
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf)
	output := begin(t, h, cmd)
	ask := func(query string) string {
		t.Helper()
		answer, err := http.Get("http://" + h.addr + "/other?mime=txt&w=lb&" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || !strings.Contains(string(body), "type=OK") {
			t.Fatalf("%s: %s, %v", query, body, err)
		}
		return string(body)
	}
	ask("cmd=update&sw=n1&vwa=D")
	ask("cmd=update&sw=n2&vwf=5")
	for round, want := range []string{"activation=DIS lbfactor=1|activation=ACT lbfactor=5", "activation=DIS lbfactor=1|activation=ACT lbfactor=2"} {
		if round > 0 {
			h.write(t, "etc/workers.properties", 0o640, strings.Replace(workers, "n2.lbfactor=1", "n2.lbfactor=2", 1))
		}
		serving := children(cmd.Process.Pid)
		if len(serving) != 1 {
			t.Fatalf("%d processes serve", len(serving))
		}
		if err := syscall.Kill(serving[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "its end", func() bool { return gone(serving[0]) })
		body := ask("cmd=show")
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(body, part) {
				t.Errorf("after %d: no %s:\n%s", round, part, body)
			}
		}
	}
	if said, _ := os.ReadFile(output); !strings.Contains(string(said), "with the changes made on the status page") {
		t.Errorf("it said\n%s", said)
	}
}

// TestFirstProcessDies: when the first process is killed the one that serves
// ends, too, so that the ports are free.
func TestFirstProcessDies(t *testing.T) {
	h := newHouse(t, "")
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf)
	begin(t, h, cmd)
	serving := children(cmd.Process.Pid)
	if len(serving) != 1 {
		t.Fatalf("%d processes serve", len(serving))
	}
	cmd.Process.Kill()
	await(t, "the end of the serving process", func() bool { return gone(serving[0]) })
	if log := h.read(t, "log/error.log"); !strings.Contains(log, "AH00491") {
		t.Errorf("it did not end in order:\n%s", log)
	}
	listener, err := net.Listen("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
}

// TestStop: TERM to the first process lets a request end that is being served,
// and ends both.
func TestStop(t *testing.T) {
	h := newHouse(t, "")
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf)
	begin(t, h, cmd)
	if pid := h.read(t, "run/pid"); pid != fmt.Sprintln(cmd.Process.Pid) {
		t.Errorf("the PidFile says %q, the first process is %d", pid, cmd.Process.Pid)
	}
	serving := children(cmd.Process.Pid)
	if len(serving) != 1 {
		t.Fatalf("%d processes serve", len(serving))
	}
	h.write(t, "www/large", 0o644, strings.Repeat("x", 16<<20))
	answer, err := http.Get("http://" + h.addr + "/large")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "no new connections", func() bool {
		conn, err := net.Dial("tcp", h.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if n, err := io.Copy(io.Discard, answer.Body); n != 16<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !gone(serving[0]) {
		t.Error("the serving process is left")
	}
	if left, _ := filepath.Glob(h.dir + "/run/pid*"); left != nil {
		t.Errorf("%v are left", left)
	}
}

// TestPidFileOfRoot: a second server does not overwrite the PidFile of one
// that lives, and takes one that is left over.
func TestPidFileOfRoot(t *testing.T) {
	h := newHouse(t, "")
	binary := catflapBinary(t)
	h.write(t, "run/pid", 0o644, "4194305\n") // more than there can be
	cmd := exec.Command(binary, "serve", "-f", h.conf)
	begin(t, h, cmd)
	want := fmt.Sprintln(cmd.Process.Pid)
	if pid := h.read(t, "run/pid"); pid != want {
		t.Errorf("the PidFile says %q, want %q", pid, want)
	}
	other := filepath.Join(h.dir, "etc/other.conf")
	h.write(t, "etc/other.conf", 0o644, strings.Replace(h.read(t, "etc/httpd.conf"), "Listen "+h.addr, "Listen "+peer.FreeAddr(t), 1))
	_, stderr, code := peer.RunCatflap(t, binary, "serve", "-f", other)
	if code != 1 || !strings.Contains(stderr, fmt.Sprintf("run/pid: process %d has it and runs", cmd.Process.Pid)) {
		t.Errorf("the second ended with %d:\n%s", code, stderr)
	}
	if pid := h.read(t, "run/pid"); pid != want {
		t.Errorf("then the PidFile says %q, want %q", pid, want)
	}
	if got := h.get(t, "/"); got != 200 {
		t.Error(got)
	}
}

// TestPipedLogAsRoot: the program of a piped log runs as root, with what only
// root may reach, and again after it has died.
func TestPipedLogAsRoot(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		h := newHouse(t, "CustomLog \"|@DIR@/private/program @DIR@/private\" short\n")
		h.write(t, "private/program", 0o700, "#!/bin/sh\necho $$ >$1/pid.new; mv $1/pid.new $1/pid; id -u >$1/uid\nwhile read line; do echo $line >>$1/lines; done\n")
		h.server = start(h.conf)
		arrives := func(path string) {
			t.Helper()
			await(t, path, func() bool { h.get(t, path); return strings.Contains(h.read(t, "private/lines"), path+" 404") })
		}
		arrives("/first")
		if uid := h.read(t, "private/uid"); uid != "0\n" {
			t.Errorf("it runs as %s", uid)
		}
		old := h.read(t, "private/pid")
		pid, err := strconv.Atoi(strings.TrimSpace(old))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "another one", func() bool { return h.read(t, "private/pid") != old })
		arrives("/second")
		h.server.Stop(t)
		pid, _ = strconv.Atoi(strings.TrimSpace(h.read(t, "private/pid")))
		await(t, "its end", func() bool { return gone(pid) })
	})
}

// TestLinkInLogs: who may write where the logs are can replace one by a link;
// httpd then writes as root to where it leads, catflap does not.
func TestLinkInLogs(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		h := newHouse(t, "")
		if err := exec.Command("chown", "-R", "www-data", h.dir+"/log").Run(); err != nil {
			t.Fatal(err)
		}
		h.server = start(h.conf)
		h.write(t, "private/precious", 0o600, "")
		attack := exec.Command("sh", "-c", "mv access.log stolen && ln -s ../private/precious access.log")
		attack.Dir = h.dir + "/log"
		attack.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 33, Gid: 33}}
		if output, err := attack.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		if err := h.server.Signal(); err != nil {
			t.Fatal(err)
		}
		written := func() bool { h.get(t, "/mine"); return h.read(t, "private/precious") != "" }
		if h.server.Name == "httpd" {
			await(t, "httpd writes to it", written)
			return
		}
		await(t, "the refusal", func() bool { return strings.Contains(h.read(t, "log/error.log"), "is not followed") })
		await(t, "the old log goes on", func() bool {
			h.get(t, "/still")
			return strings.Contains(h.read(t, "log/stolen"), "/still 200") || strings.Contains(h.read(t, "log/stolen"), "/still 404")
		})
		if written() {
			t.Error("a file of root's was written to")
		}
	})
}

// TestAnotherUser: a reload that names another User goes on as the old one.
func TestAnotherUser(t *testing.T) {
	h := newHouse(t, "")
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf)
	begin(t, h, cmd)
	before := children(cmd.Process.Pid)
	h.write(t, "etc/httpd.conf", 0o644, strings.Replace(h.read(t, "etc/httpd.conf"), "User www-data", "User daemon", 1))
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, "word of it", func() bool {
		return strings.Contains(h.read(t, "log/error.log"), `takes effect when catflap is started anew now="www-data www-data" then="daemon www-data"`)
	})
	if after := children(cmd.Process.Pid); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("%v served, now %v", before, after)
	}
}

// TestBesideAsRoot: run next to the live server by root, it serves as User, from
// a folder that only root may enter.
func TestBesideAsRoot(t *testing.T) {
	h := newHouse(t, "")
	_, port, _ := net.SplitHostPort(h.addr)
	live, _ := strconv.Atoi(port)
	_, port, _ = net.SplitHostPort(peer.FreeAddr(t))
	own, _ := strconv.Atoi(port)
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf, "--beside", h.dir+"/private/cf", "--port-offset", fmt.Sprint(own-live))
	log := "private/cf" + h.dir + "/log/error.log"
	output := launch(t, h, cmd, log)
	await(t, "its one line", func() bool {
		text, _ := os.ReadFile(output)
		return strings.Contains(string(text), "untouched; logs and pid in") || strings.Contains(string(text), "no httpd runs; logs and pid in")
	})
	h.addr = fmt.Sprintf("127.0.0.1:%d", own)
	if got := h.get(t, "/other"); got != 200 {
		t.Error(got)
	}
	if serving := children(cmd.Process.Pid); len(serving) != 1 || statusOf(t, serving[0], "CapEff") != none {
		t.Errorf("%v serve", serving)
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		await(t, "a reload", func() bool { return strings.Contains(h.read(t, log), "AH00493") })
		os.Truncate(filepath.Join(h.dir, log), 0)
	}
	for _, folder := range []string{"log", "run"} {
		if left, _ := os.ReadDir(filepath.Join(h.dir, folder)); len(left) > 0 {
			t.Errorf("%s holds %v", folder, left)
		}
	}
}
