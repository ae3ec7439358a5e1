package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A member is a node of a cluster in virtual time: it has no connectors.
type member struct {
	*Node
	stop func()
	log  *lines
}

// join starts a node of network whose Engine is changed by change, and waits
// until it has the sessions of the others.
func join(t *testing.T, network *tribestest.Network, name string, change func(e *Engine), apps ...App) *member {
	t.Helper()
	m := &member{log: &lines{}}
	e := Engine{Route: name, Hosts: []Host{{Name: "localhost", NoDeploy: true}}, Cluster: &Cluster{
		SendOptions: tribes.OptionAck | tribes.OptionSyncAck, Channel: tribes.Config{Network: network.Node(name)},
	}}
	if change != nil {
		change(&e)
	}
	if len(apps) == 0 {
		apps = []App{{Path: "/shop", Handler: http.HandlerFunc(count)}}
	}
	var err error
	if m.Node, err = New(&Config{Services: []Service{{Engine: e}}, Log: slog.New(slog.NewTextHandler(m.log, nil))}, apps...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(m.stop)
	<-m.Ready()
	return m
}

// click sends a request with a cookie, and returns the body and the cookie
// afterwards.
func (m *member) click(path, cookie string) (body, after string) {
	r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	c := connector{cfg: &Connector{}, engine: m.services[0].engine, log: m.Node.log}
	c.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		cookie, _, _ = strings.Cut(set, ";")
	}
	return w.Body.String(), cookie
}

func (m *member) want(t *testing.T, path, cookie, body, route string) string {
	t.Helper()
	got, cookie := m.click(path, cookie)
	if _, now, _ := strings.Cut(cookie, "."); got != body || now != route {
		t.Errorf("%s: %q with route %q, want %q with %q", path, got, now, body, route)
	}
	return cookie
}

// TestFailover: a session goes on at the other node, whose route it gets, and a
// node that comes later has all of them before it serves.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := join(t, network, "a", nil)
		b := join(t, network, "b", nil)
		cookie := a.want(t, "/shop/", "", "/shop 1", "a")
		cookie = a.want(t, "/shop/", cookie, "/shop 2", "a")
		a.stop()
		cookie = b.want(t, "/shop/", cookie, "/shop 3", "b")
		c := join(t, network, "c", nil)
		if s := c.State(); len(s.Contexts) != 1 || s.Contexts[0] != (ContextState{"localhost", "/shop", true, DeltaManager, 1}) || len(s.Clusters) != 1 || s.Clusters[0].Name != "Catalina" || len(s.Clusters[0].Members) != 1 {
			t.Errorf("state of a late one: %+v", s)
		}
		b.stop()
		c.want(t, "/shop/", cookie, "/shop 4", "c")
		time.Sleep(time.Minute)
		for _, want := range []string{"replication member added", "received member disappeared"} {
			if log := b.log.String(); strings.Count(log, want) != 1+strings.Count(want, "added") {
				t.Errorf("b says %q %d times:\n%s", want, strings.Count(log, want), log)
			}
		}
		once(t, b.log.String())
		if log := c.log.String(); once(t, log) == 0 {
			t.Errorf("no line of c's manager:\n%s", log)
		}
	})
}

// once checks that no line of a log says twice who it is about or what has
// happened, and returns how many are about a context.
func once(t *testing.T, log string) (of int) {
	t.Helper()
	for line := range strings.Lines(log) {
		for _, each := range []string{" context=", " cluster=", " member.addr="} {
			if strings.Count(line, each) > 1 {
				t.Errorf("twice %s in %s", each, line)
			}
		}
		if strings.Contains(line, "member joined") || strings.Contains(line, "member left") {
			t.Errorf("told a second time: %s", line)
		}
		of += strings.Count(line, " context=")
	}
	return of
}

