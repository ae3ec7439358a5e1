// Package peer starts the real servers that interop and bench run: Tomcat,
// httpd with mod_jk, and catflap itself. What comes in are settings or a
// configuration file, what goes out are running processes on 127.0.0.1 or on
// a host of netns that are ready, and that end with the test.
package peer

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A T is what a peer needs of a testing.TB; a program may bring its own.
// Fatalf does not return.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
	Cleanup(func())
}

// Check returns what keeps the peers from running here, in one error that says
// what to do, or nil.
func Check() error {
	var missing []string
	if os.Getuid() != 0 {
		missing = append(missing, "root (httpd's User, ports and network namespaces want it)")
	}
	for _, file := range []string{httpdBinary, modules + "/mod_jk.so", TomcatHome + "/bin/bootstrap.jar"} {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, file)
		}
	}
	for _, command := range []string{"java", "javac", "ip", "nft", "openssl", "logrotate", "systemd-analyze"} {
		if _, err := exec.LookPath(command); err != nil {
			missing = append(missing, command)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("the peers cannot run, missing: %s; run interop/install-peers.sh as root on Debian, then the tests as root",
		strings.Join(missing, ", "))
}

// FreeAddr returns an address on 127.0.0.1 that nobody listens on now.
func FreeAddr(t T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("no free port: %v", err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Folder returns a temporary folder that other users, such as httpd's User, may
// enter.
func Folder(t T) string {
	t.Helper()
	folder := t.TempDir()
	for _, each := range []string{folder, filepath.Dir(folder)} {
		if each == filepath.Clean(os.TempDir()) {
			continue
		}
		if err := os.Chmod(each, 0o755); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return folder
}

// root is the top folder of the project's sources, in which the program runs.
func root() (string, error) {
	folder, err := os.Getwd()
	for ; err == nil; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("no go.mod in this folder and those above: run it in the sources")
		}
	}
	return "", err
}

// run runs a command that is to end well.
func run(t T, cmd *exec.Cmd) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, output.Bytes())
	}
}
