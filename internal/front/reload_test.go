package front

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/worker"
)

// next returns a copy of the settings of f that can be changed.
func (f *fixture) next() *Config {
	c := *f.cfg
	c.Sites = append([]Site(nil), f.cfg.Sites...)
	c.Workers.AJP = append([]worker.Config(nil), f.cfg.Workers.AJP...)
	c.Workers.Balancers = append([]balancer.Config(nil), f.cfg.Workers.Balancers...)
	return &c
}

func (f *fixture) reload(t *testing.T, c *Config) {
	t.Helper()
	if err := f.front.Reload(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// until waits for what.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// TestRefusedReloadChangesNothing: a mistake that is found late leaves the
// pools of the workers that run, which the refused line shared already.
func TestRefusedReloadChangesNothing(t *testing.T) {
	hold := make(chan struct{})
	f := start(t, func(c *ajptest.Call) {
		if c.Request.URI == "/app/slow" {
			<-hold
		}
		echo(c)
	}, nil)
	c := f.next()
	for i := range c.Workers.AJP {
		c.Workers.AJP[i].Pool = worker.Pool{Size: 1, AcquireTimeout: time.Millisecond}
	}
	c.Workers.Balancers[0].Members = []balancer.MemberConfig{{Worker: "n1", Route: "r"}, {Worker: "n2", Route: "r"}}
	goroutines := make(chan string, 10)
	for range 20 {
		if err := f.front.Reload(t.Context(), c); err == nil || !strings.Contains(err.Error(), "share the route r") {
			t.Fatalf("%v", err)
		}
	}
	for range 10 {
		go func() {
			status, _, _ := f.get(t, "/app/slow")
			goroutines <- status
		}()
	}
	until(t, "ten requests at once", func() bool { return f.nodes[0].Count("/app/slow")+f.nodes[1].Count("/app/slow") == 10 })
	close(hold)
	for range 10 {
		if status := <-goroutines; status != "200 OK" {
			t.Errorf("%s: a refused reload made the pools small", status)
		}
	}
}

// TestReloadRemovesWorker: requests at a worker that a reload takes away come
// to their end, also those that wait for one of its connections; then nothing
// of it is left.
func TestReloadRemovesWorker(t *testing.T) {
	hold := make(chan struct{})
	f := start(t, func(c *ajptest.Call) {
		if c.Request.URI == "/old/slow" {
			<-hold
		}
		echo(c)
	}, func(c *Config) {
		c.Workers.AJP = append(c.Workers.AJP, worker.Config{Name: "old", Host: "127.0.0.1", Port: c.Workers.AJP[0].Port, Pool: worker.Pool{Size: 1, AcquireTimeout: 20 * time.Second}})
		c.Sites[0].Translate.Mounts = mount.New([]mount.Rule{{Rule: exchange.Rule{Pattern: "/old/*", Worker: "old"}, Source: mount.JkMount}})
	})
	answers := make(chan string, 3)
	for range 3 { // one is served, two wait for its connection
		go func() {
			status, _, body := f.get(t, "/old/slow")
			answers <- status + " " + body
		}()
	}
	first := f.front.current.Load()
	until(t, "all are inside", func() bool { return first.inside.Load() == 3 && f.nodes[0].Count("/old/slow") == 1 })
	c := f.next()
	c.Workers.AJP = c.Workers.AJP[:2]
	c.Sites[0].Translate.Mounts = mount.New(nil)
	f.reload(t, c)
	if status, _, _ := f.get(t, "/old/x"); !strings.HasPrefix(status, "404") {
		t.Errorf("the mount is still there: %s", status)
	}
	close(hold)
	for range 3 {
		if got := <-answers; !strings.HasPrefix(got, "200 OK node GET /old/slow") {
			t.Errorf("a request that was under way: %q", got)
		}
	}
	until(t, "its connection is closed", func() bool { return f.nodes[0].Open() == 0 })
}

// TestReloadMovesListen: another Listen takes over at once, connections of the
// old one are served on, and requests on them are of the new line.
func TestReloadMovesListen(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Sites[0].Limits.KeepAlive.MaxRequests = 0 })
	conn, err := net.Dial("tcp", f.front.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	answers := bufio.NewReader(conn)
	ask := func(path string) string {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: site.example\r\n\r\n", path)
		status, _ := answers.ReadString('\n')
		length := 0
		for {
			line, err := answers.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			fmt.Sscanf(line, "Content-Length: %d", &length)
			if line == "\r\n" {
				break
			}
		}
		io.CopyN(io.Discard, answers, int64(length))
		return strings.TrimSpace(status)
	}
	if got := ask("/a.html"); got != "HTTP/1.1 200 OK" {
		t.Fatal(got)
	}
	c := f.next()
	c.Listen = []Listen{{Address: "127.0.0.2:0"}}
	c.Sites[0].Translate.Redirects = nil
	c.Sites[0].Translate.DocumentRoot = filepath.Join(f.dir, "htdocs/sub")
	f.reload(t, c)
	if got := f.front.Addresses(); len(got) != 1 || !strings.HasPrefix(got[0], "127.0.0.2:") {
		t.Errorf("it listens on %v", got)
	}
	for range 5 {
		if got := ask("/a.html"); got != "HTTP/1.1 404 Not Found" {
			t.Errorf("on the kept connection: %s", got)
		}
	}
	if _, err := net.Dial("tcp", conn.RemoteAddr().String()); err == nil {
		t.Error("the old address still takes connections")
	}
}

// TestReloadTellsPlaces: every Listen that cannot be opened is told with its
// place.
func TestReloadTellsPlaces(t *testing.T) {
	f := start(t, echo, nil)
	c := f.next()
	c.Listen = append([]Listen{{Address: f.front.Addresses()[0], Place: "httpd.conf:3"}, {Address: "256.0.0.1:1", Place: "httpd.conf:4"}}, c.Listen...)
	err := f.front.Reload(t.Context(), c)
	if err == nil {
		t.Fatal("no mistake")
	}
	for _, want := range []string{"httpd.conf:3: could not bind to address 127.0.0.1:", "httpd.conf:4: could not bind to address 256.0.0.1:1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestReloadChangesUnreadLimits: what holds before a request is read changes
// with a reload, for connections that are there, too.
func TestReloadChangesUnreadLimits(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Sites[0].Limits.Timeout = time.Hour })
	c := f.next()
	c.Sites[0].Limits.Timeout = 100 * time.Millisecond
	f.reload(t, c)
	conn, err := net.Dial("tcp", f.front.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a client that says nothing: %v", err)
	}
}

// TestReloadMovesErrorLog: what the server tells of connections goes to the
// ErrorLog that holds now.
func TestReloadMovesErrorLog(t *testing.T) {
	f := start(t, echo, nil)
	log := slog.New(latest{f.front})
	c := f.next()
	c.Sites[0].Logs.Error.Name = filepath.Join(f.dir, "logs/new_error_log")
	f.reload(t, c)
	log.Error("could not accept", "module", "core")
	if got := f.log(t, "new_error_log"); !strings.Contains(got, "could not accept") {
		t.Errorf("%q", got)
	}
}

// TestReloadKeepsLogsForLateLines: a log that only the old line has stays open
// for lines that wait until their response has left.
func TestReloadKeepsLogsForLateLines(t *testing.T) {
	f := start(t, echo, nil)
	old := f.front.current.Load()
	old.logs.later.Add(1) // as one does whose response leaves slowly
	written := old.logs.access(0)[0].file
	c := f.next()
	c.Sites[0].Logs.Access = nil
	f.reload(t, c)
	time.Sleep(200 * time.Millisecond) // four looks of retire
	written.WriteLine([]byte("late\n"))
	old.logs.later.Add(-1)
	until(t, "the late line is there", func() bool { return strings.Contains(f.log(t, "access_log"), "late\n") })
}

// TestMountFileChangedBeforeTheSwap: a change between the reading of the files
// and the swap is not missed.
func TestMountFileChangedBeforeTheSwap(t *testing.T) {
	read := make(chan struct{}, 100)
	f := start(t, echo, nil)
	file := filepath.Join(f.dir, "uri.properties")
	os.WriteFile(file, nil, 0o644)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	c := f.next()
	c.Sites[0].MountFile = &MountFile{Name: file, Interval: 5 * time.Millisecond, Modified: info.ModTime(), Read: func() (*mount.Map, error) {
		read <- struct{}{}
		return mount.New(nil), nil
	}}
	os.Chtimes(file, time.Now(), info.ModTime().Add(time.Minute))
	f.reload(t, c)
	select {
	case <-read:
	case <-time.After(20 * time.Second):
		t.Error("the change was missed")
	}
}

// TestReloadsAtOnce: many reloads, refused ones among them, and the end, all
// at once, under load: nothing fails, every one has an outcome, and the line
// that runs is one that was asked for.
func TestReloadsAtOnce(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Sites[0].Limits.KeepAlive.MaxRequests = 0 })
	stop := make(chan struct{})
	var load, reloads sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _, body := f.get(t, "/app/x"); status != "200 OK" || !strings.HasPrefix(body, "node GET /app/x") {
					t.Errorf("%s %q", status, body)
					return
				}
			}
		})
	}
	for i := range 4 {
		reloads.Go(func() {
			for n := range 15 {
				c := f.next()
				if (i+n)%3 == 0 {
					c.Listen = append(c.Listen[:1:1], Listen{Address: "256.0.0.1:1"})
				}
				err := f.front.Reload(t.Context(), c)
				if (err != nil) != ((i+n)%3 == 0) {
					t.Errorf("reload: %v", err)
				}
			}
		})
	}
	reloads.Wait()
	close(stop)
	load.Wait()
	until(t, "old lines have ended", func() bool { return f.front.current.Load().inside.Load() == 0 })
	ended := make(chan error, 100)
	for range 20 {
		go func() { ended <- f.front.Reload(t.Context(), f.next()) }()
	}
	f.front.Shutdown(time.Second)
	for range 20 {
		if err := <-ended; err != nil && !errors.Is(err, ErrStopping) {
			t.Errorf("a reload at the end: %v", err)
		}
	}
	f.stop(t)
	if err := f.front.Reload(t.Context(), f.next()); !errors.Is(err, ErrStopping) {
		t.Errorf("a reload after the end: %v", err)
	}
}

