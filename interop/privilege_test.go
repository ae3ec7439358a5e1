package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// A house is a server with the permissions that Debian gives its apache2:
// only root may read its keys and workers.properties, and see its logs.
type house struct {
	dir    string
	conf   string
	addr   string
	server *peer.Front
}

// newHouse writes one down. The site may name @DIR@.
func newHouse(t *testing.T, site string) *house {
	t.Helper()
	h := &house{dir: peer.Folder(t), addr: peer.FreeAddr(t)}
	h.conf = filepath.Join(h.dir, "etc/httpd.conf")
	for name, mode := range map[string]os.FileMode{"etc": 0o755, "log": 0o750, "run": 0o755, "www": 0o755, "private": 0o700} {
		if err := errors.Join(os.Mkdir(filepath.Join(h.dir, name), mode), os.Chmod(filepath.Join(h.dir, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	adm, err := user.LookupGroup("adm")
	if err != nil {
		t.Fatal(err)
	}
	gid, _ := strconv.Atoi(adm.Gid)
	if err := os.Chown(h.dir+"/log", 0, gid); err != nil {
		t.Fatal(err)
	}
	h.write(t, "www/index.html", 0o644, "hello\n")
	h.write(t, "etc/workers.properties", 0o640, "worker.list=other\nworker.other.type=status\n")
	h.write(t, "private/site.conf", 0o600, "JkMount /other other\n")
	h.write(t, "etc/mime.types", 0o644, "text/html html\n")
	text := fmt.Sprintf("ServerRoot %q\nListen %s\nPidFile run/pid\n", h.dir, h.addr) + peer.LoadModules(modules...) +
		"ServerName 127.0.0.1\nUser www-data\nGroup www-data\nTypesConfig etc/mime.types\n" +
		"ServerLimit 2\nStartServers 1\nThreadsPerChild 16\nMaxRequestWorkers 32\n" +
		"ErrorLog log/error.log\nLogFormat \"%U %>s\" short\nCustomLog log/access.log short\n" +
		"JkWorkersFile etc/workers.properties\nJkLogFile log/mod_jk.log\nJkShmFile run/jk.shm\nInclude private/site.conf\n" +
		"DocumentRoot www\n<Directory @DIR@/www>\nRequire all granted\n</Directory>\n" + site
	h.write(t, "etc/httpd.conf", 0o644, strings.ReplaceAll(text, "@DIR@", h.dir))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("error.log:\n%s", h.read(t, "log/error.log"))
		}
	})
	return h
}

func (h *house) write(t *testing.T, name string, mode os.FileMode, text string) {
	t.Helper()
	name = filepath.Join(h.dir, name)
	if err := errors.Join(os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
		t.Fatal(err)
	}
}

// read returns what a file holds, empty if there is none.
func (h *house) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// get returns the status of a path.
func (h *house) get(t *testing.T, path string) int {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + h.addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// await waits until it holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	awaitFor(t, 20*time.Second, what, holds)
}

func awaitFor(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// children are the processes that pid started, but for those of piped logs.
func children(pid int) []int {
	var text []byte
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		more, _ := os.ReadFile(task)
		text = append(append(text, ' '), more...)
	}
	own, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	var all []int
	for word := range strings.FieldsSeq(string(text)) {
		child, _ := strconv.Atoi(word)
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); exe == own && !slices.Contains(all, child) {
			all = append(all, child)
		}
	}
	return all
}

// statusOf is a line of /proc/PID/status, its words.
func statusOf(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s in the status of %d", name, pid)
	return ""
}

// inHouse runs test with each front in a house of its own.
func inHouse(t *testing.T, site string, test func(t *testing.T, h *house)) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		h := newHouse(t, site)
		h.server = start(h.conf)
		test(t, h)
	})
}

// TestPrivileges: requests are served by a process that is www-data and
// nothing more, though root alone may open what it needs.
func TestPrivileges(t *testing.T) {
	inHouse(t, "", func(t *testing.T, h *house) {
		if h.get(t, "/") != 200 || h.get(t, "/other") != 200 {
			t.Error("it does not serve")
		}
		serving := children(h.server.Pid())
		if len(serving) == 0 {
			t.Fatal("no process serves")
		}
		www, err := user.Lookup("www-data")
		if err != nil {
			t.Fatal(err)
		}
		four := func(id string) string { return strings.Join([]string{id, id, id, id}, " ") }
		for _, pid := range serving {
			wants := map[string]string{"Uid": four(www.Uid), "Gid": four(www.Gid), "Groups": www.Gid, "CapEff": none, "CapPrm": none, "CapAmb": none}
			if h.server.Name == "catflap" {
				wants["NoNewPrivs"] = "1"
			}
			for name, want := range wants {
				if got := statusOf(t, pid, name); got != want {
					t.Errorf("%s of process %d: %s, want %s", name, pid, got, want)
				}
			}
			// Nobody but root may look into it.
			if info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
				t.Errorf("the memory of process %d belongs to another than root: %v", pid, err)
			}
		}
		if uid := statusOf(t, h.server.Pid(), "Uid"); uid != four("0") {
			t.Errorf("the first process has become %s", uid)
		}
		for _, log := range []string{"error.log", "access.log", "mod_jk.log"} {
			info, err := os.Stat(h.dir + "/log/" + log)
			if err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
				t.Errorf("%s is not root's: %v", log, err)
			}
		}
	})
}

