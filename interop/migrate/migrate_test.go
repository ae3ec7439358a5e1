package migrate

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

func TestMain(m *testing.M) {
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/migrate:", err)
		os.Exit(1)
	}
	os.Exit(leaktest.Checked(m).Run())
}

// A site is the front, a Tomcat and a Go node, each on its host, on the files of
// testdata.
type site struct {
	t      *testing.T
	hosts  []netns.Host // front, Tomcat, Go node
	dir    string       // ServerRoot of the front
	front  *peer.Front
	tomcat *peer.Tomcat
	client *http.Client
}

// file is one of testdata with the addresses of the hosts.
func (s *site) file(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.NewReplacer("192.0.2.11", s.hosts[1].Addr, "192.0.2.21", s.hosts[2].Addr, "192.0.2.1:", s.hosts[0].Addr+":", "@DIR@", s.dir).Replace(string(text))
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// start starts all of it: the Go node last, as a site would have it.
func start(t *testing.T) *site {
	s := &site{t: t, hosts: netns.New(t, 3).Hosts, dir: peer.Folder(t)}
	s.startTomcat()
	for _, folder := range []string{"logs", "htdocs"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write(filepath.Join(s.dir, "conf/workers.properties"), s.file("workers.properties"))
	s.mounts("-")
	s.write(filepath.Join(s.dir, "conf/httpd.conf"), s.file("httpd.conf"))
	s.front = peer.StartCatflapOn(t, s.hosts[0], peer.BuildCatflap(t), filepath.Join(s.dir, "conf/httpd.conf"))
	s.client = s.visitor()
	s.tomcat.Process().Await(t, s.has("/shop/", "java /: nobody has logged in\n"))
	s.startCart()
	return s
}

// startCart starts the Go node, and waits until it serves.
func (s *site) startCart() {
	s.t.Helper()
	base := s.t.TempDir()
	program := filepath.Join(base, "cart")
	if out, err := exec.Command("go", "build", "-o", program, "./cart").CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	s.write(filepath.Join(base, "conf/server.xml"), s.file("server.xml"))
	cmd := s.hosts[2].Command(program, filepath.Join(base, "conf/server.xml"))
	cmd.Env = append(os.Environ(), "NODE_ADDRESS="+s.hosts[2].Addr, "NODE_ROUTE=a")
	peer.Start(s.t, "cart", filepath.Join(base, "output"), cmd).Await(s.t, func() error {
		conn, err := s.hosts[2].Dial("tcp", s.hosts[2].Addr+":8009", time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

func (s *site) startTomcat() {
	s.tomcat = peer.NewTomcat(s.t, peer.TomcatConfig{Route: "a", Host: s.hosts[1], ServerXML: s.file("server.xml"), App: peer.NoApp})
	classes := filepath.Join(s.tomcat.Base, "webapps/shop/WEB-INF/classes")
	s.write(filepath.Join(classes, "../web.xml"), s.file("web.xml"))
	s.write(filepath.Join(s.tomcat.Base, "conf/users.xml"), s.file("users.xml"))
	out, err := exec.Command("javac", "--release", "17", "-cp", peer.TomcatHome+"/lib/servlet-api.jar", "-d", classes, "testdata/Shop.java").CombinedOutput()
	if err != nil {
		s.t.Fatalf("javac: %v\n%s", err, out)
	}
	s.tomcat.Start(s.t)
}

// mounts writes uriworkermap.properties; before stands before the line that
// gives the cart to the Go node.
func (s *site) mounts(before string) {
	s.t.Helper()
	text := s.file("uriworkermap.properties")
	line := strings.LastIndex(strings.TrimSpace(text), "\n") + 1
	s.write(filepath.Join(s.dir, "conf/uriworkermap.properties"), text[:line]+before+text[line:])
}

// visitor is somebody with cookies of his own.
func (s *site) visitor() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
		return s.hosts[0].Dial(network, addr, 5*time.Second)
	}}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: transport}
}

// read returns what an answer says.
func read(answer *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func (s *site) url(path string) string { return "http://" + s.front.Addr + path }

// has returns an error unless the page at path says want.
func (s *site) has(path, want string) func() error {
	return func() error {
		if got, err := read(s.client.Get(s.url(path))); err != nil || got != want {
			return fmt.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
		return nil
	}
}

// want wants the page at path to say text.
func (s *site) want(path, text string) {
	s.t.Helper()
	if err := s.has(path, text)(); err != nil {
		s.t.Error(err)
	}
}

// post sends a form, and follows to the page that it leads to.
func (s *site) post(path string, form url.Values, want string) {
	s.t.Helper()
	if got, err := read(s.client.PostForm(s.url(path), form)); err != nil || got != want {
		s.t.Errorf("%s: %q, %v; want %q", path, got, err, want)
	}
}

func (s *site) add(item, price, want string) {
	s.t.Helper()
	s.post("/shop/cart/add", url.Values{"item": {item}, "price": {price}}, want)
}

// reload has the front take other mounts.
func (s *site) reload(before, who string) {
	s.t.Helper()
	s.mounts(before)
	if err := s.front.Signal(); err != nil {
		s.t.Fatal(err)
	}
	other := s.visitor()
	s.front.Await(s.t, func() error {
		got, err := read(other.Get(s.url("/shop/cart/")))
		if err == nil && !strings.HasPrefix(got, who) {
			err = fmt.Errorf("%q", got)
		}
		return err
	})
}

// id is the session's id in the cookie.
func (s *site) id() string {
	at, _ := url.Parse(s.url("/shop/"))
	for _, c := range s.client.Jar.Cookies(at) {
		if c.Name == "JSESSIONID" {
			return c.Value
		}
	}
	return ""
}

// TestMove: the cart of a shop moves to Go and back while somebody is logged in
// and clicks. The page after each click is made by the other node than the one
// that took the click, and has all of it.
func TestMove(t *testing.T) {
	s := start(t)
	login := url.Values{"user": {"ada"}, "password": {"lovelace"}}
	s.post("/shop/login", login, "java /: ada (ada, 5 %) staff=true clicks=null total=null cart=null\n")
	s.add("tea", "2.5", "java /: ada (ada, 5 %) staff=true clicks=1 total=2.5 cart=[tea]\n")
	s.want("/shop/cart/", "java /cart/: ada (ada, 5 %) staff=true clicks=1 total=2.5 cart=[tea]\n")
	id := s.id()

	s.reload("", "java /login: nobody") // Go sends those who are not logged in to the Tomcat
	s.want("/shop/cart/", "go /cart/: ada (ada, 5 %) [staff] clicks=1 total=2.5 cart=[tea]\n")
	cart := "tea"
	for i := range 30 {
		cart += ", " + fmt.Sprint(i)
		s.add(fmt.Sprint(i), "1", fmt.Sprintf("java /: ada (ada, 5 %%) staff=true clicks=%d total=%d.5 cart=[%s]\n", i+2, i+3, cart))
	}
	s.want("/shop/cart/", "go /cart/: ada (ada, 5 %) [staff] clicks=31 total=32.5 cart=["+strings.ReplaceAll(cart, ",", "")+"]\n")
	if now := s.id(); now != id || !strings.HasSuffix(id, ".a") {
		t.Errorf("the id was %s and is %s", id, now)
	}

	s.reload("-", "java /cart/: nobody")
	s.want("/shop/cart/", "java /cart/: ada (ada, 5 %) staff=true clicks=31 total=32.5 cart=["+cart+"]\n")
	s.add("end", "1", "java /: ada (ada, 5 %) staff=true clicks=32 total=33.5 cart=["+cart+", end]\n")

	s.reload("", "java /login: nobody")
	s.want("/shop/cart/", "go /cart/: ada (ada, 5 %) [staff] clicks=32 total=33.5 cart=["+strings.ReplaceAll(cart, ",", "")+" end]\n")
	s.post("/shop/logout", nil, "java /: nobody has logged in\n")
	s.want("/shop/cart/", "java /login: nobody has logged in\n")
	if complaints := s.tomcat.Complaints(t); len(complaints) > 0 {
		t.Errorf("the Tomcat complains:\n%s", complaints)
	}
}
