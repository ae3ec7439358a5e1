package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
)

// TestSeen: scheme, secure and the proxy's name are as an application and its
// cookie see them.
func TestSeen(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Create()
		at := From(r.Context())
		fmt.Fprint(w, at.Scheme, " ", at.Secure, " ", r.Host, " ", at.Host)
	})
	for _, test := range []struct {
		c    Connector
		want string
	}{
		{Connector{}, "http false any.example:8080 localhost"},
		{Connector{Scheme: "https", Secure: true, ProxyName: "www.example", ProxyPort: 443}, "https true www.example localhost"},
		{Connector{ProxyName: "two.example", ProxyPort: 8443}, "http false two.example:8443 two.example"},
		{Connector{ProxyPort: 81}, "http false any.example:81 localhost"}, {Connector{ProxyPort: 80}, "http false any.example localhost"},
	} {
		cfg := httpNode(Host{Name: "localhost", NoDeploy: true}, Host{Name: "two.example", NoDeploy: true})
		test.c.Address = "127.0.0.1"
		cfg.Services[0].Connectors[0] = test.c
		r := start(t, cfg, App{Path: "", Handler: app}, App{Path: "", Host: "two.example", Handler: app})
		a, body := r.get(t, "/", "Host: any.example:8080")
		if secure := strings.Contains(a.Header.Get("Set-Cookie"), "; Secure"); body != test.want || secure != test.c.Secure {
			t.Errorf("%+v: %q, cookie %q", test.c, body, a.Header.Get("Set-Cookie"))
		}
		r.stop()
	}
}

// TestLimits: what is too much is refused.
func TestLimits(t *testing.T) {
	cfg := httpNode()
	c := &cfg.Services[0].Connectors[0]
	c.MaxPostSize, c.MaxHeaderCount, c.MaxKeepAlive, c.ConnectionTimeout = 10, 5, 2, 300*time.Millisecond
	r := start(t, cfg, App{Path: "/read", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		var large *http.MaxBytesError
		fmt.Fprint(w, n, " ", errors.As(err, &large), " ", err != nil)
	})})
	send := func(request string) string {
		t.Helper()
		conn, err := net.Dial("tcp", r.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(conn, request)
		all, _ := io.ReadAll(conn)
		return string(all)
	}
	const head, form = "POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"
	for _, test := range []struct{ what, request, want string }{
		{"a form", head + form + "Content-Length: 10\r\n\r\n0123456789", "\r\n\r\n10 false false"},
		{"a large form", head + form + "Content-Length: 11\r\n\r\n0123456789a", "\r\n\r\n10 true true"},
		{"another body", head + "Content-Length: 11\r\n\r\n0123456789a", "\r\n\r\n11 false false"},
		{"a body that stalls", head + "Content-Length: 11\r\n\r\n01234", "\r\n\r\n5 false true"},
		{"many headers", "GET /read HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
		{"a long header", "GET /read HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 20000) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"nothing", "", ""}, {"half a head", "GET /read HTTP/1.1\r\nHo", ""},
		{"many requests", strings.Repeat("GET /read HTTP/1.1\r\nHost: x\r\n\r\n", 3), "Connection: close\r\n"},
		{"no Host", "GET /read HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	} {
		got := send(test.request)
		if !strings.Contains(got, test.want) || test.want == "" && strings.Contains(got, " 200 ") {
			t.Errorf("%s: %q", test.what, got)
		}
		if n := strings.Count(got, "HTTP/1.1 200"); test.what == "many requests" && n != 2 {
			t.Errorf("%d answers on a connection", n)
		}
	}
}

// TestThreads: with maxThreads="1" requests run one after the other.
func TestThreads(t *testing.T) {
	cfg := httpNode()
	cfg.Services[0].Connectors[0].MaxThreads = 1
	entered, leave := make(chan bool, 2), make(chan bool)
	r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- true; <-leave })})
	for range 2 {
		go http.Get("http://" + r.Addrs()[0].String() + "/")
	}
	<-entered
	select {
	case <-entered:
		t.Error("two requests run at once")
	case <-time.After(200 * time.Millisecond):
	}
	leave <- true
	<-entered
	leave <- true
}