// TestBackup: with a BackupManager one other node has a copy, and any node finds
// the session.
func TestBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		change := func(e *Engine) { e.Cluster.Manager.Kind = BackupManager }
		a, b, c := join(t, network, "a", change), join(t, network, "b", change), join(t, network, "c", change)
		cookie := a.want(t, "/shop/", "", "/shop 1", "a")
		cookie = c.want(t, "/shop/", cookie, "/shop 2", "c")
		cookie = b.want(t, "/shop/", cookie, "/shop 3", "b")
		b.stop()
		cookie = a.want(t, "/shop/", cookie, "/shop 4", "a")
		a.stop()
		c.want(t, "/shop/", cookie, "/shop 5", "c")
		if log := c.log.String(); once(t, log) == 0 {
			t.Errorf("no line of c's manager:\n%s", log)
		}
		if s := c.State(); s.Contexts[0].Manager != BackupManager || s.Contexts[0].Sessions != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestKinds: what a Config says about sessions takes effect.
func TestKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		change := func(e *Engine) {
			e.Cluster.Filter = `.*\.gif`
			e.Hosts[0].Contexts = []Context{
				{Path: "/own", Manager: &Manager{Kind: StandardManager}}, {Path: "/shop", Cookie: session.Cookie{Name: "SHOP"}, MaxInactive: time.Hour},
			}
		}
		apps := []App{
			{Path: "/shop", Handler: http.HandlerFunc(count)}, {Path: "/own", Handler: http.HandlerFunc(count)}, {Path: "/local", LocalSessions: true, Handler: http.HandlerFunc(count)},
			{Path: "/left", MaxInactive: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				was := session.From(r.Context()).MaxInactive()
				session.From(r.Context()).Create()
				fmt.Fprint(w, was)
			})},
		}
		a, b := join(t, network, "a", change, apps...), join(t, network, "b", change, apps...)
		for _, path := range []string{"/own", "/local"} {
			cookie := a.want(t, path, "", path+" 1", "a")
			b.want(t, path, cookie, path+" 1", "b")
		}
		cookie := a.want(t, "/shop/x", "", "/shop 1", "a")
		if !strings.HasPrefix(cookie, "SHOP=") {
			t.Errorf("cookie %s", cookie)
		}
		a.want(t, "/shop/x.gif", cookie, "/shop 2", "a") // nobody is told
		cookie = b.want(t, "/shop/x", cookie, "/shop 2", "b")
		b.want(t, "/shop/x", cookie, "/shop 3", "b")
		_, cookie = a.click("/left", "")
		if body, _ := b.click("/left", cookie); body != "1m0s" {
			t.Errorf("MaxInactive at the other node: %s", body)
		}
	})
}

// TestUnbound: without a JvmRouteBinderValve the id stays.
func TestUnbound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		change := func(e *Engine) { e.Cluster.NotBound = true }
		a, b := join(t, network, "a", change), join(t, network, "b", change)
		cookie := a.want(t, "/shop", "", "/shop 1", "a")
		b.want(t, "/shop", cookie, "/shop 2", "a")
		a.want(t, "/shop", cookie, "/shop 3", "a")
	})
}

// TestHostCluster: a Cluster in a Host is another one than that of the Engine,
// and has names of its own.
func TestHostCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		change := func(e *Engine) {
			of := *e.Cluster
			of.Name = "hosts"
			e.Hosts = append(e.Hosts, Host{Name: "two.example", NoDeploy: true, Cluster: &of})
		}
		apps := []App{{Path: "/shop", Handler: http.HandlerFunc(count)}, {Path: "/shop", Host: "two.example", Handler: http.HandlerFunc(count)}}
		a, b := join(t, network, "a", change, apps...), join(t, network, "b", change, apps...)
		for _, url := range []string{"http://localhost/shop", "http://two.example/shop"} {
			cookie := a.want(t, url, "", "/shop 1", "a")
			b.want(t, url, cookie, "/shop 2", "b")
		}
		if s := a.State(); len(s.Clusters) != 2 || s.Clusters[1].Name != "hosts" {
			t.Errorf("%+v", s)
		}
	})
}
