package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/catflap/catflap/tribes/interceptor"
)

// TestMistakes: all that is wrong is told at once, each with its line.
func TestMistakes(t *testing.T) {
	cfg := &Config{File: "conf/server.xml", Services: []Service{{
		Connectors: []Connector{
			{Line: 3, Port: 70000}, {Line: 4, Address: "no such name.invalid"}, {Line: 5, Address: "0.0.0.0", AJP: &AJP{}},
			{Line: 6, TLS: &TLS{CertificateFile: "missing.pem"}}, {Line: 7, AJP: &AJP{}}, {Line: 8, Address: "0.0.0.0", AJP: &AJP{Secret: "x"}},
			{Line: 9, Address: "0.0.0.0", AJP: &AJP{SecretNotRequired: true}}, {Line: 9, Address: "::1", AJP: &AJP{}},
		},
		Engine: Engine{DefaultHost: "absent", Hosts: []Host{
			{Line: 20, Name: "one", Aliases: []string{"two"}, NoDeploy: true, Contexts: []Context{{Line: 21, Path: "/x"}, {Line: 22, Path: "/x"}, {Line: 23, Path: "shop"}, {Line: 24, Path: "/a/../b"}}},
			{Line: 30, Name: "TWO", NoDeploy: true}, {Line: 31, Name: "a b", NoDeploy: true, AccessLogs: []AccessLog{{Line: 32, Pattern: "%Q"}}},
		}, Cluster: &Cluster{Line: 40, Filter: "(?!x)", Interceptors: []Interceptor{{Line: 41, Config: 7}, {Line: 42, Config: interceptor.EncryptConfig{Key: "x"}}}}},
	}}}
	_, err := New(cfg, App{Path: "/y"}, App{Path: "/x", Host: "nobody", Handler: say("")}, App{Path: "/z", Handler: say("")}, App{Path: "/x", Host: "one", Handler: say("")}, App{Path: "/x", Handler: say("")})
	if err == nil {
		t.Fatal("no mistake was found")
	}
	text := err.Error()
	for _, want := range []string{
		`conf/server.xml: error: Engine Catalina: there is no Host "absent", which defaultHost names`, "fix: name one of its Hosts: one, TWO, a b",
		`conf/server.xml:3: error: Connector port="70000" is none`, "conf/server.xml:4: error: Connector address=",
		`conf/server.xml:5: error: Connector: AJP at address="0.0.0.0" wants a secret: secretRequired is "true", and the secret is null or ""`,
		"conf/server.xml:6: error: Connector at :0: open missing.pem", `conf/server.xml:22: error: Host one has two Contexts with path="/x"`,
		`conf/server.xml:23: error: Context path "shop" is none`, `conf/server.xml:24: error: Context path "/a/../b" is none`, `conf/server.xml:30: error: two Hosts have the name "TWO"`,
		`conf/server.xml:31: error: Host name "a b" is none`, `conf/server.xml:32: error: AccessLogValve pattern="%Q": %Q is not known`,
		"conf/server.xml:40: error: ReplicationValve filter=", "conf/server.xml:41: error: Interceptor: int is no config", "conf/server.xml:42: error: Interceptor: encryptionKey",
		`error: App "/y" has no Handler`, `error: App "/x" is for Host "nobody", which there is not`, `error: two Apps have the path "/x" on Host one`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not said: %s", want)
		}
	}
	for _, unwanted := range []string{"xml:7:", "xml:8:", "xml:9:", "xml:21:", `"/z"`} {
		if strings.Contains(text, unwanted) {
			t.Errorf("said of what is right: %s", unwanted)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestPortTaken: a port that is in use is told with the line, and nothing runs.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := httpNode(Host{Name: "localhost"})
	cfg.Base = t.TempDir()
	cfg.File, cfg.Services[0].Connectors[0].Line, cfg.Services[0].Connectors[0].Port = "server.xml", 12, l.Addr().(*net.TCPAddr).Port
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Run(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "server.xml:12: error: HTTP/1.1 connector at 127.0.0.1:") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
	if err := n.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("a second Run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Base, "webapps")); err == nil {
		t.Error("a start that failed leaves a folder")
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.EADDRINUSE, "end what listens there (ss -ltnp 'sport = :80' shows it), or else"}, {syscall.EACCES, "ports below 1024 are root's"},
		{&net.OpError{Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}, "this machine does not have the address"}, {net.ErrClosed, "else"},
	} {
		if fix := portFix(test.err, 80, "else"); !strings.HasPrefix(fix, test.want) || !strings.HasSuffix(fix, "else") {
			t.Errorf("%v: %s", test.err, fix)
		}
	}
}
