package interop

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Variables of the environment of this program when it runs again.
const (
	apartVar    = "CATFLAP_APART"    // the test that runs in namespaces of its own
	readOnlyVar = "CATFLAP_READONLY" // the only folder that what is run may write to
)

// apart runs a test again in a network and with mounts of its own, so that it
// can use the ports and folders of the distribution. It reports whether this
// is there; where it is not, the test is over.
func apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apartVar) == t.Name() {
		for _, command := range [][]string{{"ip", "link", "set", "lo", "up"}} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", command, err, out)
			}
		}
		return true
	}
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	again.Env = append(os.Environ(), apartVar+"="+t.Name(), "CATFLAP_BINARY="+catflapBinary(t))
	again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	out, err := again.CombinedOutput()
	t.Logf("in namespaces of its own:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

// fresh puts an empty folder of this test's own over each of folders, which is
// made if it is not there.
func fresh(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		t.Cleanup(func() { syscall.Unmount(folder, syscall.MNT_DETACH) })
	}
}

// writingOnly makes cmd run where nothing but folder, which is a mount, can be
// written to.
func writingOnly(folder string, cmd *exec.Cmd) *exec.Cmd {
	cmd.Args = append([]string{cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	cmd.Env = append(os.Environ(), readOnlyVar+"="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// becomeReadOnly is what this program does when writingOnly has started it: it
// takes away what can be written to and becomes the other program.
func becomeReadOnly(folder string) error {
	os.Unsetenv(readOnlyVar)
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("make / read-only: %w", err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, folder, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("make %s writable: %w", folder, err)
	}
	return syscall.Exec(os.Args[0], os.Args, os.Environ())
}
