package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/handshake"
)

// tlsSite is how a site with a certificate of its own speaks TLS. All that it
// is compared by is in setup and auth.
func tlsSite(t *testing.T, name, setup, auth string) *TLS {
	t.Helper()
	cert := certtest.Issue(t, nil, nil, name, nil)
	return &TLS{Handshake: handshake.Config{
		Site: name, Certificates: []tls.Certificate{cert.TLS()}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, Protocols: []string{"h2", "http/1.1"}, Setup: setup, Auth: auth,
	}}
}

// hosts adds virtual hosts to cfg, on all addresses, each with the settings of
// the main server.
func hosts(cfg *Config, names ...string) {
	for _, name := range names {
		s := cfg.Sites[0]
		s.Host = vhost.Host{Name: name, Addresses: []vhost.Address{{}}}
		s.Exchange.Name = name
		cfg.Sites = append(cfg.Sites, s)
	}
}

// secure makes a site TLS.
func (s *Site) secure(how *TLS) { s.TLS, s.Exchange.TLS = how, how != nil }

// over asks for a path by TLS: sni and host may differ. The protocol is
// HTTP/1.1 or HTTP/2.
func (f *fixture) over(t *testing.T, version int, sni, host, path string) (status int, body string) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(version == 1)
	protocols.SetHTTP2(version == 2)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: sni}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", "https://"+f.front.Addresses()[0]+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatalf("SNI %q, Host %q: %v", sni, host, err)
	}
	defer answer.Body.Close()
	if answer.ProtoMajor != version {
		t.Errorf("%s is spoken", answer.Proto)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(text)
}

// TestSNI: which requests a connection may carry is as from httpd 2.4.71 for
// the same settings.
func TestSNI(t *testing.T) {
	for _, test := range []struct {
		policy  SNIPolicy
		asked   string // the Host, with SNI a unless it says otherwise
		noSNI   bool
		sni     string
		status  int
		because string
	}{
		{SNISecure, "a", false, "a", 200, "the same site"},
		{SNISecure, "same", false, "a", 200, "the same settings"},
		{SNISecure, "cert", false, "a", 421, "another certificate"},
		{SNISecure, "auth", false, "a", 421, "another wish for clients"},
		{SNISecure, "off", false, "a", 421, "a site without TLS"},
		{SNISecure, "off", false, "off", 200, "a site without TLS, that SNI named: the first one's certificate does"},
		{SNISecure, "nobody", false, "a", 200, "the first site"},
		{SNISecure, "nobody", false, "cert", 421, "not the first site"},
		{SNISecure, "cert", true, "", 421, "no SNI: the handshake was for the first site"},
		{SNISecure, "same", true, "", 200, "no SNI"},
		{SNISecure, "strict", true, "", 403, "no SNI, where it is wanted"},
		{SNISecure, "strict", false, "a", 200, "SNI of another site"},
		{SNIAuthOnly, "cert", false, "a", 200, "another certificate"},
		{SNIAuthOnly, "auth", false, "a", 421, "another wish for clients"},
		{SNIAuthOnly, "off", false, "a", 421, "a site without TLS"},
		{SNIStrict, "same", false, "a", 421, "another site"},
		{SNIStrict, "a", false, "a", 200, "the same site"},
		{SNIInsecure, "auth", false, "a", 200, "all are fine"},
		{SNIInsecure, "off", false, "a", 200, "all are fine"},
		{SNIInsecure, "strict", true, "", 403, "no SNI, where it is wanted"},
	} {
		f := start(t, echo, func(cfg *Config) {
			cfg.Process.SNIPolicy = test.policy
			hosts(cfg, "a", "same", "cert", "auth", "strict", "off")
			for i, how := range []*TLS{tlsSite(t, "a", "1", "1"), tlsSite(t, "same", "1", "1"), tlsSite(t, "cert", "2", "1"), tlsSite(t, "auth", "1", "2"), tlsSite(t, "strict", "1", "1"), nil} {
				cfg.Sites[1+i].secure(how)
			}
			cfg.Sites[5].TLS.StrictSNI = true
		})
		if status, body := f.over(t, 1, test.sni, test.asked, "/a.html"); status != test.status {
			t.Errorf("policy %d, SNI %q, Host %q, %s: %d, want %d\n%s", test.policy, test.sni, test.asked, test.because, status, test.status, body)
		}
		f.stop(t)
		if told := strings.Contains(f.log(t, "error_log"), "compatible SSL setup for policy '"+test.policy.String()+"'"); told != (test.status == 421) {
			t.Errorf("%s: told %v", test.because, told)
		}
	}
}

