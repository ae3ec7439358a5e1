package interop

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/web/openssl"
	"github.com/catflap/catflap/interop/peer"
)

// tlsSites have different wishes for clients, each on an address of its own:
// @Pn@ stands for the ports.
const tlsSites = `
LogFormat "%v %>s %u [%{SSL_PROTOCOL}x %{SSL_CIPHER}x %{SSL_CIPHER_USEKEYSIZE}x %{version}c %{cipher}c] [%{SSL_CLIENT_VERIFY}x %{SSL_CLIENT_S_DN}x %{SSL_CLIENT_I_DN}x %{subjectdn}c %{SSL_CLIENT_S_DN_CN}x %{SSL_CLIENT_S_DN_OU}x %{SSL_CLIENT_S_DN_OU_1}x %{SSL_CLIENT_M_SERIAL}x %{SSL_CLIENT_M_VERSION}x %{SSL_CLIENT_V_START}x %{SSL_CLIENT_V_END}x %{SSL_CLIENT_V_REMAIN}x %{SSL_CLIENT_A_KEY}x %{SSL_CLIENT_A_SIG}x %{SSL_CLIENT_SAN_DNS_0}x %{SSL_CLIENT_SAN_Email_0}x %{SSL_CLIENT_CERT_RFC4523_CEA}x] [%{SSL_SERVER_S_DN}x %{SSL_SERVER_SAN_DNS_0}x %{SSL_TLS_SNI}x %{HTTPS}x %{SSL_SESSION_RESUMED}x %{SSL_COMPRESS_METHOD}x]" tls
CustomLog logs/tls_log tls
JkMount /*.do lb
JkOptions +ForwardSSLCertChain
SSLCertificateFile @DIR@/pki/server.crt
SSLCertificateKeyFile @DIR@/pki/server.key
SSLCACertificateFile @DIR@/pki/root.crt
SSLOptions +StdEnvVars +ExportCertData
SSLVerifyDepth 2
SSLSessionCache shmcb:logs/cache(512000)
DocumentRoot @DIR@/htdocs
JkMountCopy All
JkEnvVar SSL_CLIENT_S_DN_CN
JkEnvVar HTTPS none
RequestHeader set X-Verify "%{SSL_CLIENT_VERIFY}s %{SSL_CLIENT_S_DN}s %{SSL_PROTOCOL}e"
Header always set X-HSTS "max-age=1" env=HTTPS
CustomLog logs/https_log "%v %!403>s" env=HTTPS
<Directory @DIR@/htdocs>
    Require all granted
</Directory>
<Location /none>
    SSLOptions -StdEnvVars -ExportCertData
</Location>
<Location /std>
    SSLOptions StdEnvVars
</Location>
<Location /user>
    SSLUserName SSL_CLIENT_S_DN_CN
</Location>
<Location /ssl>
    Require ssl
</Location>
<Location /verified>
    Require ssl-verify-client
</Location>
<Location /only>
    SSLRequireSSL
</Location>
`

// tlsHosts are what comes after ServerName of each host.
var tlsHosts = []struct{ name, text string }{
	{"clear", "SSLEngine off\n"},
	{"optional", "SSLEngine on\nSSLVerifyClient optional\n"},
	{"require", "SSLEngine on\nSSLVerifyClient require\nJkOptions -ForwardSSLCertChain -ForwardKeySize\n"},
	{"anybody", "SSLEngine on\nSSLVerifyClient optional_no_ca\n"},
	{"shallow", "SSLEngine on\nSSLVerifyClient require\nSSLVerifyDepth 1\n"},
	{"revoked", "SSLEngine on\nSSLVerifyClient optional\nSSLCARevocationCheck leaf\nSSLCARevocationFile @DIR@/pki/crl.pem\n"},
	{"old", "SSLEngine on\nSSLProtocol all\nSSLCipherSuite ALL@SECLEVEL=0\nJkExtractSSL Off\n"},
	{"hidden", "SSLEngine on\nSSLOptions -StdEnvVars\nSSLProtocol -all +TLSv1.2\nSSLCipherSuite ECDHE+AESGCM:!AES256\n"},
}

