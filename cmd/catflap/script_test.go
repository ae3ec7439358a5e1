package main

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/certtest"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE") != "", // a person reads the diff
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"unprivileged": unprivileged, "container": container, "freeport": freePortOf, "web": web,
			"certificate": certificate, "repeat": repeat, "say": say,
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

// certificate makes a certificate and its key, which root alone may read:
// certificate NAME CERTIFICATE KEY.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: certificate NAME CERTIFICATE KEY")
	}
	pair := certtest.Issue(fatal{ts}, nil, nil, args[0], nil)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(pair.CertPEM()), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(pair.KeyPEM(fatal{ts})), 0o600))
	if os.Geteuid() != 0 { // who runs check owns the key
		ts.Check(os.Chmod(ts.MkAbs(args[2]), 0))
	}
}

// fatal is a script as certtest wants a test.
type fatal struct{ *testscript.TestScript }

func (fatal) Helper() {}

// repeat adds a line, N times, to a file: repeat N FILE LINE. A # in the line
// is the number.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat N FILE LINE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[1]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	ts.Check(err)
	for i := range n {
		_, err := f.WriteString(strings.ReplaceAll(args[2], "#", strconv.Itoa(i+1)) + "\n")
		ts.Check(err)
	}
	ts.Check(f.Close())
}

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
	ts.Check(os.Mkdir(filepath.Dir(to), 0o755))
	ts.Check(copyProgram(from, to))
	return to
}

// copyProgram copies a program. No process is started meanwhile: it would have
// the file open for writing, too, and nobody can start what is being written.
func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// say sends a line to an address, and waits until the other side has closed:
// say HOST:PORT WORD.
func say(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: say HOST:PORT WORD")
	}
	c, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.WriteString(c, args[1]+"\r\n")
	ts.Check(err)
	io.Copy(io.Discard, c)
}