// TestPanic: a panic is one 500 and one log line.
func TestPanic(t *testing.T) {
	r := start(t, httpNode(), App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, strings.Repeat("x", 10000))
		}
		panic("as asked")
	})})
	if a, body := r.get(t, "/"); a.StatusCode != 500 || strings.Contains(body, "as asked") {
		t.Errorf("%d %q", a.StatusCode, body)
	}
	if log := r.log.String(); strings.Count(log, "as asked") != 1 || strings.Count(log, "level=ERROR") != 1 {
		t.Errorf("log:\n%s", log)
	}
	if a, err := http.Get("http://" + r.Addrs()[0].String() + "/late"); err == nil {
		if _, err := io.ReadAll(a.Body); err == nil {
			t.Error("an answer that was broken off looks whole")
		}
		a.Body.Close()
	}
}

// TestStop: what runs comes to its end, the port is closed meanwhile.
func TestStop(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	r := start(t, httpNode(), App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- true
		<-leave
		io.WriteString(w, "whole")
	})})
	url := "http://" + r.Addrs()[0].String() + "/"
	got := make(chan string)
	go func() {
		a, err := http.Get(url)
		if err != nil {
			got <- err.Error()
			return
		}
		defer a.Body.Close()
		body, _ := io.ReadAll(a.Body)
		got <- string(body)
	}()
	<-entered
	ended := make(chan error)
	go func() { ended <- r.stop() }()
	for {
		c, err := net.Dial("tcp", r.Addrs()[0].String())
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("ended before the request: %v", err)
	default:
	}
	close(leave)
	if body := <-got; body != "whole" {
		t.Errorf("%q", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStuck: an application that does not end keeps the node for a bounded time,
// by HTTP and by AJP.
func TestStuck(t *testing.T) {
	for _, c := range []Connector{{Address: "127.0.0.1"}, {Address: "127.0.0.1", AJP: &AJP{}}} {
		cfg := httpNode()
		cfg.Services[0].Connectors[0] = c
		entered, leave := make(chan bool), make(chan bool)
		r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			entered <- true
			<-leave
		})})
		r.patience = 50 * time.Millisecond
		conn, err := net.Dial("tcp", r.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if c.AJP == nil {
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		} else if err := ajp.NewConn(conn, ajp.DefaultMaxPacket).SendRequest(&ajp.ForwardRequest{Method: "GET", Protocol: "HTTP/1.1", URI: "/", ServerName: "x"}, nil); err != nil {
			t.Fatal(err)
		}
		<-entered
		ended := make(chan error, 1)
		go func() { ended <- r.stop() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("does not end")
		}
		if log := r.log.String(); !strings.Contains(log, "requests were broken off") || strings.Contains(log, "it is left behind") != (c.AJP != nil) {
			t.Errorf("log:\n%s", log)
		}
		close(leave)
	}
}

// TestTLS: requests by TLS are https, with what PEM files have, and what is in
// clear gets nothing.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pair := certtest.Issue(t, nil, nil, "localhost", nil)
	write(t, filepath.Join(dir, "cert.pem"), pair.CertPEM())
	write(t, filepath.Join(dir, "key.pem"), pair.KeyPEM(t))
	write(t, filepath.Join(dir, "both.pem"), pair.KeyPEM(t)+pair.CertPEM())
	for _, test := range []struct {
		cfg  TLS
		most uint16 // of the client
		good bool
	}{
		{TLS{CertificateFile: "cert.pem", KeyFile: "key.pem"}, tls.VersionTLS13, true}, {TLS{CertificateFile: "both.pem"}, tls.VersionTLS12, true},
		{TLS{CertificateFile: "cert.pem", KeyFile: "key.pem", Protocols: []string{"TLSv1.3"}}, tls.VersionTLS12, false},
	} {
		cfg := httpNode()
		cfg.Base = dir
		cfg.Services[0].Connectors[0].TLS = &test.cfg
		r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session.From(r.Context()).Create()
			fmt.Fprint(w, From(r.Context()).Scheme, " ", From(r.Context()).Secure, " ", r.TLS != nil)
		})})
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: test.most}}
		a, err := (&http.Client{Transport: transport}).Get("https://" + r.Addrs()[0].String() + "/")
		if err == nil != test.good {
			t.Errorf("%+v: %v", test.cfg, err)
		}
		if err == nil {
			body, _ := io.ReadAll(a.Body)
			a.Body.Close()
			if string(body) != "https true true" || !strings.Contains(a.Header.Get("Set-Cookie"), "; Secure") || a.Proto != "HTTP/1.1" {
				t.Errorf("%q, %v, %s", body, a.Header, a.Proto)
			}
		}
		if a, err := http.Get("http://" + r.Addrs()[0].String() + "/"); err == nil {
			if a.StatusCode != 400 {
				t.Errorf("in clear: %s", a.Status)
			}
			a.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		r.stop()
	}
}

