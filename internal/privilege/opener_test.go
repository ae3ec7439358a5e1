package privilege

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestListen: 0.0.0.0 is IPv4 only, all others are what they say.
func TestListen(t *testing.T) {
	six := false // whether this machine has IPv6
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		six = true
		l.Close()
	}
	for _, test := range []struct {
		address  string
		ip4, ip6 bool
	}{
		{"0.0.0.0:0", true, false}, {"127.0.0.1:0", true, false}, {"[::1]:0", false, true}, {"[::]:0", true, true}, {":0", true, true},
	} {
		if !six && !test.ip4 {
			continue
		}
		l, err := Direct{}.Listen(test.address)
		if err != nil {
			t.Fatalf("%s: %v", test.address, err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for host, want := range map[string]bool{"127.0.0.1": test.ip4, "::1": test.ip6 && six} {
			conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if (err == nil) != want {
				t.Errorf("Listen %s: a client of %s: %v", test.address, host, err)
			}
			if err == nil {
				conn.Close()
			}
		}
		l.Close()
	}
}

// TestReadOnlyFiles: reading is of files and folders. A FIFO, which anybody
// who may write in a site's folder can make, keeps nobody waiting.
func TestReadOnlyFiles(t *testing.T) {
	dir := t.TempDir()
	fifo, file := filepath.Join(dir, "fifo"), filepath.Join(dir, "file")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for who, read := range map[string]func(string) (*os.File, error){
		"Direct": Direct{}.Read, "Child": new(Child).Read, "parent": User{UID: 65534, GID: 65534}.read,
	} {
		for name, want := range map[string]error{fifo: ErrNotRegular, "/dev/zero": ErrNotRegular, "/dev/null": nil, file: nil, dir: nil} {
			opened, err := read(name)
			if !errors.Is(err, want) {
				t.Errorf("%s: %s: %v, want %v", who, name, err, want)
			}
			if err == nil {
				opened.Close()
			}
		}
	}
}