// writeTLS writes certificates and sites, and returns what to put into a
// configuration, with a way to fill in ports.
func writeTLS(t *testing.T, dir string) map[string]tls.Certificate {
	t.Helper()
	folder := filepath.Join(dir, "pki")
	if err := os.MkdirAll(filepath.Join(dir, "htdocs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	root := certtest.Issue(t, nil, nil, "root", certtest.Authority)
	middle := certtest.Issue(t, &root, nil, "middle", certtest.Authority)
	server := certtest.Issue(t, nil, certtest.RSA(t), "server.example", nil)
	person := func(c *x509.Certificate) {
		c.Subject = pkix.Name{Country: []string{"DE"}, Organization: []string{"Tests, all"}, OrganizationalUnit: []string{`Dept "x"`, "Second"}, CommonName: "Zoë Tëst",
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{1, 2, 840, 113549, 1, 9, 1}, Value: "j@example.com"}, {Type: []int{1, 2, 3, 4}, Value: "unknown"}}}
		c.EmailAddresses = []string{"j@example.com"}
		c.SerialNumber.SetString("0abc12", 16)
	}
	direct := certtest.Issue(t, &root, nil, "direct", nil)
	old := certtest.Issue(t, &root, nil, "old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	for name, text := range map[string]string{
		"server.crt": server.CertPEM(), "server.key": server.KeyPEM(t), "root.crt": root.CertPEM(),
		"crl.pem": string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: root.Revoke(t, 1, direct).Raw})),
	} {
		put(t, filepath.Join(folder, name), text)
	}
	return map[string]tls.Certificate{
		"nobody": {}, "direct": direct.TLS(), "below": certtest.Issue(t, &middle, nil, "below", person).TLS(middle), "self": certtest.Issue(t, nil, nil, "self", nil).TLS(),
		"old": old.TLS(), "lonely": certtest.Issue(t, &middle, nil, "lonely", nil).TLS(), "fine": certtest.Issue(t, &root, certtest.RSA(t), "fine", person).TLS(),
	}
}

// TestTLSAsHTTPD: what a servlet and the log are told of TLS, and which clients
// come in, is the same as with httpd and mod_jk.
func TestTLSAsHTTPD(t *testing.T) {
	a, b := nodes(t)
	dir := peer.Folder(t)
	clients := writeTLS(t, dir)
	site := tlsSites
	var ports []string
	for i, h := range tlsHosts {
		_, port, _ := net.SplitHostPort(peer.FreeAddr(t))
		ports = append(ports, port)
		site += fmt.Sprintf("Listen 127.0.0.1:@P%d@\n<VirtualHost 127.0.0.1:@P%d@>\nServerName %s.example\n%s</VirtualHost>\n", i, i, h.name, h.text)
	}
	f := front{dir: dir, workers: balancerOver(a, b), site: peer.LoadModules("ssl", "socache_shmcb", "http2", "headers") + "Protocols h2 http/1.1\n" + site}
	type outcome struct{ answers, log []string }
	var both []outcome
	for _, start := range []func(conf string) *peer.Front{
		func(conf string) *peer.Front { return peer.StartHTTPD(t, conf) },
		func(conf string) *peer.Front { return peer.StartCatflap(t, catflapBinary(t), conf) },
	} {
		one := f
		for i := range ports {
			_, port, _ := net.SplitHostPort(peer.FreeAddr(t))
			one.site = strings.ReplaceAll(one.site, fmt.Sprintf("@P%d@", i), port)
			ports[i] = port
		}
		conf := one.write(t)
		running := start(conf)
		answers := askByTLS(t, ports, clients)
		running.Stop(t)
		var lines []string
		for _, name := range []string{"tls_log", "https_log"} {
			log, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(conf)), "logs", name))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(log)) {
				if !strings.HasSuffix(line, " -\n") || name == "tls_log" {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
		}
		slices.Sort(lines) // two connections end in any order
		both = append(both, outcome{answers, lines})
	}
	for _, what := range []struct {
		name     string
		one, two []string
	}{{"answers", both[0].answers, both[1].answers}, {"log", both[0].log, both[1].log}} {
		if len(what.one) != len(what.two) {
			t.Errorf("%s: %d of httpd, %d of ours", what.name, len(what.one), len(what.two))
		}
		for i := range min(len(what.one), len(what.two)) {
			if what.one[i] != what.two[i] {
				t.Errorf("%s %d:\nhttpd:   %s\ncatflap: %s", what.name, i, what.one[i], what.two[i])
			}
		}
	}
}