// TestShutdownPort: only the word ends the node.
func TestShutdownPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cfg := httpNode()
	cfg.Shutdown = Shutdown{Address: "127.0.0.1", Port: port, Command: "GO HOME"}
	r := start(t, cfg)
	for _, command := range []string{"SHUTDOWN\r\n", "GO HOME NOW", "", strings.Repeat("x", 5000), "GO HOME\r\n"} {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, command)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-r.ended:
	case <-ctx.Done():
		t.Fatal("does not end")
	}
	if log := r.log.String(); strings.Count(log, "wrong shutdown command") != 4 || strings.Count(log, "a valid shutdown command") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// TestAccessLog: lines are in Tomcat's form, those of a request that is refused,
// too, and all are there at the end.
func TestAccessLog(t *testing.T) {
	cfg := httpNode(Host{Name: "localhost", NoDeploy: true, AccessLogs: []AccessLog{
		{Prefix: "host.", DateFormat: "%Y-%m-%d", Suffix: ".log", Pattern: `%a %H %m %p %q %s %S %u %U %v %b %B %{User-Agent}i %{X-Out}o %{c}c %{who}s %{sec}t %{yyyy}t %% %r`},
	}})
	cfg.Base = t.TempDir()
	cfg.Services[0].Engine.AccessLogs = []AccessLog{{}}
	r := start(t, cfg, App{Path: "/shop", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Out", "o")
		session.From(r.Context()).Set("who", "ada")
		session.From(r.Context()).SetPrincipal(&session.Principal{Name: "ada l"})
		io.WriteString(w, "hello")
	})})
	a, _ := r.get(t, "/shop/a%20b?x=1", "User-Agent: \"me\"\té", "Cookie: c=v")
	id, _, _ := strings.Cut(strings.TrimPrefix(a.Header.Get("Set-Cookie"), "JSESSIONID="), ";")
	r.get(t, "/none", "Host: example.com:8080", "User-Agent: x")
	r.do(t, http.MethodHead, "/none", "Host: h")
	now := time.Now()
	r.stop()
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(cfg.Base, "logs", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	got := read("host." + now.Format("2006-01-02") + ".log")
	_, port, _ := net.SplitHostPort(r.Addrs()[0].String())
	want := "127.0.0.1 HTTP/1.1 GET " + port + " ?x=1 200 " + id + ` ada l /shop/a%20b 127.0.0.1 5 5 \"me\"\t\u00c3\u00a9 o v ada `
	if len(got) != 3 || !strings.HasPrefix(got[0], want) || !strings.HasSuffix(got[0], now.Format(" 2006")+" % GET /shop/a%20b?x=1 HTTP/1.1") {
		t.Errorf("%q\nwant %s", got, want)
	}
	if len(got) == 3 && !strings.HasPrefix(got[1], "127.0.0.1 HTTP/1.1 GET 8080 - 404 - - /none example.com ") {
		t.Errorf("%q", got[1])
	}
	common := read("access_log")
	if fields := strings.Fields(common[0]); len(common) != 3 || !strings.HasSuffix(common[2], `"HEAD /none HTTP/1.1" 404 -`) || len(fields) != 11 || fields[2] != "ada" || fields[8] != `HTTP/1.1"` || fields[9] != "200" {
		t.Errorf("common: %q", common)
	}
}

