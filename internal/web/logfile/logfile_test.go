package logfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func open(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNoLineIsLost: lines of many goroutines over several reopenings are all
// there, each whole and once.
func TestNoLineIsLost(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "access_log")
	s := NewSet(Config{Open: open})
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	const writers, lines = 8, 3000
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range lines {
				f.WriteLine(fmt.Appendf(nil, "%d-%d %s\n", w, i, strings.Repeat("x", i%200)))
			}
		})
	}
	for i := range 5 {
		if err := os.Rename(name, fmt.Sprintf("%s.%d", name, i)); err != nil {
			t.Error(err)
		}
		if err := s.Reopen(); err != nil {
			t.Error(err)
		}
	}
	writing.Wait()
	cancel()
	running.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	all, _ := filepath.Glob(name + "*")
	for _, part := range all {
		for line := range strings.Lines(read(t, part)) {
			id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if seen[id] || strings.Trim(rest, "x") != "" {
				t.Fatalf("line %q is torn or twice", line)
			}
			seen[id] = true
		}
	}
	if len(seen) != writers*lines {
		t.Errorf("%d lines of %d", len(seen), writers*lines)
	}
}

func TestBatchesLeaveInTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	s := NewSet(Config{Open: open})
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	f.WriteLine([]byte("a\n"))
	for end := time.Now().Add(5 * time.Second); read(t, name) == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the line is not in the file after 5 s")
		}
	}
	cancel()
	<-done
	f.Write([]byte("b\n"))
	if read(t, name) != "a\nb\n" {
		t.Error("an error log's line is not there at once")
	}
	f.WriteLine([]byte("c\n"))
	s.Close()
	if read(t, name) != "a\nb\nc\n" {
		t.Error("Close loses a line")
	}
}

func TestOneFileForOneName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	s := NewSet(Config{Open: open})
	a, _ := s.Open(name)
	b, _ := s.Open(name)
	if a != b {
		t.Error("one name is open twice")
	}
	s.Release(a)
	b.Write([]byte("x\n"))
	if read(t, name) != "x\n" {
		t.Error("closed while it is used")
	}
	s.Release(b)
	if len(s.files) != 0 {
		t.Error("not closed")
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	s := NewSet(Config{Open: open})
	_, err := s.Open(filepath.Join(dir, "none", "log"))
	if err == nil || !strings.HasPrefix(err.Error(), "(2)No such file or directory: AH00091: could not open log file ") {
		t.Errorf("%v", err)
	}
	sub := filepath.Join(dir, "sub")
	os.Mkdir(sub, 0o755)
	name := filepath.Join(sub, "log")
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	os.Rename(sub, sub+".old")
	if err := s.Reopen(); err == nil {
		t.Error("no error although the folder is gone")
	}
	f.Write([]byte("still here\n"))
	if got := read(t, filepath.Join(sub+".old", "log")); got != "still here\n" {
		t.Errorf("the old file has %q", got)
	}
	s.Close()
}

func TestFullDisk(t *testing.T) {
	s := NewSet(Config{Open: func(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }})
	f, err := s.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	f.WriteLine(bytes.Repeat([]byte("x"), full))
	if lost, err := f.Trouble(); err == nil || lost != full {
		t.Errorf("%v, %d bytes lost", err, lost)
	}
	s.Close()
}

func BenchmarkWriteLine(b *testing.B) {
	s := NewSet(Config{Open: func(string) (*os.File, error) { return os.OpenFile("/dev/null", os.O_WRONLY, 0) }})
	f, _ := s.Open("x")
	defer s.Close()
	line := bytes.Repeat([]byte("x"), 120)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.WriteLine(line)
		}
	})
}
