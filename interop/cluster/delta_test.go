package cluster

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

// A node is a Tomcat or a Go node on its host.
type node struct {
	t    *testing.T
	host netns.Host
	cmd  *exec.Cmd
	log  string // file
}

func (n *node) run(env string) {
	n.t.Helper()
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if env != "" {
		n.cmd.Env = append(os.Environ(), env)
	}
	out, err := os.Create(n.log + ".out")
	if err != nil {
		n.t.Fatal(err)
	}
	defer out.Close()
	n.cmd.Stdout, n.cmd.Stderr = out, out
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = n.cmd.Wait()
		if n.t.Failed() {
			out, _ := os.ReadFile(n.log + ".out")
			log, _ := os.ReadFile(n.log)
			n.t.Logf("%s:\n%s%s", n.host.Addr, out, log)
		}
	})
}

func startGo(t *testing.T, host netns.Host, route string) *node {
	t.Helper()
	n := &node{t: t, host: host, cmd: host.Command(os.Args[0], "-test.run=^$"), log: filepath.Join(t.TempDir(), "log")}
	n.run(nodeEnv + "=" + route)
	return n
}

const serverXML = `<Server port="-1"><Service name="Catalina">
 <Connector port="8080" address="%[1]s" protocol="HTTP/1.1"/>
 <Engine name="Catalina" defaultHost="localhost" jvmRoute="%[2]s">
  <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster">
   <Manager className="org.apache.catalina.ha.session.DeltaManager" expireSessionsOnShutdown="false" notifyListenersOnReplication="true"/>
   <Channel className="org.apache.catalina.tribes.group.GroupChannel">
    <Membership className="org.apache.catalina.tribes.membership.McastService"/>
    <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="%[1]s" port="4000"/>
    <Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpFailureDetector"/>
    <Interceptor className="org.apache.catalina.tribes.group.interceptors.MessageDispatchInterceptor"/>
   </Channel>
   <Valve className="org.apache.catalina.ha.tcp.ReplicationValve"/>
   <Valve className="org.apache.catalina.ha.session.JvmRouteBinderValve"/>
   <ClusterListener className="org.apache.catalina.ha.session.ClusterSessionListener"/>
  </Cluster>
  <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false"/>
 </Engine>
</Service></Server>
`

