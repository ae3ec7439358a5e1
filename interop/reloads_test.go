package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/interop/load"
	"github.com/catflap/catflap/interop/peer"
)

// manyReloads is how many reloads there are, one each pause.
func manyReloads() (reloads int, pause time.Duration) {
	if os.Getenv("CATFLAP_FULL") != "" {
		return 100, 600 * time.Millisecond
	}
	return 15, 600 * time.Millisecond
}

// A changing is a configuration that is another one after each reload: with and
// without a worker, a virtual host and a Listen; sometimes with a mistake.
type changing struct {
	conf, dir string
	a, b      *peer.Tomcat // through relays
	more      *peer.Tomcat // b again, through another
	addr      string       // the Listen that stays
	other     string       // the one that comes and goes
	secure    string       // one by TLS, which stays
	base      string       // the text of httpd.conf, up to what changes
}

func newChanging(t *testing.T, a, b, more *peer.Tomcat) *changing {
	t.Helper()
	c := &changing{a: a, b: b, more: more, dir: peer.Folder(t), other: peer.FreeAddr(t), secure: peer.FreeAddr(t)}
	files := filepath.Join(c.dir, "files")
	if err := errors.Join(os.Mkdir(files, 0o755), os.WriteFile(filepath.Join(files, "big"), make([]byte, 1<<20), 0o644)); err != nil {
		t.Fatal(err)
	}
	c.conf = front{workers: c.workers(true), dir: c.dir, site: `LogLevel info
MaxKeepAliveRequests 0
DocumentRoot @DIR@
<Directory @DIR@>
Require all granted
</Directory>
JkMount /* lb
JkMount /manager manager
JkUnMount /files/* lb
JkMountFile conf/uri.properties
JkMountFileReload 1
<VirtualHost *:*>
ServerName 127.0.0.1
JkMountFile conf/uri.properties
</VirtualHost>
` + byHTTP2(t, c.dir, c.secure)}.write(t)
	text, err := os.ReadFile(c.conf)
	if err != nil {
		t.Fatal(err)
	}
	c.base = string(text)
	c.write(t, "uri.properties", "/filed/*=lb\n")
	return c
}

// byHTTP2 is a site at addr that speaks HTTP/2, and what it wants; its
// certificate is in dir.
func byHTTP2(t *testing.T, dir, addr string) string {
	cert := certtest.Issue(t, nil, nil, "127.0.0.1", nil)
	put(t, filepath.Join(dir, "site.pem"), cert.CertPEM()+cert.KeyPEM(t))
	return peer.LoadModules("ssl", "http2") + `JkMountCopy All
Listen ` + addr + ` https
<VirtualHost ` + addr + `>
ServerName 127.0.0.1
SSLEngine on
SSLCertificateFile ` + dir + `/site.pem
Protocols h2
</VirtualHost>
`
}

// clientOfHTTP2 returns a client that speaks nothing else, and how many
// connections it has made.
func clientOfHTTP2() (*http.Client, *atomic.Int64) {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	dialled := new(atomic.Int64)
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}}, dialled
}

// workers is workers.properties, with or without the worker that comes and
// goes. It is b's node again.
func (c *changing) workers(more bool) string {
	text := balancerOver(c.a, c.b)
	if more {
		host, port, _ := strings.Cut(c.more.AJPAddr, ":")
		text += fmt.Sprintf("worker.list=more\nworker.more.host=%s\nworker.more.port=%s\nworker.more.secret=%s\n", host, port, secret)
	}
	return text
}

func (c *changing) write(t *testing.T, name, text string) {
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.conf), name), []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

// change writes the next configuration. It reports whether it has a mistake.
func (c *changing) change(t *testing.T, random *rand.Rand) (mistake bool) {
	text := c.base
	more := random.IntN(2) == 0
	if more {
		text += "JkMount /more/* more\n"
	}
	if random.IntN(2) == 0 {
		text += "Listen " + c.other + "\n"
	}
	if random.IntN(2) == 0 {
		text += "<VirtualHost *:*>\nServerName toggle.example\nRedirect / http://gone.example/\n</VirtualHost>\n"
	}
	if mistake = random.IntN(8) == 0; mistake {
		text += "Nonsense here\n"
	}
	c.write(t, "workers.properties", c.workers(more))
	c.write(t, "httpd.conf", text)
	worker := [...]string{"lb", c.a.Route, c.b.Route}[random.IntN(3)]
	c.write(t, "uri.properties", "/filed/*="+worker+"\n")
	return mistake
}

