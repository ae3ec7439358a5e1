package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unitFile is contrib/catflap.service.
func unitFile(t *testing.T) string {
	t.Helper()
	name, err := filepath.Abs("../contrib/catflap.service")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// unit returns the values of each key of the unit's [Service].
func unit(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(unitFile(t))
	if err != nil {
		t.Fatal(err)
	}
	_, service, _ := strings.Cut(string(text), "\n[Service]\n")
	service, _, _ = strings.Cut(service, "\n[")
	all := map[string][]string{}
	for line := range strings.Lines(service) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			all[key] = append(all[key], value)
		}
	}
	return all
}

// TestUnit: systemd itself has no objection to the unit but, before 253, that
// it does not know notify-reload.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(unitFile(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "catflap.service")
	here := strings.ReplaceAll(string(text), "/usr/local/bin/catflap", catflapBinary(t))
	if err := os.WriteFile(file, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		if !strings.Contains(line, "Failed to parse service type, ignoring: notify-reload") {
			t.Error(line)
		}
	}
	keys := unit(t)
	if !slices.Equal(keys["Type"], []string{"notify", "notify-reload"}) || !slices.Equal(keys["KillMode"], []string{"mixed"}) || keys["User"] != nil {
		t.Errorf("Type %v, KillMode %v, User %v", keys["Type"], keys["KillMode"], keys["User"])
	}
}

// A manager plays systemd: what services tell it, and who does.
type manager struct {
	socket *net.UnixConn
	name   string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		t.Fatal(err)
	}
	return &manager{socket, name}
}

// next returns the variables of the next message, which comes from pid.
func (m *manager) next(t *testing.T, pid int) map[string]string {
	t.Helper()
	m.socket.SetReadDeadline(time.Now().Add(20 * time.Second))
	message, beside := make([]byte, 8192), make([]byte, 1024)
	n, k, _, _, err := m.socket.ReadMsgUnix(message, beside)
	if err != nil {
		t.Fatal(err)
	}
	control, err := unix.ParseSocketControlMessage(beside[:k])
	if err != nil || len(control) != 1 {
		t.Fatal(control, err)
	}
	sender, err := unix.ParseUnixCredentials(&control[0])
	if err != nil || int(sender.Pid) != pid || sender.Uid != 0 {
		t.Errorf("told by %+v, want process %d, %v", sender, pid, err)
	}
	variables := map[string]string{}
	for line := range strings.SplitSeq(string(message[:n]), "\n") {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	return variables
}

// monotonic is the clock of MONOTONIC_USEC.
func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

// TestSystemd: started as the unit says, with the rights that it leaves, the
// server tells systemd what a notify-reload service tells.
func TestSystemd(t *testing.T) {
	h := newHouse(t, "Listen "+lowAddr(t)+"\n")
	keys := unit(t)
	program := strings.Fields(keys["ExecStart"][0])
	if program[0] != "/usr/local/bin/catflap" {
		t.Fatalf("ExecStart %v", program)
	}
	bounds := "-all"
	for right := range strings.FieldsSeq(keys["CapabilityBoundingSet"][0]) {
		bounds += ",+" + strings.ToLower(strings.TrimPrefix(right, "CAP_"))
	}
	line := append([]string{"--no-new-privs", "--bounding-set", bounds, "--inh-caps", "-all", catflapBinary(t)}, program[1:]...)
	cmd := exec.Command("setpriv", append(line, "-f", h.conf)...)
	m := newManager(t)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.name)
	began := time.Now()
	begin(t, h, cmd)
	pid := cmd.Process.Pid
	ready := m.next(t, pid)
	if ready["READY"] != "1" || ready["MAINPID"] != strconv.Itoa(pid) || ready["STATUS"] == "" {
		t.Errorf("at the start: %v", ready)
	}
	t.Logf("ready, and seen to be, in %v", time.Since(began))
	serving := children(pid)
	if len(serving) != 1 {
		t.Fatalf("%d processes serve", len(serving))
	}
	reload := func(about string) map[string]string {
		t.Helper()
		before := monotonic(t)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		reloading := m.next(t, pid)
		at, err := strconv.ParseInt(reloading["MONOTONIC_USEC"], 10, 64)
		if reloading["RELOADING"] != "1" || err != nil || at < before || at > monotonic(t) {
			t.Errorf("%s: %v, sent at %d", about, reloading, before)
		}
		return m.next(t, pid)
	}
	if got := reload("a reload"); got["READY"] != "1" || !strings.Contains(got["STATUS"], "as reloaded at") {
		t.Errorf("after a reload: %v", got)
	}
	conf := h.read(t, "etc/httpd.conf")
	h.write(t, "etc/httpd.conf", 0o644, conf+"Nonsense\n")
	if got := reload("a mistake"); got["READY"] != "1" || !strings.Contains(got["STATUS"], "reload refused: ") || !strings.Contains(got["STATUS"], "Nonsense") {
		t.Errorf("after a mistake: %v", got)
	}
	h.write(t, "etc/httpd.conf", 0o644, conf)
	m.reloadByUnit(t, h, keys, pid)
	if err := syscall.Kill(serving[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := m.next(t, pid); got["READY"] != "1" {
		t.Errorf("after the end of the serving process: %v", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := m.next(t, pid); got["STOPPING"] != "1" {
		t.Errorf("at the end: %v", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// reloadByUnit runs ExecReload.
func (m *manager) reloadByUnit(t *testing.T, h *house, keys map[string][]string, pid int) {
	t.Helper()
	line := strings.Fields(keys["ExecReload"][0])
	output, err := exec.Command(catflapBinary(t), append(line[1:], "-f", h.conf)...).CombinedOutput()
	if err != nil || !strings.Contains(string(output), fmt.Sprintf("reloaded: process %d goes on", pid)) {
		t.Errorf("ExecReload: %v\n%s", err, output)
	}
	if got := m.next(t, pid); got["RELOADING"] != "1" {
		t.Errorf("ExecReload: %v", got)
	}
	if got := m.next(t, pid); got["READY"] != "1" {
		t.Errorf("after ExecReload: %v", got)
	}
}