// TestReloadMovesWorker: a member in error whose worker is said to be somewhere
// else gets its share at once.
func TestReloadMovesWorker(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Workers.AJP[0].Port = 1 }) // nobody is there
	share := func() int {
		before := f.nodes[0].Count("/app/x")
		for range 10 {
			if status, _, _ := f.get(t, "/app/x"); status != "200 OK" {
				t.Fatal(status)
			}
		}
		return f.nodes[0].Count("/app/x") - before
	}
	share()
	f.reload(t, f.next())
	if n := share(); n != 0 {
		t.Errorf("nobody is there, and answers %d times", n)
	}
	c := f.next()
	c.Workers.AJP[0].Port = f.nodes[0].Port()
	f.reload(t, c)
	if n := share(); n < 4 || n > 6 {
		t.Errorf("at the new place it got %d of 10", n)
	}
}

// footprint is what the process has when nothing is under way.
func footprint(t *testing.T, f *fixture) (goroutines, descriptors int, heap uint64) {
	t.Helper()
	var m runtime.MemStats
	goroutines = -1
	until(t, "the process is at rest", func() bool {
		before := goroutines
		time.Sleep(20 * time.Millisecond)
		goroutines = runtime.NumGoroutine()
		return goroutines == before && f.front.Waits().Requests == 0
	})
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return goroutines, len(open), m.HeapAlloc
}

