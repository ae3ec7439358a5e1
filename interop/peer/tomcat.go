package peer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// TomcatHome is where Tomcat is installed.
const TomcatHome = "/usr/share/tomcat10"

// A TomcatConfig says what a Tomcat is like. A zero field means its default.
type TomcatConfig struct {
	Route      string // jvmRoute; required
	Secret     string // of the AJP connector; empty wants none
	PacketSize int    // packetSize of it; default 8192
	MaxThreads int    // of it; default 60
	Memory     string // the most heap, as java's -Xmx; default "160m"
	Classes    string // the compiled webapp, of Compile or CompileDemo; default: compiles it

	More []string // the attributes of more AJP connectors, without port and address

	// A node on a host of a test has a server.xml of its own, in which
	// ${NODE_ADDRESS} and ${NODE_ROUTE} are the host's address and Route. Its
	// connectors are at port 8080 and 8009 of the host.
	Host      netns.Host
	ServerXML string
	App       App
}

// An App says which web applications a Tomcat has.
type App int

const (
	Echo  App = iota // the one that tells what it was asked, as ROOT and as /demo
	Demo             // the demonstration application, as /demo
	NoApp            // none
)

// A Tomcat is one node.
type Tomcat struct {
	AJPAddr  string // IP:port
	HTTPAddr string // IP:port
	Base     string // CATALINA_BASE
	Route    string
	Host     netns.Host
	MoreAddr []string // IP:port of each connector of TomcatConfig.More
	memory   string
	process  *Process
}

// StartTomcat starts a Tomcat on free ports and waits until it serves.
func StartTomcat(t T, cfg TomcatConfig) *Tomcat {
	t.Helper()
	tc := NewTomcat(t, cfg)
	tc.Start(t)
	tc.Await(t)
	return tc
}

// NewTomcat writes down what a Tomcat is started with.
func NewTomcat(t T, cfg TomcatConfig) *Tomcat {
	t.Helper()
	tc := &Tomcat{Base: t.TempDir(), Route: cfg.Route, Host: cfg.Host, memory: cmp.Or(cfg.Memory, "160m")}
	if cfg.ServerXML != "" {
		tc.HTTPAddr, tc.AJPAddr = cfg.Host.Addr+":8080", cfg.Host.Addr+":8009"
	} else {
		tc.AJPAddr, tc.HTTPAddr = FreeAddr(t), FreeAddr(t)
		for range cfg.More {
			tc.MoreAddr = append(tc.MoreAddr, FreeAddr(t))
		}
		cfg.ServerXML = serverXML(cfg, tc)
	}
	switch {
	case cfg.Classes != "" || cfg.App == NoApp:
	case cfg.App == Demo:
		cfg.Classes = CompileDemo(t)
	default:
		cfg.Classes = Compile(t)
	}
	if err := tc.write(cfg); err != nil {
		t.Fatalf("tomcat %s: %v", cfg.Route, err)
	}
	return tc
}

// Compile compiles the webapp's servlet and returns the folder of its class.
func Compile(t T) string {
	t.Helper()
	return compile(t, "webapp/WEB-INF/classes/Echo.java")
}

// CompileDemo compiles the demonstration application and returns the folder of
// its classes.
func CompileDemo(t T) string {
	t.Helper()
	return compile(t, "demo/WEB-INF/classes/Demo.java")
}

func compile(t T, source string) string {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatalf("%v", err)
	}
	to := t.TempDir()
	run(t, exec.Command("javac", "--release", "17", "-encoding", "UTF-8", "-cp", TomcatHome+"/lib/*", "-d", to,
		filepath.Join(top, "interop/testdata", source)))
	return to
}

