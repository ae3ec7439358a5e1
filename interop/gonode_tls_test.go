package interop

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/interop/peer"
)

// tellTLS answers with what a node in Go knows of its client.
func tellTLS(w http.ResponseWriter, r *http.Request) {
	told := ajp.FromContext(r.Context())
	a := told.Attributes
	line := func(name string, value any) { fmt.Fprintf(w, "%s=%v\n", name, value) }
	line("tls", r.TLS != nil)
	if r.TLS != nil {
		line("version", tls.VersionName(r.TLS.Version))
		line("suite", tls.CipherSuiteName(r.TLS.CipherSuite))
		for _, c := range r.TLS.PeerCertificates {
			line("certificate", c.Subject.CommonName)
		}
	}
	line("cipher", a.SSLCipher)
	line("keySize", a.SSLKeySize)
	line("protocol", told.SSLProtocol())
	line("remote", strings.HasPrefix(r.RemoteAddr, "127.0.0.1:") && told.RemotePort() > 0)
	line("local", told.LocalAddr())
	line("host", told.ServerName == "main.example" && told.ServerPort > 0)
	line("session", len(a.SSLSession) == 64)
	line("route", a.Route)
	line("activation", told.Activation())
	value, ok := a.RequestAttribute("X_ENV")
	line("env", fmt.Sprintf("%s %v", value, ok))
}

var envNames = regexp.MustCompile("X_ENV")

// TestGoNodeTold: what web servers tell of TLS, of the client and of
// themselves reaches the handler of a node in Go.
func TestGoNodeTold(t *testing.T) {
	node := startNode(t, "JVMRoute-pj001", &ajp.Server{Secret: secret, AllowedRequestAttributes: envNames, Handler: http.HandlerFunc(tellTLS)})
	dir := peer.Folder(t)
	root := certtest.Issue(t, nil, nil, "root", certtest.Authority)
	server := certtest.Issue(t, nil, certtest.RSA(t), "main.example", nil)
	visitor := certtest.Issue(t, &root, nil, "visitor", nil)
	for name, text := range map[string]string{"server.crt": server.CertPEM(), "server.key": server.KeyPEM(t), "root.crt": root.CertPEM()} {
		put(t, filepath.Join(dir, name), text)
	}
	site := peer.LoadModules("ssl", "socache_shmcb") + `SSLSessionCache "shmcb:@DIR@/sessions(512000)"
SSLSessionTickets off
SetEnvIf Request_URI ^ X_ENV=set AJP_X_ENV=set
<VirtualHost 127.0.0.1:@PORT@>
ServerName main.example
SSLEngine on
SSLProtocol -all +TLSv1.2
SSLCertificateFile "@DIR@/server.crt"
SSLCertificateKeyFile "@DIR@/server.key"
SSLCACertificateFile "@DIR@/root.crt"
SSLVerifyClient optional
SSLOptions +StdEnvVars +ExportCertData
`
	byJK := site + "JkEnvVar X_ENV\nJkMount /* lb\n</VirtualHost>\n"
	byProxy := peer.LoadModules("proxy", "proxy_ajp") + site +
		fmt.Sprintf("ProxyPass / ajp://%s/ \"secret=%s\"\n</VirtualHost>\n", node.addr, secret)
	const always = "cipher=ECDHE-RSA-AES128-GCM-SHA256\nkeySize=128\nprotocol=TLSv1.2\nremote=true\nlocal=127.0.0.1\nhost=true\n"
	const jk = "session=true\nroute=JVMRoute-pj001\nactivation=ACT\nenv=set true\n"
	for _, web := range []struct {
		name, site, more string
		start            func(conf string) *peer.Front
	}{
		{"mod_jk", byJK, jk, func(conf string) *peer.Front { return peer.StartHTTPD(t, conf) }},
		{"mod_proxy_ajp", byProxy, "session=true\nroute=\nactivation=\nenv=set true\n", func(conf string) *peer.Front { return peer.StartHTTPD(t, conf) }},
		{"catflap", byJK, jk, func(conf string) *peer.Front { return peer.StartCatflap(t, catflapBinary(t), conf) }},
	} {
		t.Run(web.name, func(t *testing.T) {
			f := front{workers: workersOver(node), site: web.site, dir: dir}
			addr := web.start(f.write(t)).Addr
			for name, certificates := range map[string][]tls.Certificate{"": nil, "certificate=visitor\n": {visitor.TLS()}} {
				config := &tls.Config{
					InsecureSkipVerify: true, ServerName: "main.example", Certificates: certificates,
					CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
				}
				client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
				request, err := http.NewRequest("GET", "https://"+addr+"/x", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Host = "main.example"
				answer, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				want := "tls=true\nversion=TLS 1.2\nsuite=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n" + name + always + web.more
				if err != nil || string(got) != want {
					t.Errorf("got\n%s\nwant\n%s, %v", got, want, err)
				}
			}
		})
	}
}
