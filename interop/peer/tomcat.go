package peer

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const tomcatHome = "/usr/share/tomcat10"

// A TomcatConfig says what a Tomcat is like. A zero field means its default.
type TomcatConfig struct {
	Route      string // jvmRoute; required
	Secret     string // of the AJP connector; empty wants none
	PacketSize int    // packetSize of it; default 8192
	MaxThreads int    // of it; default 60
	Memory     string // the most heap, as java's -Xmx; default "160m"
	Classes    string // the compiled webapp, of Compile; default: compiles it

	More []string // the attributes of more AJP connectors, without port and address
}

// A Tomcat is one node with the webapp of testdata as ROOT and as /demo.
type Tomcat struct {
	AJPAddr  string // IP:port
	HTTPAddr string // IP:port
	Base     string // CATALINA_BASE
	Route    string
	MoreAddr []string // IP:port of each connector of TomcatConfig.More
	memory   string
	process  *process
}

// StartTomcat starts a Tomcat on free ports and waits until it serves.
func StartTomcat(t T, cfg TomcatConfig) *Tomcat {
	t.Helper()
	tc := &Tomcat{
		AJPAddr: FreeAddr(t), HTTPAddr: FreeAddr(t), Base: t.TempDir(), Route: cfg.Route,
		memory: cmp.Or(cfg.Memory, "160m"),
	}
	for range cfg.More {
		tc.MoreAddr = append(tc.MoreAddr, FreeAddr(t))
	}
	classes := cfg.Classes
	if classes == "" {
		classes = Compile(t)
	}
	if err := tc.write(cfg, classes); err != nil {
		t.Fatalf("tomcat %s: %v", cfg.Route, err)
	}
	tc.Start(t)
	tc.Await(t)
	return tc
}

// Compile compiles the webapp's servlet and returns the folder of its class.
func Compile(t T) string {
	t.Helper()
	top, err := root()
	if err != nil {
		t.Fatalf("%v", err)
	}
	to := t.TempDir()
	run(t, exec.Command("javac", "--release", "17", "-cp", tomcatHome+"/lib/servlet-api.jar", "-d", to,
		filepath.Join(top, "interop/testdata/webapp/WEB-INF/classes/Echo.java")))
	return to
}

// write fills CATALINA_BASE.
func (tc *Tomcat) write(cfg TomcatConfig, classes string) error {
	top, err := root()
	if err != nil {
		return err
	}
	for _, folder := range []string{"conf", "logs", "temp", "work"} {
		if err := os.MkdirAll(filepath.Join(tc.Base, folder), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"context.xml", "catalina.properties", "jaspic-providers.xml"} {
		if err := copyFile(filepath.Join(tomcatHome, "etc", name), filepath.Join(tc.Base, "conf", name)); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"web.xml":    `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"/>`,
		"server.xml": serverXML(cfg, tc),
		"logging.properties": "handlers = java.util.logging.ConsoleHandler\n.level=INFO\n" +
			"java.util.logging.ConsoleHandler.formatter=org.apache.juli.OneLineFormatter\n",
	} {
		if err := os.WriteFile(filepath.Join(tc.Base, "conf", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, app := range []string{"ROOT", "demo"} {
		inside := filepath.Join(tc.Base, "webapps", app, "WEB-INF")
		if err := os.MkdirAll(filepath.Join(inside, "classes"), 0o755); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(top, "interop/testdata/webapp/WEB-INF/web.xml"), filepath.Join(inside, "web.xml")); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(classes, "Echo.class"), filepath.Join(inside, "classes/Echo.class")); err != nil {
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
	if tc.process != nil && tc.process.running() {
		return
	}
	cmd := exec.Command("java", "-Xmx"+tc.memory, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
		"-Djava.net.preferIPv4Stack=true", "-Djava.security.egd=file:/dev/urandom",
		"-Djava.util.logging.config.file="+tc.Base+"/conf/logging.properties",
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"-DjvmRoute="+tc.Route,
		"-classpath", tomcatHome+"/bin/bootstrap.jar:"+tomcatHome+"/bin/tomcat-juli.jar",
		"-Dcatalina.base="+tc.Base, "-Dcatalina.home="+tomcatHome, "-Djava.io.tmpdir="+tc.Base+"/temp",
		"org.apache.catalina.startup.Bootstrap", "start")
	cmd.Dir = tc.Base
	tc.process = start(t, "tomcat "+tc.Route, filepath.Join(tc.Base, "logs/console"), cmd)
}

// Await returns once tc serves HTTP and AJP.
func (tc *Tomcat) Await(t T) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tc.process.await(t, func() error {
		answer, err := client.Get("http://" + tc.HTTPAddr + "/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", answer.Status)
		}
		return accepts(tc.AJPAddr)()
	})
}

// Kill ends tc at once, as kill -9 does.
func (tc *Tomcat) Kill() { tc.process.kill() }

// Stop ends tc in order.
func (tc *Tomcat) Stop(t T) {
	t.Helper()
	tc.process.stop(t, syscall.SIGTERM, 15*time.Second)
}

// Pid is tc's process.
func (tc *Tomcat) Pid() int { return tc.process.cmd.Process.Pid }

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