// mixed is a load that meets everything that changes.
func (c *changing) mixed(name string, length time.Duration) load.Config {
	cfg := visitors(c.addr, name, c.b.Route, length)
	plain, check := cfg.Request, cfg.Check
	path := func(i int) string {
		switch i % 20 {
		case 1:
			return "/more/page?sleep=100"
		case 3:
			return "/filed/page?sleep=30"
		case 5:
			return "/files/big"
		case 9:
			return "/toggled"
		}
		return ""
	}
	cfg.Request = func(i int) (*http.Request, error) {
		if path(i) == "" {
			return plain(i)
		}
		request, err := http.NewRequest("GET", "http://"+c.addr+path(i), nil)
		if err == nil && i%20 == 9 {
			request.Host = "toggle.example"
		}
		return request, err
	}
	cfg.Check = func(i int, answer *http.Response, body []byte) error {
		switch {
		case path(i) == "":
			return check(i, answer, body)
		case i%20 == 5 && len(body) != 1<<20:
			return fmt.Errorf("%d bytes of the file", len(body))
		case answer.StatusCode == 200, i%20 == 9 && answer.StatusCode == 302:
			return nil
		}
		return errors.New(answer.Status)
	}
	return cfg
}

// upload sends a body in small parts over seconds until ctx is done, again and
// again, and fails the test if one does not arrive whole. It returns how many
// arrived.
func (c *changing) upload(t *testing.T, ctx context.Context) (arrived int) {
	part := bytes.Repeat([]byte("upload "), 4000)
	const parts = 20
	sum := sha256.Sum256(bytes.Repeat(part, parts))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		from, to := io.Pipe()
		go func() {
			for range parts {
				to.Write(part)
				time.Sleep(100 * time.Millisecond)
			}
			to.Close()
		}()
		answer, err := client.Post("http://"+c.addr+"/upload", "application/octet-stream", from)
		if err != nil {
			t.Errorf("an upload failed: %v", err)
			from.Close()
			return arrived
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := fmt.Sprintf("body.length=%d\nbody.sha256=%x\n", parts*len(part), sum); err != nil || answer.StatusCode != 200 || !strings.HasPrefix(string(body), want) {
			t.Errorf("an upload got %s, %v: %.200s", answer.Status, err, body)
			return arrived
		}
		arrived++
	}
	return arrived
}

