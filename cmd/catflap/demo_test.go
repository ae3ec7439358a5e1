package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// freePortOf sets a variable to a port that nobody listens on now.
func freePortOf(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: freeport VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// web asks for a URL, with the cookie that the script was given last, and
// writes status and body to the file stdout.
//
//	web [-await] [-cross] [-browser] [-host NAME] [-node HERE THERE] METHOD URL [NAME=VALUE]...
//
// -await asks until somebody answers. -node sets HERE to the node that answers
// and THERE to the other one.
func web(ts *testscript.TestScript, _ bool, args []string) {
	await, header, host, here, there := false, http.Header{}, "", "", ""
	for ; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		switch args[0] {
		case "-await":
			await = true
		case "-cross":
			header.Set("Sec-Fetch-Site", "cross-site")
		case "-browser":
			header.Set("Accept", "text/html,*/*")
		case "-host":
			host, args = args[1], args[1:]
		case "-node":
			here, there = args[1], args[2]
			args = args[2:]
		}
	}
	form := url.Values{}
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		form.Set(name, value)
	}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	jar := ts.MkAbs(".cookie")
	if cookie, err := os.ReadFile(jar); err == nil {
		header.Set("Cookie", string(cookie))
	}
	client := &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var answer *http.Response
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		request, err := http.NewRequest(args[0], args[1], strings.NewReader(form.Encode()))
		ts.Check(err)
		request.Header, request.Host = header, host
		if answer, err = client.Do(request); err == nil {
			break
		}
		if !await || time.Now().After(end) {
			ts.Fatalf("%v", err)
		}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if set := answer.Header.Get("Set-Cookie"); set != "" {
		cookie, _, _ := strings.Cut(set, ";")
		ts.Check(os.WriteFile(jar, []byte(cookie), 0o600))
	}
	if here != "" {
		node := regexp.MustCompile(`"node":"(pj00[12])"`).FindSubmatch(body)
		if node == nil {
			ts.Fatalf("no node in %s", body)
		}
		ts.Setenv(here, string(node[1]))
		ts.Setenv(there, map[string]string{"pj001": "pj002", "pj002": "pj001"}[string(node[1])])
	}
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", answer.StatusCode, body)
}

// terminal returns both sides of a new terminal.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// TestDemoKeys presses keys on a terminal: 1 and 2 stop and start a node, q
// ends, and the terminal is as it was before.
func TestDemoKeys(t *testing.T) {
	keyboard, screen := terminal(t)
	before, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("catflap")
	if err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	temporary := t.TempDir()
	cmd := exec.Command(program, "demo", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	await := func(text string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			got, err := os.ReadFile(output.Name())
			if err == nil && bytes.Contains(got, []byte(text)) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("it does not say %q:\n%s", text, got)
			}
		}
	}
	await("press 1 or 2 here")
	for _, step := range []struct{ key, says string }{
		{"1", "pj001 is stopped"}, {"1", "pj001 runs"}, {"2", "pj002 is stopped"}, {"x2", "pj002 runs"},
		{"k1", "pj001 is killed"}, {"", "pj002 finds that pj001 does not answer"}, {"k1", "pj001 was killed"},
	} {
		if _, err := keyboard.WriteString(step.key); err != nil {
			t.Fatal(err)
		}
		await(step.says)
	}
	if _, err := keyboard.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("q: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("q does not end it")
	}
	after, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal was %+v and is %+v, %v", before, after, err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
