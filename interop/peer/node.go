package peer

import (
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// A NodeConfig says what a catflap node is like.
type NodeConfig struct {
	Binary    string // catflap
	Route     string
	Host      netns.Host
	ServerXML string // as TomcatConfig's
	WebXML    string // web.xml of /demo; empty is none
}

// A Node is a catflap node, with the demonstration application as /demo.
type Node struct {
	HTTPAddr string // IP:port
	AJPAddr  string
	Base     string // catalina.base
	Route    string
	Host     netns.Host
	binary   string
	process  *Process
}

// NewNode writes down what a node is started with.
func NewNode(t T, cfg NodeConfig) *Node {
	t.Helper()
	n := &Node{
		HTTPAddr: cfg.Host.Addr + ":8080", AJPAddr: cfg.Host.Addr + ":8009", Base: t.TempDir(), Route: cfg.Route, Host: cfg.Host, binary: cfg.Binary,
	}
	for name, text := range map[string]string{"conf/server.xml": cfg.ServerXML, "logs/console": "", "webapps/demo/WEB-INF/web.xml": cfg.WebXML} {
		if name == "webapps/demo/WEB-INF/web.xml" && text == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(n.Base, name)), 0o755); err != nil {
			t.Fatalf("node %s: %v", n.Route, err)
		}
		if err := os.WriteFile(filepath.Join(n.Base, name), []byte(text), 0o644); err != nil {
			t.Fatalf("node %s: %v", n.Route, err)
		}
	}
	return n
}

// Start starts n, for instance again after Kill, and does not wait. A started
// node stays as it is.
func (n *Node) Start(t T) {
	t.Helper()
	if n.process != nil && n.process.Running() {
		return
	}
	cmd := n.Host.Command(n.binary, "node", "-f", filepath.Join(n.Base, "conf/server.xml"), "-D", "NODE_ADDRESS="+n.Host.Addr, "-D", "NODE_ROUTE="+n.Route)
	cmd.Dir = n.Base
	n.process = Start(t, "node "+n.Route, n.console(), cmd)
}

// Await returns once n serves HTTP and AJP.
func (n *Node) Await(t T) {
	t.Helper()
	n.process.Await(t, serves(n.Host, n.HTTPAddr, n.AJPAddr))
}

// Stop ends n in order.
func (n *Node) Stop(t T) {
	t.Helper()
	n.process.Stop(t, syscall.SIGTERM, 20*time.Second)
}

// Process is n's process.
func (n *Node) Process() *Process { return n.process }

func (n *Node) console() string { return filepath.Join(n.Base, "logs/console") }

// Log is what n has logged, also before a Kill.
func (n *Node) Log(t T) string {
	t.Helper()
	return logOf(t, n.console())
}

func logOf(t T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatalf("%v", err)
	}
	return string(text)
}