// keep asks on one connection of the Listen that comes and goes until ctx is
// done. It returns how often.
func (c *changing) keep(t *testing.T, ctx context.Context) (asked int) {
	conn, err := net.Dial("tcp", c.other)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for ; ctx.Err() == nil; asked++ {
		fmt.Fprintf(conn, "GET /kept HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := http.ReadResponse(answers, nil)
		if err != nil || answer.StatusCode != 200 {
			t.Errorf("on the kept connection, after %d answers: %v, %v", asked, answer, err)
			return asked
		}
		io.Copy(io.Discard, answer.Body)
		time.Sleep(50 * time.Millisecond)
	}
	return asked
}

// keepStreams asks by HTTP/2 until ctx is done, three at once on one
// connection. It returns how often.
func (c *changing) keepStreams(t *testing.T, ctx context.Context) (asked int) {
	client, dialled := clientOfHTTP2()
	defer client.CloseIdleConnections()
	for ; ctx.Err() == nil; asked++ {
		var three sync.WaitGroup
		for range 3 {
			three.Go(func() {
				answer, err := client.Get("https://" + c.secure + "/stream?sleep=40")
				if err != nil {
					t.Errorf("on a stream, after %d rounds: %v", asked, err)
					return
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				if err != nil || answer.StatusCode != 200 || answer.ProtoMajor != 2 || !strings.Contains(string(body), "scheme=https") {
					t.Errorf("on a stream, after %d rounds: %s %s, %v", asked, answer.Proto, answer.Status, err)
				}
			})
		}
		three.Wait()
	}
	if n := dialled.Load(); n > 3 { // those that began before the first was there
		t.Errorf("%d connections of HTTP/2: a reload has ended one", n)
	}
	return asked
}

// elected is how often members of lb were chosen, and what the operator
// changed.
func elected(t *testing.T, addr string) (count int, factor string) {
	t.Helper()
	_, body := fetch(t, "http://"+addr+"/manager?mime=prop&cmd=list")
	for _, found := range regexp.MustCompile(`(?m)^worker\.\S+\.elected=(\d+)$`).FindAllStringSubmatch(body, -1) {
		n, _ := strconv.Atoi(found[1])
		count += n
	}
	if found := regexp.MustCompile(`(?m)^worker\.JVMRoute-pj001\.lbfactor=(\d+)$`).FindStringSubmatch(body); found != nil {
		factor = found[1]
	}
	if count == 0 && factor == "" {
		t.Fatalf("the status page:\n%s", body)
	}
	return count, factor
}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestReloads: reload after reload, most with a change, some with a mistake,
// some two at once, under 400 requests a second with uploads in flight.
// Nothing fails; connections to the nodes, counters, what the operator changed
// and the connections of clients stay; memory and descriptors do not grow.
func TestReloads(t *testing.T) {
	reloads, pause := manyReloads()
	length := time.Duration(reloads) * pause
	first, second := nodes(t)
	a, relayA := before(t, first)
	b, relayB := before(t, second)
	more, _ := before(t, second)
	c := newChanging(t, a, b, more)
	binary := catflapBinary(t)
	os.WriteFile(c.conf, []byte(c.base+"Listen "+c.other+"\n"), 0o644)
	t.Setenv("GODEBUG", "gctrace=1")
	server := peer.StartCatflap(t, binary, c.conf)
	c.addr = server.Addr
	if status, body := fetch(t, "http://"+c.addr+"/manager?mime=prop&cmd=update&w=lb&sw="+a.Route+"&vwf=3"); status != 200 || !strings.Contains(body, "result.type=OK") {
		t.Fatalf("the operator's change: %d %s", status, body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var others sync.WaitGroup
	uploads, asked, rounds := make([]int, 3), 0, 0
	for i := range uploads {
		others.Go(func() { uploads[i] = c.upload(t, ctx) })
	}
	others.Go(func() { asked = c.keep(t, ctx) })
	others.Go(func() { rounds = c.keepStreams(t, ctx) })
	warm := load.Summarize(load.Run(ctx, c.mixed("warm", 2*time.Second)), time.Second)
	if warm.Failed > 0 {
		t.Fatalf("before the first reload: %v", warm)
	}
	connections := relayA.accepted.Load() + relayB.accepted.Load()
	counted, _ := elected(t, c.addr)
	loaded := make(chan []load.Outcome, 1)
	go func() { loaded <- load.Run(t.Context(), c.mixed("reloads", length)) }()
	early := c.reloadOften(t, server, binary, reloads, pause)
	outcomes := <-loaded
	calm := load.Summarize(load.Run(t.Context(), c.mixed("calm", 3*time.Second)), time.Second) // what a slow moment left has ended
	late := usageOf(t, server)
	if calm.Failed > 0 {
		t.Errorf("after the last reload: %v", calm)
	}
	since := relayA.accepted.Load() + relayB.accepted.Load() - connections
	after, factor := elected(t, c.addr)
	cancel()
	others.Wait()
	failed := 0
	for _, o := range outcomes {
		if o.Err != nil {
			if failed++; failed <= 10 {
				t.Logf("request %d, due at %v, after %v: %v", o.Index, o.Due, o.Latency, o.Err)
			}
		}
	}
	summary := load.Summarize(outcomes, time.Second)
	t.Logf("%d reloads: %v; uploads %v; %d answers on the kept connection, %d rounds of HTTP/2; %d connections to the nodes before, %d more since", reloads, summary, uploads, asked, rounds, connections, since)
	t.Logf("early: %v; at the end: %v", early, late)
	if failed > 0 || len(outcomes) < 400*int(length.Seconds()) {
		t.Errorf("%d of %d requests failed", failed, len(outcomes))
	}
	for _, n := range append(uploads, asked/20, rounds/20) {
		if n < int(length.Seconds())/5 {
			t.Errorf("uploads %v, %d answers on the kept connection, %d rounds of HTTP/2: too few to tell", uploads, asked, rounds)
		}
	}
	// A reload that dropped the nodes' connections would make several anew,
	// each time. Some come with the load: as many as requests were under way at
	// once, which are many where the machine is slow.
	most := int64(underWay(outcomes))
	if since > connections+most+2*int64(reloads) {
		t.Errorf("%d connections before, %d more since, for at most %d requests at once", connections, since, most)
	}
	if got := after - counted; got < len(outcomes)*7/10 {
		t.Errorf("the counters have %d of %d requests", got, len(outcomes))
	}
	if factor != "3" {
		t.Errorf("the operator's lbfactor is %s now", factor)
	}
	if late.resident > early.resident*5/4+8<<10 || late.live > early.live+4 || late.descriptors > early.descriptors+80+int(since) {
		t.Errorf("it grows: %v, then %v", early, late)
	}
}

// underWay is how many of outcomes were under way at once, at most.
func underWay(outcomes []load.Outcome) int {
	most := 0
	for i, o := range outcomes {
		n := 1
		for _, before := range outcomes[max(0, i-2000):i] { // 5 s
			if before.Due+before.Latency > o.Due {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// reloadOften reloads and measures what the server takes after a fifth of it.
func (c *changing) reloadOften(t *testing.T, server *peer.Front, binary string, reloads int, pause time.Duration) (early usage) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	next := time.NewTicker(pause)
	defer next.Stop()
	for n := range reloads {
		<-next.C
		if n == reloads/5 {
			early = usageOf(t, server)
		}
		mistake := c.change(t, random)
		var both sync.WaitGroup
		for range 1 + n%5/4 {
			both.Go(func() {
				stdout, stderr, code := peer.RunCatflap(t, binary, "reload", "-f", c.conf)
				if (code != 0) != mistake || mistake != strings.Contains(stderr, "Invalid command 'Nonsense'") {
					t.Errorf("reload %d, mistake %v: exit code %d\n%s%s", n, mistake, code, stdout, stderr)
				}
			})
		}
		both.Wait()
	}
	return early
}
