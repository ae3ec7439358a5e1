package tribes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

const tomcatHome = "/usr/share/tomcat10"

// A tomcat is a Tomcat that is a member of a group and has no application.
type tomcat struct {
	host  netns.Host
	base  string
	cmd   *exec.Cmd
	ended chan struct{}
}

// A tomcatConfig says what is different from the default of its Cluster.
type tomcatConfig struct {
	Stack      string // names of interceptors; default "detector dispatch"
	Membership string // more attributes
}

// interceptors are Tomcat's elements by the names of stackOf.
var interceptors = map[string]string{
	"dispatch":      `<Interceptor className="org.apache.catalina.tribes.group.interceptors.MessageDispatchInterceptor"/>`,
	"detector":      `<Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpFailureDetector"/>`,
	"ping":          `<Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpPingInterceptor"/>`,
	"gzip":          `<Interceptor className="org.apache.catalina.tribes.group.interceptors.GzipInterceptor"/>`,
	"order":         `<Interceptor className="org.apache.catalina.tribes.group.interceptors.OrderInterceptor"/>`,
	"fragmentation": `<Interceptor className="org.apache.catalina.tribes.group.interceptors.FragmentationInterceptor"/>`,
	"encrypt":       `<Interceptor className="org.apache.catalina.tribes.group.interceptors.EncryptInterceptor" encryptionKey="` + encryptKey + `"/>`,
}

// startTomcat starts a Tomcat on a host; it ends with the test. It does not
// wait until it is a member.
func startTomcat(t *testing.T, host netns.Host, cfg tomcatConfig) *tomcat {
	t.Helper()
	tc := &tomcat{host: host, base: t.TempDir()}
	for _, folder := range []string{"conf", "logs", "temp", "work", "webapps"} {
		if err := os.MkdirAll(filepath.Join(tc.base, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if cfg.Stack == "" {
		cfg.Stack = "detector dispatch"
	}
	var stack strings.Builder
	for _, name := range strings.Fields(cfg.Stack) {
		stack.WriteString("       " + interceptors[name] + "\n")
	}
	for name, text := range map[string]string{
		"web.xml":     `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"/>`,
		"context.xml": `<Context/>`,
		"server.xml":  fmt.Sprintf(serverXML, cfg.Membership, host.Addr, stack.String()),
		"logging.properties": "handlers = java.util.logging.FileHandler\njava.util.logging.FileHandler.pattern=${catalina.base}/logs/all.log\n" +
			"java.util.logging.FileHandler.append=true\njava.util.logging.FileHandler.formatter=org.apache.juli.OneLineFormatter\n.level=INFO\n",
	} {
		if err := os.WriteFile(filepath.Join(tc.base, "conf", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tc.start(t)
	return tc
}

const serverXML = `<Server port="-1">
 <Service name="Catalina">
  <Engine name="Catalina" defaultHost="localhost">
   <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster">
    <Channel className="org.apache.catalina.tribes.group.GroupChannel">
     <Membership className="org.apache.catalina.tribes.membership.McastService" %s/>
     <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="%s" port="4000"/>
%s    </Channel>
   </Cluster>
   <Host name="localhost" appBase="webapps" autoDeploy="false"/>
  </Engine>
 </Service>
</Server>
`

// start starts tc, for instance again after kill.
func (tc *tomcat) start(t *testing.T) {
	t.Helper()
	tc.cmd = tc.host.Command("java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Djava.net.preferIPv4Stack=true",
		"-Djava.security.egd=file:/dev/urandom", "-Djava.util.logging.config.file="+tc.base+"/conf/logging.properties",
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"-classpath", tomcatHome+"/bin/bootstrap.jar:"+tomcatHome+"/bin/tomcat-juli.jar",
		"-Dcatalina.base="+tc.base, "-Dcatalina.home="+tomcatHome, "-Djava.io.tmpdir="+tc.base+"/temp",
		"org.apache.catalina.startup.Bootstrap", "start")
	tc.cmd.Dir = tc.base
	tc.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	console, err := os.OpenFile(filepath.Join(tc.base, "logs/console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	tc.cmd.Stdout, tc.cmd.Stderr = console, console
	if err := tc.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	tc.ended = ended
	go func() {
		_ = tc.cmd.Wait() // a killed one is no news
		close(ended)
	}()
	t.Cleanup(func() {
		tc.kill()
		if t.Failed() {
			t.Logf("tomcat on %s:\n%s", tc.host.Addr, tc.log(t))
		}
	})
}

func (tc *tomcat) kill() {
	_ = syscall.Kill(-tc.cmd.Process.Pid, syscall.SIGKILL)
	<-tc.ended
}

// stop ends tc in order.
func (tc *tomcat) stop(t *testing.T) {
	t.Helper()
	_ = syscall.Kill(tc.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-tc.ended:
	case <-time.After(20 * time.Second):
		t.Errorf("tomcat on %s does not end", tc.host.Addr)
		tc.kill()
	}
}

// log is what tc has logged.
func (tc *tomcat) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tc.base, "logs/all.log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// name is what Tomcat calls the member on a host.
func name(host netns.Host) string {
	return "tcp://{" + strings.ReplaceAll(host.Addr, ".", ", ") + "}:4000"
}

// events are what tc logged of a host, in order: "added", "disappeared".
func (tc *tomcat) events(t *testing.T, host netns.Host) []string {
	t.Helper()
	var all []string
	for l := range strings.Lines(tc.log(t)) {
		if !strings.Contains(l, name(host)) {
			continue
		}
		switch {
		case strings.Contains(l, "Replication member added:"):
			all = append(all, "added")
		case strings.Contains(l, "Received member disappeared:"):
			all = append(all, "disappeared")
		}
	}
	return all
}

// await waits until the events of a host are want.
func (tc *tomcat) await(t *testing.T, host netns.Host, limit time.Duration, want ...string) {
	t.Helper()
	await(t, limit, func() error {
		if got := strings.Join(tc.events(t, host), " "); got != strings.Join(want, " ") {
			return fmt.Errorf("tomcat on %s logged %q of %s, want %q", tc.host.Addr, got, host.Addr, want)
		}
		return nil
	})
}

// complaints are the warnings and errors that tc logged, but for those with a
// word of allowed.
func (tc *tomcat) complaints(t *testing.T, allowed ...string) []string {
	t.Helper()
	var all []string
lines:
	for l := range strings.Lines(tc.log(t)) {
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
