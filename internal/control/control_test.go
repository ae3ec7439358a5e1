package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/privilege"
)

// asOther is the PidFile that the tests' own program looks at as another user.
const asOther = "CATFLAP_TEST_PIDFILE"

func TestMain(m *testing.M) {
	if name := os.Getenv(asOther); name != "" {
		s, err := Find(name)
		if err == nil {
			err = s.Signal(0)
		}
		fmt.Println(err)
		os.Exit(0)
	}
	leaktest.Main(m)
}

// A told is a process that stands for a server, with PidFile and state.
type told struct {
	pidFile string
	state   State
}

// sleeper starts a process that does nothing, and tells of it.
func sleeper(t *testing.T) *told {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	pid := cmd.Process.Pid
	s := &told{filepath.Join(t.TempDir(), "pid"), State{PID: pid, Born: Born(pid), Phase: Serving}}
	s.write(t)
	return s
}

func (s *told) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(s.pidFile, fmt.Appendf(nil, "%d\n", s.state.PID), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (privilege.Direct{}).WriteState(s.pidFile, s.state.Marshal()); err != nil {
		t.Fatal(err)
	}
}

// TestFind: a server is one whose process lives and whose state is of that
// process; everything else is told in words.
func TestFind(t *testing.T) {
	for _, c := range []struct {
		title  string
		change func(*testing.T, *told)
		want   string // empty: it is found
	}{
		{"a server", func(*testing.T, *told) {}, ""},
		{"no PidFile", func(_ *testing.T, s *told) { os.Remove(s.pidFile) }, "there is no PidFile"},
		{"an empty PidFile", func(_ *testing.T, s *told) { os.WriteFile(s.pidFile, nil, 0o644) }, "names no process"},
		{"a PidFile that was left over", func(t *testing.T, s *told) {
			cmd := exec.Command("true")
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			s.state.PID = cmd.Process.Pid
			s.write(t)
		}, "is left over from process"},
		{"httpd on the same files", func(_ *testing.T, s *told) { os.Remove(privilege.StateFile(s.pidFile)) }, "is sleep, not catflap: nothing was sent to it"},
		{"a process that got the number of a server", func(t *testing.T, s *told) { s.state.Born++; s.write(t) }, "is sleep, not catflap"},
		{"the state of another process", func(t *testing.T, s *told) {
			other := s.state
			other.PID++
			privilege.Direct{}.WriteState(s.pidFile, other.Marshal())
		}, "is sleep, not catflap"},
	} {
		t.Run(c.title, func(t *testing.T) {
			s := sleeper(t)
			c.change(t, s)
			found, err := Find(s.pidFile)
			switch {
			case c.want == "" && (err != nil || found.State.PID != s.state.PID):
				t.Errorf("%v, %v", found, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestForget: only a PidFile is removed of which the state beside it tells that
// its process is another one now.
func TestForget(t *testing.T) {
	for _, c := range []struct {
		title  string
		change func(*told)
		stays  bool
	}{
		{"a server that runs", func(*told) {}, true},
		{"httpd on the same files", func(s *told) { os.Remove(privilege.StateFile(s.pidFile)) }, true},
		{"the state of another process", func(s *told) {
			other := s.state
			other.PID++
			privilege.Direct{}.WriteState(s.pidFile, other.Marshal())
		}, true},
		{"a process that got the number of a server", func(s *told) { s.state.Born++; s.write(t) }, false},
	} {
		s := sleeper(t)
		c.change(s)
		if err := Forget(s.pidFile); err != nil {
			t.Errorf("%s: %v", c.title, err)
		}
		if _, err := os.Stat(s.pidFile); (err == nil) != c.stays {
			t.Errorf("%s: %v", c.title, err)
		}
	}
	if err := Forget(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

// TestForbidden: another user is told that it may not, not that nothing runs.
func TestForbidden(t *testing.T) {
	if os.Geteuid() != 0 { // process 1 is root's
		s := &told{filepath.Join(t.TempDir(), "pid"), State{PID: 1, Born: Born(1), Phase: Serving}}
		s.write(t)
		found, err := Find(s.pidFile)
		if err == nil {
			err = found.Signal(syscall.SIGUSR1)
		}
		if err == nil || !strings.Contains(err.Error(), "no permission to control process 1 of PidFile") {
			t.Errorf("%v", err)
		}
		return
	}
	s := sleeper(t)
	for _, dir := range []string{filepath.Dir(s.pidFile), filepath.Dir(filepath.Dir(s.pidFile))} {
		os.Chmod(dir, 0o755)
	}
	ask := func() string {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), asOther+"="+s.pidFile)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	want := fmt.Sprintf("no permission to control process %d of PidFile", s.state.PID)
	if got := ask(); !strings.Contains(got, want) {
		t.Errorf("the state is not readable: %q", got)
	}
	os.Chmod(privilege.StateFile(s.pidFile), 0o644)
	if got := ask(); !strings.Contains(got, want) {
		t.Errorf("a signal is not permitted: %q", got)
	}
	os.Chmod(s.pidFile, 0o600)
	if got := ask(); !strings.Contains(got, "no permission to read PidFile") {
		t.Errorf("the PidFile is not readable: %q", got)
	}
}

// TestReloaded: the outcome is that of a reload that began after the command
// had looked, whatever ran then.
func TestReloaded(t *testing.T) {
	for _, c := range []struct {
		title  string
		before Reload
		steps  []State // told one after the other
		want   Reload
		err    error
	}{
		{"the first", Reload{}, []State{{Phase: Serving, Reload: Reload{Number: 1, Running: true}}, {Phase: Serving, Reload: Reload{Number: 1}}}, Reload{Number: 1}, nil},
		{"refused", Reload{Number: 4}, []State{{Phase: Serving, Reload: Reload{Number: 5, Refused: []string{"x:1: error: y"}}}},
			Reload{Number: 5, Refused: []string{"x:1: error: y"}}, nil},
		{"one ran already", Reload{Number: 4, Running: true}, []State{{Phase: Serving, Reload: Reload{Number: 4, Refused: []string{"old"}}},
			{Phase: Serving, Reload: Reload{Number: 5, Running: true}}, {Phase: Serving, Reload: Reload{Number: 5}}}, Reload{Number: 5}, nil},
		{"another follows at once", Reload{Number: 4}, []State{{Phase: Serving, Reload: Reload{Number: 6, Running: true}}, {Phase: Serving, Reload: Reload{Number: 6}}},
			Reload{Number: 6}, nil},
		{"it was begun anew", Reload{Number: 4}, []State{{Phase: Serving, Serves: 8}}, Reload{}, ErrAnew},
		{"it stops", Reload{Number: 4}, []State{{Phase: Stopping, Reload: Reload{Number: 4}}}, Reload{}, ErrDraining},
	} {
		t.Run(c.title, func(t *testing.T) {
			s := sleeper(t)
			s.state.Reload = c.before
			s.write(t)
			found, err := Find(s.pidFile)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, step := range c.steps {
					time.Sleep(2 * pause) // so that each is seen
					step.PID, step.Born = s.state.PID, s.state.Born
					privilege.Direct{}.WriteState(s.pidFile, step.Marshal())
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			got, err := found.Reloaded(ctx)
			<-done
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(c.want)
			if !errors.Is(err, c.err) || string(a) != string(b) {
				t.Errorf("%s, %v, want %s, %v", a, err, b, c.err)
			}
		})
	}
}

// TestGone: the end of the process ends every wait, also if nobody has waited
// for the process.
func TestGone(t *testing.T) {
	s := sleeper(t)
	s.state.Waits = "waits for 2 requests"
	s.write(t)
	found, err := Find(s.pidFile)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	tell := func(waits string) {
		told = append(told, waits)
		syscall.Kill(s.state.PID, syscall.SIGKILL)
	}
	if err := found.Ended(t.Context(), tell); err != nil || len(told) != 1 || told[0] != s.state.Waits {
		t.Errorf("%v, told %q", err, told)
	}
	if _, err := found.Reloaded(t.Context()); err != ErrGone {
		t.Errorf("%v", err)
	}
	if err := found.Ended(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestStateIsBounded: very many reasons, and long ones, still make a state.
func TestStateIsBounded(t *testing.T) {
	s := State{PID: 1, Phase: Serving}
	for range 5000 {
		s.Reload.Refused = append(s.Reload.Refused, strings.Repeat("x", 5000))
	}
	back, err := ParseState(s.Marshal())
	if err != nil || len(back.Reload.Refused) != mostRefused+1 || back.Reload.Refused[mostRefused] != "and 4900 more: see the ErrorLog" {
		t.Errorf("%d reasons, %v", len(back.Reload.Refused), err)
	}
	if len(s.Reload.Refused) != 5000 || len(s.Reload.Refused[0]) != 5000 {
		t.Error("the state itself was changed")
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"pid":7,"born":12,"phase":"serving","reload":{"number":3,"refused":["a:1: error: b"]}}`))
	f.Add([]byte(`{"pid":7,"phase":"stopping","reload":{"number":0},"waits":"waits for 1 request"}`))
	f.Add([]byte(`{"pid":-1,"phase":"serving"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseState(text)
		if err != nil {
			return
		}
		again, err := ParseState(s.Marshal())
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if a, b := string(s.Marshal()), string(again.Marshal()); a != b {
			t.Errorf("%s, then %s", a, b)
		}
	})
}