// TestReceiver: an address that this machine does not have ends the start, with
// words.
func TestReceiver(t *testing.T) {
	cfg := httpNode()
	cfg.File = "server.xml"
	cfg.Services[0].Engine.Cluster = &Cluster{Line: 10, Channel: tribes.Config{Address: netip.MustParseAddr("192.0.2.1")}}
	n, err := New(cfg, App{Path: "/shop", Handler: say("")})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "server.xml:10: error: Cluster Catalina: ") || !strings.Contains(err.Error(), "fix: give <Receiver> the address of this machine") {
		t.Errorf("%v", err)
	}
	if addrs := n.Addrs(); addrs != nil {
		t.Errorf("it listens at %v", addrs)
	}
}

// TestAJP: what the web server tells is what the application sees.
func TestAJP(t *testing.T) {
	cfg := httpNode()
	cfg.Services[0].Connectors = []Connector{{Address: "127.0.0.1", AJP: &AJP{Secret: "word"}}}
	r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Create()
		fmt.Fprint(w, r.RemoteAddr, " ", peer(r), " ", From(r.Context()).Scheme, " ", From(r.Context()).Secure)
	})})
	for secret, want := range map[string]string{"word": "192.0.2.7:0 127.0.0.1 https true", "other": "Forbidden\n"} {
		status, body, cookie := askAJP(t, r.Addrs()[0].String(), secret)
		if body != want || status == 200 != strings.Contains(cookie, "; Secure; HttpOnly") {
			t.Errorf("%s: %d %q, cookie %q", secret, status, body, cookie)
		}
	}
}

// askAJP asks a connector as a web server does whose client came by TLS.
func askAJP(t *testing.T, addr, secret string) (status int, body, cookie string) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	web := ajp.NewConn(nc, ajp.DefaultMaxPacket)
	defer web.Close()
	web.SetDeadline(time.Now().Add(20 * time.Second))
	err = web.SendRequest(&ajp.ForwardRequest{
		Method: "GET", Protocol: "HTTP/1.1", URI: "/", RemoteAddr: "192.0.2.7", ServerName: "shop.example", ServerPort: 443, TLS: true,
		Headers: []ajp.Header{{Name: "Host", Value: "shop.example"}}, Attributes: ajp.Attributes{Secret: secret},
	}, nil)
	for err == nil {
		var m *ajp.Message
		if m, err = web.Receive(); err != nil || m.Prefix == ajp.PrefixEndResponse {
			break
		}
		switch m.Prefix {
		case ajp.PrefixSendHeaders:
			status = m.Headers.Status
			for _, h := range m.Headers.Headers {
				if strings.EqualFold(h.Name, "Set-Cookie") {
					cookie = h.Value
				}
			}
		case ajp.PrefixSendBodyChunk:
			body += string(m.Chunk)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return status, body, cookie
}

// TestTimes: the times of a pattern are written as Java writes them.
func TestTimes(t *testing.T) {
	began := time.Date(2026, 1, 5, 9, 7, 3, 45_000_000, time.FixedZone("CET", 3600))
	e := &entry{call: &call{began: began}, ended: began.Add(1500 * time.Millisecond)}
	for pattern, want := range map[string]string{
		"%t": "[05/Jan/2026:09:07:03 +0100]", "%D %T %{ms}T": "1500000 1 1500", "%{sec}t": "1767600423", "%{msec}t": "1767600423045", "%{msec_frac}t": "045", "%{end:msec_frac}t": "545",
		"%{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}t": "2026-01-05T09:07:03.045+01:00", "%{EEE, d MMM yy h:mm a Z}t": "Mon, 5 Jan 26 9:07 AM +0100", "%{end:H EEEE MMMM}t": "9 Monday January",
		"%{HH 'o''clock'}t": "09 o'clock", "%{begin}t": "[05/Jan/2026:09:07:03 +0100]",
	} {
		p, err := parsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.append(nil, e)); got != want+"\n" {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	for _, wrong := range []string{"%", "%{a", "%{}i", "%Q", "%{x}Q", "%{x}T", "%{x}p"} {
		if _, err := parsePattern(wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}
