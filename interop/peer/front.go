package peer

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

const (
	httpdBinary = "/usr/sbin/apache2"
	modules     = "/usr/lib/apache2/modules"
)

// A Front is a running web server.
type Front struct {
	Name string // "httpd" or "catflap"
	Addr string // where it listens, IP:port
	*Process
}

var (
	serverRoot = regexp.MustCompile(`(?mi)^\s*ServerRoot\s+"?([^"\n]+?)"?\s*$`)
	listen     = regexp.MustCompile(`(?mi)^\s*Listen\s+(\S+)\s*$`)
)

// StartHTTPD starts httpd with a configuration file, which names its
// ServerRoot and where it listens (with an address), and waits until it
// accepts connections. ServerRoot/modules becomes a link to the installed
// modules if there is no such folder.
func StartHTTPD(t T, conf string) *Front {
	t.Helper()
	return StartHTTPDOn(t, netns.Host{}, conf)
}

// StartHTTPDOn is StartHTTPD on a host.
func StartHTTPDOn(t T, host netns.Host, conf string) *Front {
	t.Helper()
	folder, addr := places(t, conf)
	link := filepath.Join(folder, "modules")
	if _, err := os.Stat(link); os.IsNotExist(err) {
		if err := os.Symlink(modules, link); err != nil {
			t.Fatalf("httpd: %v", err)
		}
	}
	own := t.TempDir()
	cmd := host.Command(httpdBinary, "-f", conf, "-DFOREGROUND", "-DHTTPD",
		"-C", "DefaultRuntimeDir "+own, "-c", "PidFile "+own+"/httpd.pid")
	f := &Front{Name: "httpd", Addr: addr, Process: Start(t, "httpd", filepath.Join(own, "output"), cmd)}
	f.Await(t, accepts(host, addr))
	return f
}

// RunHTTPD runs httpd with arguments that end it at once, such as -S, and
// returns what it wrote to stdout and stderr, and its exit code. It has the
// installed modules at ServerRoot/modules only if the caller made a link.
func RunHTTPD(t T, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runProgram(t, httpdBinary, arguments...)
}

// RunCatflap is RunHTTPD for the catflap that is the file binary.
func RunCatflap(t T, binary string, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runProgram(t, binary, arguments...)
}

func runProgram(t T, binary string, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, messages bytes.Buffer
	cmd := exec.Command(binary, arguments...)
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("%s: %v", binary, err)
	}
	return out.String(), messages.String(), cmd.ProcessState.ExitCode()
}

// BuildCatflap builds catflap from these sources and returns its file.
func BuildCatflap(t T) string {
	t.Helper()
	file := filepath.Join(Folder(t), "catflap") // catflap serves as another user, who has to reach its program
	Build(t, file)
	return file
}

// Build builds catflap from these sources as a file.
func Build(t T, file string) {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatalf("%v", err)
	}
	cmd := exec.Command("go", "build", "-o", file, "./cmd/catflap")
	cmd.Dir = top
	run(t, cmd)
}

// StartCatflap starts the catflap that is the file binary with a configuration
// file as StartHTTPD takes it, and waits until it accepts connections.
func StartCatflap(t T, binary, conf string) *Front {
	t.Helper()
	return StartCatflapOn(t, netns.Host{}, binary, conf)
}

// StartCatflapOn is StartCatflap on a host.
func StartCatflapOn(t T, host netns.Host, binary, conf string) *Front {
	t.Helper()
	_, addr := places(t, conf)
	cmd := host.Command(binary, "serve", "-f", conf)
	f := &Front{Name: "catflap", Addr: addr, Process: Start(t, "catflap", filepath.Join(t.TempDir(), "output"), cmd)}
	f.Await(t, accepts(host, addr))
	return f
}

// Stop ends f by SIGTERM.
func (f *Front) Stop(t T) {
	t.Helper()
	f.Process.Stop(t, syscall.SIGTERM, 15*time.Second)
}

// Signal tells f by SIGUSR1 to take its configuration anew, gracefully.
func (f *Front) Signal() error { return f.cmd.Process.Signal(syscall.SIGUSR1) }

// places reads ServerRoot and the first Listen of a configuration file.
func places(t T, conf string) (folder, addr string) {
	t.Helper()
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatalf("%v", err)
	}
	foundRoot, foundListen := serverRoot.FindSubmatch(text), listen.FindSubmatch(text)
	if foundRoot == nil || foundListen == nil {
		t.Fatalf("%s names no ServerRoot or no Listen", conf)
	}
	host, port, err := net.SplitHostPort(string(foundListen[1]))
	if err != nil || net.ParseIP(host) == nil {
		t.Fatalf("%s: Listen %s wants to be IP:port", conf, foundListen[1])
	}
	return strings.TrimSpace(string(foundRoot[1])), net.JoinHostPort(host, port)
}

// LoadModules are the LoadModule lines of httpd for the named modules, such as
// "jk" and "mpm_event"; catflap takes them, too.
func LoadModules(names ...string) string {
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "LoadModule %s_module %s/mod_%s.so\n", name, modules, name)
	}
	return text.String()
}
