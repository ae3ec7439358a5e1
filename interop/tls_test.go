package interop

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/interop/scenario"
)

// put writes a file that only root may read.
func put(t *testing.T, name, text string) {
	t.Helper()
	fresh := name + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, name); err != nil {
		t.Fatal(err)
	}
}

// newTLSStage is the scenario with its sites by TLS, too; tlsAddr is where.
func newTLSStage(t *testing.T) (s stage, tlsAddr string) {
	t.Helper()
	a, b := nodes(t)
	tlsAddr = peer.FreeAddr(t)
	conf, err := scenario.Write(peer.Folder(t), scenario.Places{Front: peer.FreeAddr(t), TLS: tlsAddr, A: a.AJPAddr, B: b.AJPAddr, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(conf)
	for name, cert := range map[string]certtest.Issued{
		"site-a": certtest.Issue(t, nil, nil, siteA, nil), "site-a.rsa": certtest.Issue(t, nil, certtest.RSA(t), siteA, nil),
	} {
		put(t, filepath.Join(dir, name+".crt"), cert.CertPEM())
		put(t, filepath.Join(dir, name+".key"), cert.KeyPEM(t))
	}
	siteB := certtest.Issue(t, nil, nil, siteB, nil)
	put(t, filepath.Join(dir, "site-b.pem"), siteB.CertPEM()+siteB.KeyPEM(t))
	return stage{conf, a, b}, tlsAddr
}

// A tlsVisitor asks a front for pages by TLS.
type tlsVisitor struct {
	t       *testing.T
	addr    string
	version int // of HTTP: 1 or 2
	config  tls.Config
}

// get asks a site; its name is also that of SNI, unless config has one. It
// returns what was shown, too.
func (v *tlsVisitor) get(site, path string) (page, *tls.ConnectionState) {
	v.t.Helper()
	p, state, err := v.try(site, path)
	if err != nil {
		v.t.Fatalf("GET https://%s%s: %v", site, path, err)
	}
	return p, state
}

func (v *tlsVisitor) try(site, path string) (page, *tls.ConnectionState, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(v.version == 1)
	protocols.SetHTTP2(v.version == 2)
	config := v.config.Clone()
	config.InsecureSkipVerify = true
	if config.ServerName == "" {
		config.ServerName = site
	}
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", "https://"+v.addr+path, nil)
	if err != nil {
		return page{}, nil, err
	}
	r.Host = site
	answer, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		return page{}, nil, err
	}
	defer answer.Body.Close()
	if answer.ProtoMajor != v.version {
		v.t.Errorf("%s was spoken", answer.Proto)
	}
	body, err := io.ReadAll(answer.Body)
	return page{answer.StatusCode, answer.Header, string(body)}, answer.TLS, err
}

// TestTLS goes through the scenario by TLS, with two sites that have
// certificates of their own, by both versions of HTTP.
func TestTLS(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		s, addr := newTLSStage(t)
		front := start(s.conf)
		for version := 1; version <= 2; version++ {
			t.Run(fmt.Sprintf("HTTP %d", version), func(t *testing.T) { scenarioByTLS(&tlsVisitor{t: t, addr: addr, version: version}) })
		}
		t.Run("HTTP in clear", func(t *testing.T) { inClear(t, addr) })
		t.Run("certificates", func(t *testing.T) { certificates(&tlsVisitor{t: t, addr: addr, version: 1}) })
		t.Run("renewal", func(t *testing.T) { renewal(&tlsVisitor{t: t, addr: addr, version: 1}, s, front) })
	})
}

