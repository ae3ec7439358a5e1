package logfile

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pipeSet returns a set, its only pipe, and the end that the program reads.
func pipeSet(t *testing.T, lost func(string, int64, error)) (*Set, *File, *os.File) {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	syscall.SetNonblock(ends[1], true)
	from, to := os.NewFile(uintptr(ends[0]), "from"), os.NewFile(uintptr(ends[1]), "to")
	t.Cleanup(func() { from.Close() })
	s := NewSet(Config{Open: open, Pipe: func(string) (*os.File, error) { return to, nil }, Lost: lost})
	f, err := s.Open("|program")
	if err != nil {
		t.Fatal(err)
	}
	return s, f, from
}

// TestPipe: a program gets every line, whole and in order, also if it reads
// more slowly than lines come for a while; reopening leaves it alone.
func TestPipe(t *testing.T) {
	s, f, from := pipeSet(t, func(name string, bytes int64, err error) { t.Errorf("%s lost %d bytes: %v", name, bytes, err) })
	const lines = 8000 // 800 KB: more than the pipe holds, less than is held
	line := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("x", 94)) }
	for i := range lines {
		f.WriteLine([]byte(line(i) + "\n"))
	}
	if err := s.Reopen(); err != nil {
		t.Error(err)
	}
	var reading sync.WaitGroup
	n := 0
	reading.Go(func() {
		for in := bufio.NewScanner(from); in.Scan(); n++ {
			if in.Text() != line(n) {
				t.Errorf("line %d is %q", n, in.Text())
				return
			}
		}
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	reading.Wait()
	if n != lines {
		t.Errorf("%d lines of %d", n, lines)
	}
}

// TestPipeIsFull: nobody waits for a program that does not read; what is held
// is bounded, the rest is lost in whole lines, and told.
func TestPipeIsFull(t *testing.T) {
	var told int64
	s, f, from := pipeSet(t, func(name string, bytes int64, _ error) { told += bytes })
	line := bytes.Repeat([]byte("y"), 999)
	line = append(line, '\n')
	began := time.Now()
	const lines = 5000
	for range lines {
		f.WriteLine(line)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("writers waited %v", took)
	}
	if n := len(f.batch); n > held+full {
		t.Errorf("%d bytes are held", n)
	}
	s.tell(f, time.Now())
	if lost, _ := f.Trouble(); lost == 0 || lost != told || lost%1000 != 0 {
		t.Errorf("%d bytes lost, %d told", lost, told)
	}
	var got bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { got.ReadFrom(from) })
	f.WriteLine([]byte("the last\n")) // lost: nothing was read yet when it came, or held
	s.Close()
	reading.Wait()
	lost, _ := f.Trouble()
	if int64(got.Len())+lost != lines*1000+9 || told != lost {
		t.Errorf("%d bytes arrived, %d lost, %d told", got.Len(), lost, told)
	}
	for l := range bytes.Lines(got.Bytes()) {
		if len(l) != 1000 && string(l) != "the last\n" {
			t.Fatalf("a torn line of %d bytes", len(l))
		}
	}
}

// TestPipeIsBroken: with nobody at the other end lines are lost, not held.
func TestPipeIsBroken(t *testing.T) {
	s, f, from := pipeSet(t, nil)
	from.Close()
	f.Write([]byte("a\n"))
	if lost, err := f.Trouble(); lost != 2 || err == nil || len(f.batch) != 0 {
		t.Errorf("%d bytes lost, %v, %d held", lost, err, len(f.batch))
	}
	if _, err := f.Write([]byte("b\n")); err == nil {
		t.Error("no error")
	}
	s.Close()
}

// TestPipeLeavesInTime: what waits for a slow program goes on without new lines.
func TestPipeLeavesInTime(t *testing.T) {
	s, f, from := pipeSet(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	f.WriteLine(append(bytes.Repeat([]byte("z"), 200_000), '\n'))
	from.SetReadDeadline(time.Now().Add(30 * time.Second))
	if text, err := bufio.NewReader(from).ReadString('\n'); err != nil || len(text) != 200_001 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	cancel()
	running.Wait()
	s.Close()
}
