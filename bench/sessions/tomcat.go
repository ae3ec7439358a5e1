package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const tomcatHome = "/usr/share/tomcat10"

// heap is how large the heap of a Tomcat may become: enough for the sessions,
// and for all of them on their way to a node that joins.
const heap = "512m"

const webXML = `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"><distributable/>
 <listener><listener-class>Bench</listener-class></listener>
 <servlet><servlet-name>s</servlet-name><servlet-class>Bench</servlet-class></servlet>
 <servlet-mapping><servlet-name>s</servlet-name><url-pattern>/*</url-pattern></servlet-mapping></web-app>
`

// compile compiles the application for Tomcat into a folder.
func compile(dir string) error {
	out, err := exec.Command("javac", "-nowarn", "--release", "17", "-cp", tomcatHome+"/lib/servlet-api.jar", "-d", dir, filepath.Join(testdata(), "Bench.java")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("javac: %w\n%s", err, out)
	}
	return nil
}

// testdata is the folder of this program's files, from the top of the tree or
// from its own folder.
func testdata() string {
	if _, err := os.Stat("testdata/Bench.java"); err == nil {
		return "testdata"
	}
	return "bench/sessions/testdata"
}

// tomcatNode fills CATALINA_BASE and returns the command of a Tomcat. The JVM
// has its default options but for the size of its heap, and but for a quick
// run, in which it starts sooner.
func tomcatNode(base, classes string, quick bool, s nodeSettings) ([]string, error) {
	inside := filepath.Join(base, "webapps", contextPath, "WEB-INF")
	for _, folder := range []string{filepath.Join(base, "conf"), filepath.Join(base, "logs"), filepath.Join(base, "temp"), filepath.Join(base, "work"), inside} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Symlink(classes, filepath.Join(inside, "classes")); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		filepath.Join(base, "conf/web.xml"):     `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"/>`,
		filepath.Join(base, "conf/context.xml"): `<Context><Resources allowLinking="true"/></Context>`,
		filepath.Join(base, "conf/server.xml"):  s.serverXML(),
		filepath.Join(base, "conf/logging.properties"): "handlers = java.util.logging.ConsoleHandler\n.level=INFO\n" +
			"java.util.logging.ConsoleHandler.formatter=org.apache.juli.OneLineFormatter\n",
		filepath.Join(inside, "web.xml"): webXML,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	command := []string{"java", "-Xmx" + heap}
	if quick {
		command = append(command, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
	}
	return append(command,
		"-Djava.net.preferIPv4Stack=true", "-Djava.security.egd=file:/dev/urandom",
		"-Djava.util.logging.config.file="+base+"/conf/logging.properties",
		"-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
		"-classpath", tomcatHome+"/bin/bootstrap.jar:"+tomcatHome+"/bin/tomcat-juli.jar",
		"-Dcatalina.base="+base, "-Dcatalina.home="+tomcatHome, "-Djava.io.tmpdir="+base+"/temp",
		"org.apache.catalina.startup.Bootstrap", "start",
	), nil
}
