package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/catflap/catflap/ajp/ajptest"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE") != "", // a person reads the diff
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"unprivileged": unprivileged, "container": container, "freeport": freePortOf, "web": web,
		},
	})
}

// container starts a scripted container and sets NAME_PORT to its port:
// container NAME [secret=TEXT] [mute].
func container(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: container NAME [secret=TEXT] [mute]")
	}
	cfg := ajptest.Config{Script: func(c *ajptest.Call) {
		if c.Request.URI == "/missing" {
			c.Answer(404, "")
			return
		}
		c.Answer(200, args[0]+" answers "+c.Request.ServerName+c.Request.URI+"\n", "Content-Type", "text/plain")
	}}
	for _, word := range args[1:] {
		if secret, found := strings.CutPrefix(word, "secret="); found {
			cfg.Secret = secret
		} else {
			cfg.Mute = word == "mute"
		}
	}
	s := ajptest.Start(cfg)
	ts.Defer(s.Close)
	ts.Setenv(args[0]+"_PORT", strconv.Itoa(s.Port()))
}

// nobody is a user without rights.
const nobody = 65534

// unprivileged runs a command as nobody if the test runs as root; its output
// goes into the files stdout and stderr.
func unprivileged(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: unprivileged COMMAND [ARGUMENT]...")
	}
	cmd := exec.Command(reachable(ts, args[0]), args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), []string{"PATH=" + ts.Getenv("PATH"), "HOME=/"}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	for name, text := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String()} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
	ts.Logf("%s%s", stdout.String(), stderr.String())
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		ts.Fatalf("%v", err)
	}
	if (err != nil) != neg {
		ts.Fatalf("ended with %v", err)
	}
}

// reachable copies a program to the script's folder, and lets others enter
// that.
func reachable(ts *testscript.TestScript, name string) string {
	work := ts.Getenv("WORK")
	to := filepath.Join(work, ".program", name)
	if _, err := os.Stat(to); err == nil {
		return to
	}
	for folder := work; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		ts.Check(os.Chmod(folder, 0o755))
	}
	from, err := exec.LookPath(name)
	ts.Check(err)
	source, err := os.Open(from)
	ts.Check(err)
	defer source.Close()
	ts.Check(os.Mkdir(filepath.Dir(to), 0o755))
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	ts.Check(err)
	_, err = io.Copy(target, source)
	ts.Check(err)
	ts.Check(target.Close())
	return to
}