func startTomcat(t *testing.T, host netns.Host, route string) *node {
	t.Helper()
	base := t.TempDir()
	classes := filepath.Join(base, "webapps/shop/WEB-INF/classes")
	for _, folder := range []string{"conf", "logs", "temp", "work", "webapps/shop/WEB-INF/classes"} {
		if err := os.MkdirAll(filepath.Join(base, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"conf/web.xml":     `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"/>`,
		"conf/context.xml": `<Context/>`, "conf/server.xml": fmt.Sprintf(serverXML, host.Addr, route),
		"conf/logging.properties": "handlers = java.util.logging.FileHandler\njava.util.logging.FileHandler.pattern=${catalina.base}/logs/all.log\n" +
			"java.util.logging.FileHandler.append=true\njava.util.logging.FileHandler.formatter=org.apache.juli.OneLineFormatter\n.level=INFO\n",
		"webapps/shop/WEB-INF/web.xml": `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"><distributable/>` +
			`<servlet><servlet-name>s</servlet-name><servlet-class>Shop</servlet-class></servlet>` +
			`<servlet-mapping><servlet-name>s</servlet-name><url-pattern>/</url-pattern></servlet-mapping></web-app>`,
	} {
		if err := os.WriteFile(filepath.Join(base, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("javac", "--release", "17", "-encoding", "UTF-8", "-cp", peer.TomcatHome+"/lib/servlet-api.jar", "-d", classes, "testdata/Shop.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	n := &node{t: t, host: host, log: filepath.Join(base, "logs/all.log")}
	n.cmd = host.Command("java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Djava.net.preferIPv4Stack=true",
		"-Djava.security.egd=file:/dev/urandom", "-Djava.util.logging.config.file="+base+"/conf/logging.properties",
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"-classpath", peer.TomcatHome+"/bin/bootstrap.jar:"+peer.TomcatHome+"/bin/tomcat-juli.jar",
		"-Dcatalina.base="+base, "-Dcatalina.home="+peer.TomcatHome, "-Djava.io.tmpdir="+base+"/temp", "org.apache.catalina.startup.Bootstrap", "start")
	n.cmd.Dir = base
	n.run("")
	return n
}

// ask sends a request with a session id, and returns the id afterwards and the
// answer.
func (n *node) ask(id, op string, more ...string) (newID, answer string) {
	n.t.Helper()
	q := url.Values{"op": {op}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	args := []string{"-s", "-S", "-i", "-m", "10", "http://" + n.host.Addr + ":8080/shop/?" + q.Encode()}
	if id != "" {
		args = append(args, "-H", "Cookie: JSESSIONID="+id)
	}
	out, err := n.host.Command("curl", args...).CombinedOutput()
	if err != nil {
		return id, fmt.Sprint(err, ": ", string(out))
	}
	head, body, _ := strings.Cut(string(out), "\r\n\r\n")
	if _, after, ok := strings.Cut(head, "Set-Cookie: JSESSIONID="); ok {
		id, _, _ = strings.Cut(after, ";")
	}
	return id, body
}

// await waits until an answer is want.
func (n *node) await(id, want string, limit time.Duration) {
	n.t.Helper()
	got := ""
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, got = n.ask(id, "dump"); got == want {
			return
		}
	}
	n.t.Fatalf("%s: the session is\n%s\nwant\n%s", n.host.Addr, got, want)
}

// complaints are the warnings and errors in a Tomcat's log.
func (n *node) complaints() (all []string) {
	text, err := os.ReadFile(n.log)
	if err != nil {
		n.t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if strings.Contains(l, " WARNING ") || strings.Contains(l, " SEVERE ") {
			all = append(all, l)
		}
	}
	return all
}

const thing = "outer[1, -2, 3]true5(inner[1, -2, 3]true5(null))"

// known is what both sides say of what both know.
func known(count int, text string) string {
	return fmt.Sprintf("bool=java.lang.Boolean:true\nbytes=[B:[0, 1, -1]\ncount=java.lang.Integer:%d\ndate=java.util.Date:1700000000123\n"+
		"double=java.lang.Double:2.5\n%slist=java.util.ArrayList:[x, 7]\nlong=java.lang.Long:1099511627776\nmap=java.util.HashMap:{k=9}\n"+
		"string=java.lang.String:%s\n", count, "%s", text)
}

const hello = "hälNULlo 😀"

// One session is created on a Tomcat, changed on a Go node and read on the
// Tomcat, and another the other way; a node of each kind that starts later has
// both. What Go does not know comes back equal.
func TestDelta(t *testing.T) {
	net := netns.New(t, 4)
	tomcat := startTomcat(t, net.Hosts[0], "t1")
	tomcat.await("", "none\n", 60*time.Second)
	goes := startGo(t, net.Hosts[1], "g1")
	goes.await("", "none\n", 20*time.Second)
	time.Sleep(time.Second)

	javaSays := func(count int, text string) string {
		return fmt.Sprintf(known(count, text), "linked=java.util.LinkedList:[a, b]\n") + "thing=Shop$Thing:" + thing + "\n"
	}
	goSays := func(count int, text string) string {
		return fmt.Sprintf(known(count, text), "linked=java.util.ArrayList:[a, b]\n") + "thing=Shop$Thing:outer\n"
	}
	id, got := tomcat.ask("", "fill")
	if want := javaSays(42, hello); got != want {
		t.Fatalf("Tomcat says\n%s\nwant\n%s", got, want)
	}
	time.Sleep(500 * time.Millisecond)
	moved, got := goes.ask(id, "count")
	if want := goSays(43, hello); got != want {
		t.Fatalf("the Go node says\n%s\nwant\n%s", got, want)
	}
	if want := strings.TrimSuffix(id, ".t1") + ".g1"; moved != want {
		t.Errorf("the id %s became %s, want %s", id, moved, want)
	}
	moved, _ = goes.ask(moved, "set", "name", "string", "value", "from Go")
	time.Sleep(500 * time.Millisecond)
	back, got := tomcat.ask(moved, "count")
	if want := javaSays(44, "from Go"); got != want || back != id {
		t.Fatalf("Tomcat says of %s\n%s\nwant of %s\n%s", back, got, id, want)
	}

	own, _ := goes.ask("", "fill")
	time.Sleep(500 * time.Millisecond)
	there, got := tomcat.ask(own, "count")
	if want := fmt.Sprintf(known(43, hello), ""); got != want {
		t.Fatalf("Tomcat says of a session of Go\n%s\nwant\n%s", got, want)
	}
	time.Sleep(500 * time.Millisecond)
	_, got = goes.ask(there, "remove", "name", "list")
	if want := strings.Replace(fmt.Sprintf(known(43, hello), ""), "list=java.util.ArrayList:[x, 7]\n", "", 1); got != want {
		t.Fatalf("the Go node says\n%s\nwant\n%s", got, want)
	}

	late := startGo(t, net.Hosts[2], "g2")
	late.await("", "none\n", 20*time.Second)
	if _, got := late.ask(back, "dump"); got != goSays(44, "from Go") {
		t.Errorf("a Go node that starts later says\n%s", got)
	}
	lateTomcat := startTomcat(t, net.Hosts[3], "t2")
	lateTomcat.await("", "none\n", 60*time.Second)
	last, got := lateTomcat.ask(strings.Replace(back, ".t1", ".g2", 1), "rotate")
	if want := javaSays(44, "from Go"); got != want {
		t.Errorf("a Tomcat that starts later says\n%s\nwant\n%s", got, want)
	}
	time.Sleep(500 * time.Millisecond)
	if _, got := late.ask(last, "invalidate"); got != "none\n" {
		t.Errorf("invalidated: %s", got)
	}
	time.Sleep(500 * time.Millisecond)
	for _, n := range []*node{tomcat, goes, late, lateTomcat} {
		if _, got := n.ask(last, "dump"); got != "none\n" {
			t.Errorf("%s: after the end\n%s", n.host.Addr, got)
		}
	}
	for _, n := range []*node{tomcat, lateTomcat} {
		if bad := n.complaints(); len(bad) > 0 {
			t.Errorf("a Tomcat complains:\n%s", bad)
		}
	}
}
