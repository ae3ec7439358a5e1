package main

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestControl runs the scripts about commands that reach a server that runs.
// They find $FREE, an address nobody listens on, and $TAKEN, one that is in
// use; "await FILE [TEXT]" waits until the file is there, and holds the text.
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
			e.Setenv("TAKEN", taken.Addr().String())
			e.Setenv("FREE", free.Addr().String())
			for _, folder := range []string{"logs", "conf", "htdocs"} {
				err = errors.Join(err, os.Mkdir(e.WorkDir+"/"+folder, 0o755))
			}
			return errors.Join(err, free.Close())
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
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