func scenarioByTLS(v *tlsVisitor) {
	for _, site := range []string{siteA, siteB} {
		seen := map[string]int{}
		for range 8 {
			p, state := v.get(site, "/x.do?a=b&tls=1")
			if p.status != 200 || p.field("secure") != "true" || p.field("scheme") != "https" || p.field("serverName") != site || p.field("query") != "a=b&tls=1" {
				v.t.Errorf("%s/x.do: %d\n%s", site, p.status, p.body)
			}
			if site == siteA && (p.field("tls.protocol") != "TLSv1.3" || !strings.HasPrefix(p.field("tls.cipher"), "TLS_") || p.field("tls.keySize") == "null") {
				v.t.Errorf("of TLS the node knows\n%s", p.body)
			}
			if got := state.PeerCertificates[0].Subject.CommonName; got != site {
				v.t.Errorf("%s shows the certificate of %s", site, got)
			}
			seen[p.field("route")]++
		}
		if len(seen) != 2 {
			v.t.Errorf("%s: requests by node: %v", site, seen)
		}
		if p, _ := v.get(site, "/css/site.css"); p.status != 200 || p.header.Get("Content-Type") != "text/css" {
			v.t.Errorf("%s/css/site.css: %d %v", site, p.status, p.header)
		}
	}
	// A name that another site has, on a connection that was made for this one.
	v.config.ServerName = siteA
	if p, _ := v.get(siteB, "/x.do"); p.status != http.StatusMisdirectedRequest {
		v.t.Errorf("SNI %s, Host %s: %d", siteA, siteB, p.status)
	}
	if p, _ := v.get("nobody.example", "/x.do"); p.status != 200 || p.field("serverName") != "nobody.example" {
		v.t.Errorf("SNI %s, Host nobody.example: %d", siteA, p.status)
	}
	v.config.ServerName = ""
	if p, _ := v.get("nobody.example", "/x.do"); p.status != 200 {
		v.t.Errorf("a name that no site has: %d", p.status)
	}
	if p, _ := v.get(siteA, "/css"); p.status != 301 || !strings.HasPrefix(p.header.Get("Location"), "https://"+siteA) {
		v.t.Errorf("%s/css: %d to %s", siteA, p.status, p.header.Get("Location"))
	}
}

// inClear speaks HTTP on the address for TLS.
func inClear(t *testing.T, addr string) {
	for _, request := range []string{"GET /x.do HTTP/1.1\r\nHost: " + siteA + "\r\n\r\n", "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(conn, request)
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 Bad Request\r\n") || !strings.Contains(string(answer), "speaking plain HTTP to an SSL-enabled server port") {
			t.Errorf("%q: %v\n%s", request, err, answer)
		}
	}
}

// certificates wants that of the client's kind, and sessions that are resumed.
func certificates(v *tlsVisitor) {
	v.config.MaxVersion = tls.VersionTLS12
	for _, test := range []struct {
		suite uint16
		kind  string
		name  string
	}{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDSA", "ECDHE-ECDSA-AES128-GCM-SHA256"},
		{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "RSA", "ECDHE-RSA-AES256-GCM-SHA384"},
	} {
		v.config.CipherSuites = []uint16{test.suite}
		p, state := v.get(siteA, "/x.do?tls=1")
		if got := state.PeerCertificates[0].PublicKeyAlgorithm.String(); got != test.kind || p.field("tls.cipher") != test.name || p.field("tls.protocol") != "TLSv1.2" {
			v.t.Errorf("%s: a certificate for %s\n%s", test.name, got, p.body)
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		v.config = tls.Config{MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(2)}
		v.get(siteA, "/x.do")
		if _, state := v.get(siteA, "/x.do"); !state.DidResume {
			v.t.Errorf("%x: the session is not resumed", version)
		}
	}
	// Without tickets the server keeps the session.
	v.config = tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(2)}
	v.get(siteB, "/x.do")
	if _, state := v.get(siteB, "/x.do"); !state.DidResume {
		v.t.Error("the session is not resumed without tickets")
	}
	v.config = tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, _, err := v.try(siteA, "/x.do"); err == nil {
		v.t.Error("TLS 1.1 is spoken")
	}
}

// renewal puts another certificate into the place of site B's. Both take it up
// when they are told; catflap also by itself.
func renewal(v *tlsVisitor, s stage, front *peer.Front) {
	file := filepath.Join(filepath.Dir(s.conf), "site-b.pem")
	for _, told := range []bool{true, false} {
		if !told && front.Name == "httpd" {
			continue
		}
		fresh := certtest.Issue(v.t, nil, nil, siteB, nil)
		put(v.t, file, fresh.CertPEM()+fresh.KeyPEM(v.t))
		if told {
			if err := front.Signal(); err != nil {
				v.t.Fatal(err)
			}
		}
		deadline := time.Now().Add(60 * time.Second)
		for {
			_, state, err := v.try(siteB, "/css/site.css")
			if err == nil && state.PeerCertificates[0].Equal(fresh.Cert) {
				break
			}
			if time.Now().After(deadline) {
				v.t.Fatalf("the new certificate is not shown, told %v: %v", told, err)
			}
			time.Sleep(50 * time.Millisecond) // real servers keep real time
		}
	}
}
