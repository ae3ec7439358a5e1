package privilege

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProgramOf: the forms of a piped log. Blanks, quotes and backslashes are
// as httpd was seen to take them.
func TestProgramOf(t *testing.T) {
	for _, c := range []struct {
		command string
		want    []string
		err     string
	}{
		{"|prog", []string{"prog"}, ""},
		{"||prog  one\ttwo ", []string{"prog", "one", "two"}, ""},
		{`|prog 'a b' c\ d "x y" $HOME *`, []string{"prog", "a b", "c d", "x y", "$HOME", "*"}, ""},
		{`|prog --a="b c"d '' e\"f g\n`, []string{"prog", "--a=b cd", "", `e"f`, `g\n`}, ""},
		{"|$prog >$HOME/x", []string{"/bin/sh", "-c", "prog >$HOME/x"}, ""},
		{"|", nil, `piped log "|" names no program`},
		{"|| ", nil, `piped log "|| " names no program`},
		{"prog", nil, `piped log "prog" does not begin with |`},
	} {
		got, err := programOf(c.command)
		if fmt.Sprint(err) != c.err && (err != nil || c.err != "") || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q, %s", c.command, got, err, c.want, c.err)
		}
	}
}

// TestPipe: lines reach the program, and it ends once the file is closed.
func TestPipe(t *testing.T) {
	got := filepath.Join(t.TempDir(), "got")
	programs := &Programs{Complain: func(err error) { t.Error(err) }}
	file, err := Direct{programs}.Pipe("|$cat >'" + got + "'")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("a line\n", 50_000) // more than a pipe holds
	if _, err := file.WriteString(want); err != nil {
		t.Fatal(err)
	}
	if programs.Wait(0) {
		t.Error("it ended before the file was closed")
	}
	file.Close()
	if !programs.Wait(20 * time.Second) {
		t.Fatal("it runs on after the file was closed")
	}
	if text, err := os.ReadFile(got); string(text) != want {
		t.Errorf("%d bytes arrived, %v; want %d", len(text), err, len(want))
	}
}

// TestPipeAgain: a program that ends is started again, and goes on with the
// line after the last that it read.
func TestPipeAgain(t *testing.T) {
	got := filepath.Join(t.TempDir(), "got")
	complaints := make(chan string, 100)
	programs := &Programs{Complain: func(err error) { complaints <- err.Error() }}
	file, err := programs.Start("|$read line; echo $line >>'" + got + "'")
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("one\ntwo\n")
	file.Close()
	if !programs.Wait(20 * time.Second) {
		t.Fatal("it runs on")
	}
	if text, _ := os.ReadFile(got); string(text) != "one\ntwo\n" {
		t.Errorf("%q arrived", text)
	}
	if len(complaints) != 1 {
		t.Fatalf("%d complaints", len(complaints))
	}
	if c := <-complaints; !strings.HasPrefix(c, "AH00106: piped log program 'read line;") {
		t.Error(c)
	}
}

// TestPipeWithoutProgram: a program that is not there is an error at once.
func TestPipeWithoutProgram(t *testing.T) {
	_, err := Direct{}.Pipe("|/no/such/program x")
	if err == nil || !strings.HasPrefix(err.Error(), "AH00104: unable to start piped log program '/no/such/program x': ") {
		t.Error(err)
	}
}

// TestPipeMany: nobody can have one program run without end.
func TestPipeMany(t *testing.T) {
	programs := &Programs{}
	var files []*os.File
	for range mostAlike {
		file, err := programs.Start("|cat")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if _, err := programs.Start("|cat"); !errors.Is(err, syscall.EAGAIN) {
		t.Error(err)
	}
	for _, file := range files {
		file.Close()
	}
	if !programs.Wait(20 * time.Second) {
		t.Fatal("they run on")
	}
	file, err := programs.Start("|cat")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	programs.Wait(20 * time.Second)
}