// askByTLS asks every host as every client, and returns what came back. Ids of
// sessions are told by their shape.
func askByTLS(t *testing.T, ports []string, clients map[string]tls.Certificate) (answers []string) {
	const query = "?tls=1&attribute=SSL_CLIENT_S_DN_CN&attribute=HTTPS"
	hex := regexp.MustCompile(`tls\.session=[0-9a-f]{64}\n`)
	ask := func(i int, client, path string, change func(*tlsVisitor)) {
		v := &tlsVisitor{t: t, addr: "127.0.0.1:" + ports[i], version: 1, config: tls.Config{Certificates: []tls.Certificate{clients[client]}}}
		if client == "nobody" {
			v.config.Certificates = nil
		}
		if change != nil {
			change(v)
		}
		id := fmt.Sprintf("%s as %s, %s %x HTTP/%d: ", tlsHosts[i].name, client, path, v.config.MaxVersion, v.version)
		p, _, err := v.try(tlsHosts[i].name+".example", path+query)
		if err != nil {
			answers = append(answers, id+"no handshake")
			return
		}
		told := []string{fmt.Sprint(p.status)}
		if p.status != 403 { // httpd sets HTTPS only after access control
			told = append(told, "hsts "+p.header.Get("X-HSTS"))
		}
		for line := range strings.Lines(hex.ReplaceAllString(p.body, "tls.session=ID\n")) {
			for _, name := range []string{"scheme=", "secure=", "remoteUser=", "authType=", "tls.", "protocol=", "attribute.", "header.x-verify="} {
				if strings.HasPrefix(line, name) {
					told = append(told, strings.TrimSpace(line))
				}
			}
		}
		answers = append(answers, id+strings.Join(told, "; "))
	}
	for i, h := range tlsHosts {
		if h.name == "clear" {
			continue
		}
		for _, client := range []string{"nobody", "direct", "below", "self", "old", "lonely", "fine"} {
			ask(i, client, "/x.do", func(v *tlsVisitor) { v.config.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} })
		}
		ask(i, "fine", "/x.do", func(v *tlsVisitor) { v.version = 2 })
		ask(i, "direct", "/x.do", func(v *tlsVisitor) {
			v.config.MaxVersion = tls.VersionTLS12
			v.config.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
		})
		ask(i, "direct", "/x.do", func(v *tlsVisitor) { v.config.MinVersion, v.config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	}
	for _, path := range []string{"/none/x.do", "/std/x.do", "/user/x.do", "/ssl/x.do", "/verified/x.do", "/only/x.do"} {
		ask(1, "nobody", path, nil)
		ask(1, "fine", path, nil)
		ask(3, "self", path, nil)
		clear := newVisitor(t, "127.0.0.1:"+ports[0]).get("clear.example", path+query)
		answers = append(answers, fmt.Sprintf("clear, %s: %d hsts %s secure=%s user=%s cipher=%s verify=%s HTTPS=%s", path, clear.status, clear.header.Get("X-HSTS"),
			clear.field("secure"), clear.field("remoteUser"), clear.field("tls.cipher"), clear.field("header.x-verify"), clear.field("attribute.HTTPS")))
	}
	return answers
}

// TestCipherStrings: what a cipher string chooses is what openssl ciphers says
// of the suites that crypto/tls has.
func TestCipherStrings(t *testing.T) {
	text, err := os.ReadFile("../internal/web/openssl/testdata/ciphers.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, err := openssl.ParseCiphers("ALL@SECLEVEL=0")
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, id := range all.Suites {
		name, _ := openssl.SuiteName(id)
		ours[name] = true
	}
	for line := range strings.Lines(string(text)) {
		spec, _, _ := strings.Cut(strings.TrimSpace(line), " =>")
		if spec == "PROFILE=SYSTEM" { // Red Hat's
			continue
		}
		output, err := exec.Command("openssl", "ciphers", "-s", "-tls1_2", spec).Output()
		if err != nil {
			t.Errorf("openssl ciphers %s: %v", spec, err)
			continue
		}
		want := map[string]bool{}
		for name := range strings.SplitSeq(strings.TrimSpace(string(output)), ":") {
			if ours[name] {
				want[name] = true
			}
		}
		list, err := openssl.ParseCiphers(spec)
		if err != nil || len(list.Suites) != len(want) {
			t.Errorf("%s: %d suites, openssl has %d, %v", spec, len(list.Suites), len(want), err)
		}
		for _, id := range list.Suites {
			if name, _ := openssl.SuiteName(id); !want[name] {
				t.Errorf("%s: %s is not chosen by openssl", spec, name)
			}
		}
	}
}