// TestTLS: a request by TLS, by both versions of HTTP, and what is in clear on
// an address for TLS.
func TestTLS(t *testing.T) {
	f := start(t, echo, func(cfg *Config) {
		hosts(cfg, "a", "b")
		cfg.Sites[1].secure(tlsSite(t, "a", "1", "1"))
		cfg.Sites[2].secure(tlsSite(t, "b", "2", "1"))
		format, err := accesslog.Parse(`%v %H %>s "%r" %{SSL_PROTOCOL}x %{SSL_TLS_SNI}x %I %O`)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cfg.Sites {
			cfg.Sites[i].Logs.Access = []AccessLog{{Name: filepath.Join(cfg.Process.ServerRoot, "logs/access_log"), Format: format}}
		}
	})
	for version := 1; version <= 2; version++ {
		for _, test := range []struct{ path, want string }{{"/a.html", "a page"}, {"/app/x?y", "node GET /app/x?y "}, {"/none", "sorry"}} {
			if _, body := f.over(t, version, "b", "b", test.path); body != test.want {
				t.Errorf("HTTP/%d %s: %q", version, test.path, body)
			}
		}
	}
	status, _, body := f.ask(t, "GET /a.html HTTP/1.1\r\nHost: b\r\n\r\n")
	if status != "400 Bad Request" || !strings.Contains(body, "speaking plain HTTP to an SSL-enabled server port") {
		t.Errorf("in clear: %s\n%s", status, body)
	}
	f.stop(t)
	log := f.log(t, "access_log")
	for _, want := range []string{
		"b HTTP/1.1 200 \"GET /app/x?y HTTP/1.1\" TLSv1.3 b ", "b HTTP/2.0 200 \"GET /app/x?y HTTP/2.0\" TLSv1.3 b ", "b HTTP/2.0 404 \"GET /none HTTP/2.0\" TLSv1.3 b ",
		"a HTTP/1.1 400 \"GET /a.html HTTP/1.1\" - - ",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no line %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, " 0 ") || strings.Contains(log, " 0\n") {
		t.Errorf("some bytes were not counted:\n%s", log)
	}
	if told := f.log(t, "error_log"); !strings.Contains(told, "AH01996") {
		t.Errorf("the error log does not tell of HTTP in clear:\n%s", told)
	}
}

// TestNeverInClear: a site that is TLS is not served in clear, by an address
// of which the first site is in clear, whatever the request is for.
func TestNeverInClear(t *testing.T) {
	f := start(t, echo, func(cfg *Config) {
		hosts(cfg, "clear", "a")
		cfg.Sites[2].secure(tlsSite(t, "a", "1", "1"))
	})
	for _, path := range []string{"/a.html", "/app/x", "/none", "/status"} {
		if status, _, body := f.ask(t, "GET "+path+" HTTP/1.0\r\nHost: a\r\n\r\n"); status != "403 Forbidden" || !strings.Contains(body, "TLS only") {
			t.Errorf("%s: %s\n%s", path, status, body)
		}
	}
	if status, _, body := f.ask(t, "GET /a.html HTTP/1.0\r\nHost: clear\r\n\r\n"); status != "200 OK" {
		t.Errorf("the site in clear: %s\n%s", status, body)
	}
	if len(f.nodes[0].Requests())+len(f.nodes[1].Requests()) > 0 {
		t.Error("a container saw something")
	}
}

// TestSSLRequireSSL: what only TLS may see.
func TestSSLRequireSSL(t *testing.T) {
	section := vhost.Section{Kind: vhost.Location, Pattern: "/app", Layer: &settings.Layer{SSL: &settings.SSLChange{Required: true}}}
	f := start(t, echo, func(cfg *Config) {
		cfg.Sites[0].Sections.Of = append(cfg.Sites[0].Sections.Of, section)
	})
	if status, _, _ := f.get(t, "/app/x"); status != "403 Forbidden" {
		t.Errorf("in clear: %s", status)
	}
	if status, _, _ := f.get(t, "/a.html"); status != "200 OK" {
		t.Errorf("beside it: %s", status)
	}
}

