package handshake

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// shake lets client and server shake hands, and returns what both say. A byte
// goes each way, so that tickets have arrived.
func shake(t *testing.T, s *Server, choose func(string) *Policy, client *tls.Config) (*Agreement, tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()
	deadline := time.Now().Add(20 * time.Second)
	ours.SetDeadline(deadline)
	theirs.SetDeadline(deadline)
	type outcome struct {
		a   *Agreement
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		a, err := s.Do(ours, choose, true)
		if err == nil {
			a.Conn.Write([]byte("x"))
			a.Conn.Read(make([]byte, 1))
		} else {
			ours.Close()
		}
		done <- outcome{a, err}
	}()
	client = client.Clone()
	client.InsecureSkipVerify = true
	c := tls.Client(theirs, client)
	_, err = c.Read(make([]byte, 1))
	if err == nil {
		c.Write([]byte("y"))
	} else {
		theirs.Close()
	}
	o := <-done
	if o.err == nil && err != nil {
		o.err = err
	}
	return o.a, c.ConnectionState(), o.err
}

func always(p *Policy) func(string) *Policy { return func(string) *Policy { return p } }

// site is a policy's settings with one certificate.
func site(name string, certs ...tls.Certificate) Config {
	return Config{Site: name, Certificates: certs, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
}

func TestAgreement(t *testing.T) {
	ec := certtest.Issue(t, nil, nil, "a.example", nil)
	other := certtest.Issue(t, nil, certtest.RSA(t), "b.example", nil)
	a, b := New(site("a", ec.TLS())), New(site("b", other.TLS()))
	choose := func(name string) *Policy {
		if name == "b.example" {
			return b
		}
		return a
	}
	got, cs, err := shake(t, NewServer(), choose, &tls.Config{ServerName: "B.example"})
	if err != nil {
		t.Fatal(err)
	}
	r := got.TLS
	if got.Policy != b || r.ServerName != "b.example" || r.Protocol != "TLSv1.3" || !strings.HasPrefix(r.Cipher, "TLS_") || r.Bits < 128 ||
		len(r.Session) != 64 || r.Resumed || r.Verified != "NONE" || r.Server != other.Cert {
		t.Errorf("%+v", r)
	}
	if cs.PeerCertificates[0].Subject.CommonName != "b.example" {
		t.Errorf("the client saw %v", cs.PeerCertificates[0].Subject)
	}
	got, _, err = shake(t, NewServer(), choose, &tls.Config{MaxVersion: tls.VersionTLS12})
	if err != nil || got.Policy != a || got.TLS.Protocol != "TLSv1.2" || got.TLS.Cipher != "ECDHE-ECDSA-AES128-GCM-SHA256" || got.TLS.Bits != 128 {
		t.Errorf("without a name, TLS 1.2: %v, %+v", err, got)
	}
	if _, _, err := shake(t, NewServer(), always(nil), &tls.Config{}); !errors.Is(err, errNoPolicy) {
		t.Errorf("no policy: %v", err)
	}
}

// TestCertificateByAlgorithm: of two certificates each client gets one that it
// can use, whatever names are in them.
func TestCertificateByAlgorithm(t *testing.T) {
	ec, rs := certtest.Issue(t, nil, nil, "ec.example", nil), certtest.Issue(t, nil, certtest.RSA(t), "rsa.example", nil)
	p := New(site("a", ec.TLS(), rs.TLS()))
	for _, test := range []struct {
		suite uint16
		want  string
	}{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ec.example"},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "rsa.example"},
	} {
		_, cs, err := shake(t, NewServer(), always(p), &tls.Config{ServerName: "nobody.example", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{test.suite}})
		if err != nil || cs.PeerCertificates[0].Subject.CommonName != test.want {
			t.Errorf("%s: %v, %v", tls.CipherSuiteName(test.suite), cs.PeerCertificates, err)
		}
	}
}

func TestProtocolsAreChosen(t *testing.T) {
	for _, test := range []struct {
		rule          string
		ours, theirs  string
		clientOrder   bool
		want, refused string
	}{
		{"the server's order", "h2 http/1.1", "http/1.1 h2", false, "h2", ""},
		{"the client's order", "h2 http/1.1", "http/1.1 h2", true, "http/1.1", ""},
		{"none in common", "http/1.1", "h2 spdy/3", false, "", ""},
		{"the client has none", "h2 http/1.1", "", false, "", ""},
	} {
		cfg := site("a", certtest.Issue(t, nil, nil, "a", nil).TLS())
		cfg.Protocols, cfg.ClientOrder = strings.Fields(test.ours), test.clientOrder
		a, _, err := shake(t, NewServer(), always(New(cfg)), &tls.Config{NextProtos: strings.Fields(test.theirs)})
		if err != nil || a.Protocol != test.want {
			t.Errorf("%s: %q, %v", test.rule, a.Protocol, err)
		}
	}
}

func TestVersionsAndSuites(t *testing.T) {
	cfg := site("a", certtest.Issue(t, nil, nil, "a", nil).TLS())
	for _, test := range []struct {
		rule   string
		change func(*Config)
		client *tls.Config
		want   string // version; empty: no handshake
	}{
		{"only 1.3", func(c *Config) { c.MinVersion = tls.VersionTLS13 }, &tls.Config{MaxVersion: tls.VersionTLS12}, ""},
		{"only 1.2", func(c *Config) { c.MaxVersion = tls.VersionTLS12 }, &tls.Config{}, "TLSv1.2"},
		{"1.0 where it is wanted", func(c *Config) {
			c.MinVersion, c.Suites = tls.VersionTLS10, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, "TLSv1"},
		{"1.0 where it is not", func(*Config) {}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, ""},
		{"a suite that is not offered", func(*Config) {}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, ""},
		{"no suite of 1.2", func(c *Config) { c.Suites = nil }, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, ""},
		{"another group", func(c *Config) { c.Groups = []tls.CurveID{tls.CurveP521} }, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, ""},
	} {
		one := cfg
		test.change(&one)
		a, _, err := shake(t, NewServer(), always(New(one)), test.client)
		got := ""
		if err == nil {
			got = a.TLS.Protocol
		}
		if got != test.want {
			t.Errorf("%s: %q, %v", test.rule, got, err)
		}
	}
}

// TestSessionsAreResumed: the id stays, also over a change of the policy's
// certificates, but not at another site, with other settings for clients, with
// other keys, when it is too old, or with SSLSessionTickets off.
func TestSessionsAreResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := site("a", certtest.Issue(t, nil, nil, "a", nil).TLS())
		for _, test := range []struct {
			rule    string
			first   func(*Config)
			second  func(*Config)
			server  bool // another server the second time
			resumed bool
		}{
			{"the same", nil, nil, false, true},
			{"the certificate was renewed", nil, func(c *Config) { c.Certificates = []tls.Certificate{certtest.Issue(t, nil, nil, "a", nil).TLS()} }, false, true},
			{"another site", nil, func(c *Config) { c.Site = "b" }, false, false},
			{"other wishes for clients", nil, func(c *Config) { c.Auth = "require" }, false, false},
			{"too old", nil, func(c *Config) { c.Sessions.Life = time.Nanosecond }, false, false},
			{"off", func(c *Config) { c.Sessions.Off = true }, func(c *Config) { c.Sessions.Off = true }, false, false},
			{"no tickets, but a cache", func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, false, true},
			{"a cache, of another site", func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, func(c *Config) { c.Site, c.Sessions.Off, c.Sessions.Cache = "b", true, 1<<20 }, false, false},
			{"a cache, another server", func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, true, false},
			{"a cache without room", func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 300 }, func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 300 }, false, false},
			{"a ticket is no key of a cache", nil, func(c *Config) { c.Sessions.Off, c.Sessions.Cache = true, 1<<20 }, false, false},
			{"another server", nil, nil, true, false},
			{"another server with the same key", func(c *Config) { c.Sessions.Key = []byte("key") }, func(c *Config) { c.Sessions.Key = []byte("key") }, true, true},
		} {
			one, two := cfg, cfg
			if test.first != nil {
				test.first(&one)
			}
			if test.second != nil {
				test.second(&two)
			}
			s := NewServer()
			client := &tls.Config{ServerName: "a", MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
			a, _, err := shake(t, s, always(New(one)), client)
			if err != nil {
				t.Fatal(err)
			}
			if test.server {
				s = NewServer()
			}
			if test.rule == "too old" {
				time.Sleep(1100 * time.Millisecond) // a ticket counts seconds
			}
			b, _, err := shake(t, s, always(New(two)), client)
			if err != nil {
				t.Fatalf("%s: %v", test.rule, err)
			}
			if b.TLS.Resumed != test.resumed || (a.TLS.Session == b.TLS.Session) != test.resumed {
				t.Errorf("%s, %x: resumed %v, session %s then %s", test.rule, version, b.TLS.Resumed, a.TLS.Session, b.TLS.Session)
			}
			if !test.resumed {
				continue
			}
			c, _, err := shake(t, s, always(New(two)), client)
			if err != nil || !c.TLS.Resumed || c.TLS.Session != a.TLS.Session {
				t.Errorf("%s, %x: the third: %v, %+v", test.rule, version, err, c)
			}
		}
	}
}

// TestCacheIsBounded: the oldest go, and what is there is found.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	state := make([]byte, 400)
	first := c.put(state, 10_000)
	if c.get(first) == nil || c.get([]byte("short")) != nil || c.get(make([]byte, 32)) != nil {
		t.Error("what is kept is not found, or something else is")
	}
	var last []byte
	for range 1000 {
		last = c.put(state, 10_000)
		if n := len(c.fresh) + len(c.stale); n > 20 {
			t.Fatalf("%d sessions of 500 bytes are kept", n)
		}
	}
	if c.get(first) != nil || c.get(last) == nil {
		t.Error("not the oldest went")
	}
}

func TestSetHoldsFromNowOn(t *testing.T) {
	p := New(site("a", certtest.Issue(t, nil, nil, "old", nil).TLS()))
	p.Set(site("a", certtest.Issue(t, nil, nil, "new", nil).TLS()))
	_, cs, err := shake(t, NewServer(), always(p), &tls.Config{})
	if err != nil || cs.PeerCertificates[0].Subject.CommonName != "new" {
		t.Errorf("%v, %v", cs.PeerCertificates, err)
	}
}