const none = "0000000000000000" // capabilities

// TestOpenFiles: the process that serves has the logs, the sockets and the
// site open, and nothing else of the parent's; none of it leads to more.
func TestOpenFiles(t *testing.T) {
	h := newHouse(t, "")
	extra, err := os.Open("/etc/shadow") // what a careless start leaves open
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	cmd := exec.Command(catflapBinary(t), "serve", "-f", h.conf)
	cmd.ExtraFiles = []*os.File{extra, extra, extra, extra} // 3 to 6: the child has its own 3 and 4
	output := begin(t, h, cmd)
	serving := children(cmd.Process.Pid)
	if len(serving) != 1 {
		t.Fatalf("%d processes serve", len(serving))
	}
	allowed := []string{output, "/dev/null", "socket:", "pipe:", "anon_inode:", h.dir + "/www", h.dir + "/log/", "/sys/fs/cgroup/"}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", serving[0]))
	if err != nil || len(fds) < 6 {
		t.Fatal(fds, err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil {
			continue // it was of the moment
		}
		if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(to, prefix) }) {
			t.Errorf("%s is open", to)
		}
		if !strings.HasPrefix(to, h.dir+"/log/") {
			continue
		}
		var pos int64
		var flags int
		info, _ := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
		if _, err := fmt.Sscanf(string(info), "pos: %d\nflags: %o\n", &pos, &flags); err != nil || flags&(syscall.O_ACCMODE|syscall.O_APPEND) != syscall.O_WRONLY|syscall.O_APPEND {
			t.Errorf("%s is open for more than appending: %s, %v", to, info, err)
		}
	}
}

// begin starts cmd, waits until it serves h, and returns the file with its
// output.
func begin(t *testing.T, h *house, cmd *exec.Cmd) string {
	t.Helper()
	return launch(t, h, cmd, "log/error.log")
}

// launch is begin with another error log.
func launch(t *testing.T, h *house, cmd *exec.Cmd, log string) string {
	t.Helper()
	output, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if text, _ := os.ReadFile(output.Name()); t.Failed() {
			t.Logf("its output:\n%s", text)
		}
	})
	await(t, "it serves", func() bool { return strings.Contains(h.read(t, log), "AH00489") })
	return output.Name()
}

// TestReloadAsRoot: what root alone may read is read anew at a reload, and a
// port below 1024 is opened, and closed.
func TestReloadAsRoot(t *testing.T) {
	inHouse(t, "", func(t *testing.T, h *house) {
		if got := h.get(t, "/fresh"); got != 404 {
			t.Fatalf("/fresh: %d before the reload", got)
		}
		low := lowAddr(t)
		conf := h.read(t, "etc/httpd.conf")
		h.write(t, "etc/workers.properties", 0o640, "worker.list=other,fresh\nworker.other.type=status\nworker.fresh.type=status\n")
		h.write(t, "private/more.conf", 0o600, "JkMount /fresh fresh\n")
		h.write(t, "etc/httpd.conf", 0o644, conf+"Listen "+low+"\nInclude private/more.conf\nCustomLog log/second.log short\n")
		if err := h.server.Signal(); err != nil {
			t.Fatal(err)
		}
		await(t, "the worker of the reload answers", func() bool { return h.get(t, "/fresh") == 200 })
		answer, err := http.Get("http://" + low + "/")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		await(t, "the log of the reload", func() bool { return strings.Contains(h.read(t, "log/second.log"), "/fresh 200") })
		h.write(t, "etc/httpd.conf", 0o644, conf)
		if err := h.server.Signal(); err != nil {
			t.Fatal(err)
		}
		await(t, "the low port is closed", func() bool {
			conn, err := net.Dial("tcp", low)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		await(t, "the worker is gone", func() bool { return h.get(t, "/fresh") == 404 })
	})
}

// lowAddr returns an address with a port below 1024 that nobody listens on.
func lowAddr(t *testing.T) string {
	t.Helper()
	for port := 1023; port > 600; port-- {
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer listener.Close()
			return listener.Addr().String()
		}
	}
	t.Fatal("no free port below 1024")
	return ""
}

// TestMountFileOfRoot: a mount file that root alone may read is looked at again
// while the server runs. (In httpd it is the serving process that looks, and may
// not.) The way of httpd's spelling with a log for the start is the same.
func TestMountFileOfRoot(t *testing.T) {
	h := newHouse(t, "JkMountFile etc/uri.properties\nJkMountFileReload 1\n")
	h.write(t, "etc/uri.properties", 0o600, "/one=other\n")
	begin(t, h, exec.Command(catflapBinary(t), "-X", "-E", h.dir+"/private/start.log", "-f", h.conf))
	if one, two := h.get(t, "/one"), h.get(t, "/two"); one != 200 || two != 404 {
		t.Errorf("/one %d, /two %d", one, two)
	}
	h.write(t, "etc/uri.properties", 0o600, "/two=other\n/three=other\n")
	await(t, "the new mount", func() bool { return h.get(t, "/two") == 200 })
	if got := h.get(t, "/one"); got != 404 {
		t.Errorf("/one %d, though it is mounted no more", got)
	}
}