// TestCertificatesAreRenewed: changed files are taken up without a reload, once
// they stay as they are; with a mistake in them the old ones go on.
func TestCertificatesAreRenewed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert")
	os.WriteFile(file, []byte("1"), 0o600)
	var reads atomic.Int32
	how := tlsSite(t, "old", "1", "1")
	how.Files, how.Interval = []string{file}, 20*time.Millisecond
	how.Read = func() (handshake.Config, error) {
		reads.Add(1)
		text, _ := os.ReadFile(file)
		if string(text) == "broken" {
			return handshake.Config{}, fmt.Errorf("it is broken")
		}
		return tlsSite(t, string(text), "1", "1").Handshake, nil
	}
	f := start(t, echo, func(cfg *Config) {
		hosts(cfg, "a")
		cfg.Sites[1].secure(how)
	})
	shown := func() string {
		conn, err := tls.Dial("tcp", f.front.Addresses()[0], &tls.Config{InsecureSkipVerify: true, ServerName: "a"})
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := shown(); got != "old" {
		t.Fatalf("first %s is shown", got)
	}
	os.WriteFile(file, []byte("new"), 0o600)
	until(t, "the new one is shown", func() bool { return shown() == "new" })
	before := reads.Load()
	os.WriteFile(file, []byte("broken"), 0o600)
	until(t, "the broken one is read", func() bool { return reads.Load() > before })
	if got := shown(); got != "new" {
		t.Errorf("after a mistake %s is shown", got)
	}
	until(t, "the log tells", func() bool {
		log := f.log(t, "error_log")
		return strings.Contains(log, "it is broken") && strings.Contains(log, "were read again")
	})
}

// TestReloadOfTLS: a kept connection takes the new line, is refused if it now
// needs a certificate of the client, and sessions are resumed.
func TestReloadOfTLS(t *testing.T) {
	how := tlsSite(t, "a", "1", "1")
	f := start(t, echo, func(cfg *Config) {
		hosts(cfg, "a")
		cfg.Sites[1].secure(how)
	})
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a", ClientSessionCache: tls.NewLRUClientSessionCache(2)}}}
	defer client.CloseIdleConnections()
	get := func() (status int, resumed bool, body string) {
		r, _ := http.NewRequest("GET", "https://"+f.front.Addresses()[0]+"/a.html", nil)
		r.Host = "a"
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, answer.TLS.DidResume, string(text)
	}
	reload := func(change func(*Site)) {
		t.Helper()
		cfg := *f.cfg
		cfg.Sites = append([]Site(nil), cfg.Sites...)
		change(&cfg.Sites[1])
		if err := f.front.Reload(context.Background(), &cfg); err != nil {
			t.Fatal(err)
		}
	}
	get()
	reload(func(s *Site) {
		s.Translate.DocumentRoot = filepath.Join(f.dir, "nowhere")
		other := *how
		other.Handshake.Setup = "2" // another certificate, say
		s.secure(&other)
	})
	if status, _, body := get(); status != 404 {
		t.Errorf("on the kept connection: %d %s", status, body)
	}
	client.CloseIdleConnections()
	if status, resumed, _ := get(); status != 404 || !resumed {
		t.Errorf("on a new connection: %d, resumed %v", status, resumed)
	}
	reload(func(s *Site) {
		other := *how
		other.Handshake.Auth = "require"
		s.secure(&other)
	})
	if status, _, _ := get(); status != 421 {
		t.Errorf("on a connection whose client was not asked: %d", status)
	}
}

// TestClientCertificate: the user that SSLUserName names is told, the
// certificate itself only where SSLOptions say so.
func TestClientCertificate(t *testing.T) {
	ca := certtest.Issue(t, nil, nil, "ca", certtest.Authority)
	joe := certtest.Issue(t, &ca, nil, "joe", nil)
	f := startTLS(t, echo, func(cfg *Config) {
		s := &cfg.Sites[1]
		s.TLS.Handshake.Client = handshake.ClientAuth{Mode: handshake.ClientRequire, Depth: 1, Roots: []*x509.Certificate{ca.Cert}}
		s.Sections.Server = append(s.Sections.Server, &settings.Layer{SSL: &settings.SSLChange{Set: settings.SSLOptions{StdEnvVars: true}, UserName: "SSL_CLIENT_S_DN_CN"}})
		s.Sections.Of = append(s.Sections.Of, vhost.Section{Kind: vhost.Location, Pattern: "/app/cert", Layer: &settings.Layer{SSL: &settings.SSLChange{Set: settings.SSLOptions{ExportCertData: true}}}})
	})
	client := f.client2(t)
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{joe.TLS()}
	for _, path := range []string{"/app/x", "/app/cert"} {
		answer, err := client.Get(f.url(path))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	for _, n := range f.nodes {
		for _, r := range n.Requests() {
			a := r.Attributes
			if a.RemoteUser != "joe" || a.AuthType != "ClientCert" || a.SSLCipher == "" || a.SSLKeySize < 128 || len(a.SSLSession) != 64 || (a.SSLCert == joe.CertPEM()) != (r.URI == "/app/cert") {
				t.Errorf("%s: %+v", r.URI, a)
			}
		}
	}
}
