package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/catflap/catflap/internal/control"
)

// TestControl runs the scripts about commands that reach a server that runs.
// They find $FREE, an address nobody listens on, $PORT, its port, $OTHER, a
// free port $OFFSET above it, $TAKEN, an address that is in use, $SELF, a
// process that lives, and $LEFT, the state of an earlier one of that number;
// "await FILE [TEXT]" waits until the file is there, and holds the text.
func TestControl(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/control",
		Setup: func(e *testscript.Env) error {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Defer(func() { taken.Close() })
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			other, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			from, to := free.Addr().(*net.TCPAddr).Port, other.Addr().(*net.TCPAddr).Port
			if from > to {
				free, other, from, to = other, free, to, from
			}
			other.Close()
			e.Setenv("PORT", fmt.Sprint(from))
			e.Setenv("OTHER", fmt.Sprint(to))
			e.Setenv("OFFSET", fmt.Sprint(to-from))
			e.Setenv("SELF", fmt.Sprint(os.Getpid()))
			e.Setenv("LEFT", fmt.Sprintf(`{"pid":%d,"born":1,"phase":"serving","reload":{"number":3}}`, os.Getpid()))
			e.Setenv("TAKEN", taken.Addr().String())
			e.Setenv("FREE", free.Addr().String())
			for _, folder := range []string{"logs", "conf", "htdocs"} {
				err = errors.Join(err, os.Mkdir(e.WorkDir+"/"+folder, 0o755))
			}
			e.Defer(func() { // a server that a script that failed left behind
				if left, err := control.Find(e.WorkDir + "/logs/httpd.pid"); err == nil {
					left.Signal(syscall.SIGKILL)
				}
			})
			return errors.Join(err, free.Close())
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "envfile": envfile},
	})
}

// await waits for a file, and for a text in it.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("await FILE [TEXT]")
	}
	name := ts.MkAbs(args[0])
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(name)
		if err == nil && (len(args) == 1 || strings.Contains(string(text), args[1])) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s: %v\n%s", args[0], err, text)
		}
	}
}

// envfile writes the value of a variable into a file.
func envfile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("envfile FILE NAME")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.Getenv(args[1])+"\n"), 0o644))
}