// TestReloadsLeaveNothing: after a hundred reloads under load there are as many
// goroutines and descriptors, and as much memory, as after twenty; clients that
// stay connected hold on to no old line.
func TestReloadsLeaveNothing(t *testing.T) {
	f := start(t, echo, func(c *Config) { c.Sites[0].Limits.KeepAlive = KeepAlive{Timeout: time.Hour} })
	var kept []net.Conn
	for range 20 {
		conn, err := net.Dial("tcp", f.front.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		kept = append(kept, conn)
	}
	collected := 0
	var mu sync.Mutex
	reload := func(times int) {
		for i := range times {
			c := f.next()
			c.Sites[0].Translate.Mounts = mount.New(slices.Repeat([]mount.Rule{{Rule: exchange.Rule{Pattern: fmt.Sprintf("/app%d/*", i), Worker: "lb"}, Source: mount.JkMount}}, 500))
			if i%3 == 0 {
				c.Listen = append(c.Listen[:1:1], Listen{Address: "127.0.0.2:0"})
			}
			if i%5 == 0 {
				c.Sites[0].Logs.Access = nil
			}
			if i%4 == 0 {
				bad := f.next()
				bad.Sites[0].Logs.JK.Name = filepath.Join(f.dir, fmt.Sprintf("logs/refused-%d", i))
				bad.Listen = append(bad.Listen[:1:1], Listen{Address: "127.0.0.3:0"}, Listen{Address: "256.0.0.1:1"})
				if err := f.front.Reload(t.Context(), bad); err == nil {
					t.Error("a bad address is no mistake")
				}
			}
			runtime.AddCleanup(&c.Sites[0], func(int) { mu.Lock(); collected++; mu.Unlock() }, 0)
			f.reload(t, c)
			conn := kept[i%len(kept)]
			fmt.Fprint(conn, "GET /a.html HTTP/1.1\r\nHost: site.example\r\n\r\n")
			if n, err := conn.Read(make([]byte, 4096)); n == 0 {
				t.Fatal(err)
			}
			f.get(t, "/app0/x")
		}
	}
	reload(20)
	goroutines, descriptors, heap := footprint(t, f)
	reload(80)
	goroutines2, descriptors2, heap2 := footprint(t, f)
	if goroutines2 > goroutines || descriptors2 > descriptors || heap2 > heap+512<<10 {
		t.Errorf("after 20 reloads %d goroutines, %d descriptors, %d KiB; after 100 %d, %d, %d KiB",
			goroutines, descriptors, heap>>10, goroutines2, descriptors2, heap2>>10)
	}
	until(t, "old settings are gone", func() bool {
		runtime.GC()
		mu.Lock()
		defer mu.Unlock()
		return collected >= 99
	})
}