// write fills CATALINA_BASE.
func (tc *Tomcat) write(cfg TomcatConfig) error {
	for _, folder := range []string{"conf", "logs", "temp", "work", "webapps"} {
		if err := os.MkdirAll(filepath.Join(tc.Base, folder), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"context.xml", "catalina.properties", "jaspic-providers.xml"} {
		if err := copyFile(filepath.Join(TomcatHome, "etc", name), filepath.Join(tc.Base, "conf", name)); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"web.xml":    `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"/>`,
		"server.xml": cfg.ServerXML,
		"logging.properties": "handlers = java.util.logging.ConsoleHandler\n.level=INFO\n" +
			"java.util.logging.ConsoleHandler.formatter=org.apache.juli.OneLineFormatter\n",
	} {
		if err := os.WriteFile(filepath.Join(tc.Base, "conf", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	switch cfg.App {
	case NoApp:
		return nil
	case Demo:
		return tc.install("demo", "demo", cfg.Classes)
	}
	return errors.Join(tc.install("ROOT", "webapp", cfg.Classes), tc.install("demo", "webapp", cfg.Classes))
}

// install puts a webapp of testdata, and its classes, into webapps.
func (tc *Tomcat) install(name, webapp, classes string) error {
	top, err := root()
	if err != nil {
		return err
	}
	inside := filepath.Join(tc.Base, "webapps", name, "WEB-INF")
	if err := os.MkdirAll(filepath.Join(inside, "classes"), 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(top, "interop/testdata", webapp, "WEB-INF/web.xml"), filepath.Join(inside, "web.xml")); err != nil {
		return err
	}
	entries, err := os.ReadDir(classes)
	if err != nil {
		return err
	}
	for _, each := range entries {
		if err := copyFile(filepath.Join(classes, each.Name()), filepath.Join(inside, "classes", each.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// serverXML is the whole of a node's configuration.
func serverXML(cfg TomcatConfig, tc *Tomcat) string {
	secret := `secretRequired="false"`
	if cfg.Secret != "" {
		secret = fmt.Sprintf("secret=%q", cfg.Secret)
	}
	_, ajpPort, _ := net.SplitHostPort(tc.AJPAddr)
	_, httpPort, _ := net.SplitHostPort(tc.HTTPAddr)
	var more strings.Builder
	for i, attributes := range cfg.More {
		_, port, _ := net.SplitHostPort(tc.MoreAddr[i])
		fmt.Fprintf(&more, "  <Connector port=%q address=\"127.0.0.1\" protocol=\"AJP/1.3\" %s/>\n", port, attributes)
	}
	return fmt.Sprintf(`<Server port="-1">
 <Service name="Catalina">
  <Connector port="%s" address="127.0.0.1" protocol="HTTP/1.1" maxThreads="20" allowTrace="true"/>
  <Connector port="%s" address="127.0.0.1" protocol="AJP/1.3" maxThreads="%d" packetSize="%d" allowTrace="true"
    acceptCount="200" allowedRequestAttributesPattern=".*" %s/>
%s  <Engine name="Catalina" defaultHost="localhost" jvmRoute="%s">
   <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false"/>
  </Engine>
 </Service>
</Server>
`, httpPort, ajpPort, cmp.Or(cfg.MaxThreads, 60), cmp.Or(cfg.PacketSize, 8192), secret, more.String(), cfg.Route)
}

// Start starts tc, for instance again after Kill, and does not wait. A started
// Tomcat stays as it is.
func (tc *Tomcat) Start(t T) {
	t.Helper()
	if tc.process != nil && tc.process.Running() {
		return
	}
	cmd := tc.Host.Command("java", "-Xmx"+tc.memory, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
		"-Djava.net.preferIPv4Stack=true", "-Djava.security.egd=file:/dev/urandom",
		"-Djava.util.logging.config.file="+tc.Base+"/conf/logging.properties",
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED", "--add-opens=java.rmi/sun.rmi.transport=ALL-UNNAMED", // as catalina.sh
		"-DjvmRoute="+tc.Route, "-DNODE_ROUTE="+tc.Route, "-DNODE_ADDRESS="+tc.Host.Addr,
		"-classpath", TomcatHome+"/bin/bootstrap.jar:"+TomcatHome+"/bin/tomcat-juli.jar",
		"-Dcatalina.base="+tc.Base, "-Dcatalina.home="+TomcatHome, "-Djava.io.tmpdir="+tc.Base+"/temp",
		"org.apache.catalina.startup.Bootstrap", "start")
	cmd.Dir = tc.Base
	tc.process = Start(t, "tomcat "+tc.Route, tc.console(), cmd)
}

// Await returns once tc serves HTTP and AJP.
func (tc *Tomcat) Await(t T) {
	t.Helper()
	tc.process.Await(t, serves(tc.Host, tc.HTTPAddr, tc.AJPAddr))
}

// serves returns nil once a node's application answers.
func serves(host netns.Host, http1, ajp string) func() error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return host.Dial(network, addr, 5*time.Second)
		},
	}}
	return func() error {
		answer, err := client.Get("http://" + http1 + "/demo/api")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", answer.Status)
		}
		return accepts(host, ajp)()
	}
}

// Kill ends tc at once, as kill -9 does.
func (tc *Tomcat) Kill() { tc.process.Kill() }

// Stop ends tc in order.
func (tc *Tomcat) Stop(t T) {
	t.Helper()
	tc.process.Stop(t, syscall.SIGTERM, 20*time.Second)
}

// Process is tc's process.
func (tc *Tomcat) Process() *Process { return tc.process }

// Pid is tc's process.
func (tc *Tomcat) Pid() int { return tc.process.Pid() }

func (tc *Tomcat) console() string { return filepath.Join(tc.Base, "logs/console") }

// Log is what tc has logged, also before a Kill.
func (tc *Tomcat) Log(t T) string {
	t.Helper()
	return logOf(t, tc.console())
}

// Complaints are the warnings and errors that tc has logged, but for those with
// a word of allowed.
func (tc *Tomcat) Complaints(t T, allowed ...string) []string {
	t.Helper()
	var all []string
lines:
	for l := range strings.Lines(tc.Log(t)) {
		if !strings.Contains(l, " WARNING ") && !strings.Contains(l, " SEVERE ") {
			continue
		}
		for _, word := range allowed {
			if strings.Contains(l, word) {
				continue lines
			}
		}
		all = append(all, l)
	}
	return all
}

// Executions returns how often the servlet was run for each id, also before a
// Kill.
func (tc *Tomcat) Executions() (map[string]int, error) {
	counts := map[string]int{}
	file, err := os.Open(filepath.Join(tc.Base, "executions"))
	if os.IsNotExist(err) {
		return counts, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		counts[strings.TrimSpace(lines.Text())]++
	}
	return counts, lines.Err()
}
