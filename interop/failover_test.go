package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/load"
	"github.com/catflap/catflap/interop/peer"
)

const allToNodes = "JkMount /* lb\nJkMount /manager manager\n"

// visitors is a load of 400 requests a second for a time: half of them with a
// session at route, each tenth a POST. The ids of requests begin with name.
func visitors(addr, name, route string, length time.Duration) load.Config {
	return load.Config{
		Rate: 400, Length: length, Timeout: 20 * time.Second,
		Request: func(i int) (*http.Request, error) {
			method, body, sleep := "GET", "", 20
			if isPOST(i) {
				method, body, sleep = "POST", "some=thing", 300 // so that some are at the node when it dies
			}
			url := fmt.Sprintf("http://%s/page?id=%s-%d&sleep=%d", addr, name, i, sleep)
			request, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
			if err != nil {
				return nil, err
			}
			if i%2 == 0 {
				request.Header.Set("Cookie", "JSESSIONID=0123456789ABCDEF."+route)
			}
			return request, nil
		},
		Check: func(i int, answer *http.Response, body []byte) error {
			if answer.StatusCode != 200 {
				return errors.New(answer.Status)
			}
			if want := fmt.Sprintf("query=id=%s-%d&", name, i); !strings.Contains(string(body), want) {
				return fmt.Errorf("the answer of another request, without %s", want)
			}
			return nil
		},
	}
}

// isPOST says which are: one in ten, with and without a session.
func isPOST(i int) bool { return i%20 == 4 || i%20 == 7 }

// An upload is a POST whose body comes slowly, and what became of it.
type upload struct {
	id     string
	status int
	err    error
}

const uploadSize = 6 << 20

// startUploads sends n of them for six seconds, half of them with a session at
// route. What it returns waits for them.
func startUploads(addr, name, route string, n int) (wait func() []upload) {
	all, sending := make([]upload, n), sync.WaitGroup{}
	for i := range all {
		sending.Go(func() {
			u := &all[i]
			u.id = fmt.Sprintf("%s-upload-%d", name, i)
			body, writer := io.Pipe()
			go func() {
				block := make([]byte, 1<<16)
				for range uploadSize / len(block) {
					if _, err := writer.Write(block); err != nil {
						return
					}
					time.Sleep(6 * time.Second * time.Duration(len(block)) / uploadSize) // the client's own slowness
				}
				writer.Close()
			}()
			request, err := http.NewRequest("POST", fmt.Sprintf("http://%s/upload?id=%s", addr, u.id), body)
			if err != nil {
				u.err = err
				return
			}
			if i%2 == 0 {
				request.Header.Set("Cookie", "JSESSIONID=0123456789ABCDEF."+route)
			}
			transport := &http.Transport{DisableKeepAlives: true}
			answer, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(request)
			body.Close()
			if err != nil {
				u.err = err
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if u.status, u.err = answer.StatusCode, err; err == nil && u.status == 200 && !strings.Contains(string(text), fmt.Sprintf("body.length=%d\n", uploadSize)) {
				u.err = fmt.Errorf("the node saw another body: %.100s", text)
			}
		})
	}
	return func() []upload {
		sending.Wait()
		return all
	}
}

// checkUploads wants every upload to have arrived whole or failed, at one node
// and once, and some to have been at the node that died.
func checkUploads(t *testing.T, all []upload, nodes ...*peer.Tomcat) {
	t.Helper()
	broken, executed := 0, map[string]int{}
	for _, node := range nodes {
		counts, err := node.Executions()
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range counts {
			executed[id] += n
		}
	}
	for _, u := range all {
		switch {
		case u.status == 200 && u.err != nil:
			t.Errorf("%s: %v", u.id, u.err)
		case u.status != 200:
			broken++
		}
		if executed[u.id] > 1 {
			t.Errorf("%s was executed %d times", u.id, executed[u.id])
		}
	}
	if broken == 0 || broken == len(all) {
		t.Errorf("%d of %d uploads broke off: the node that died had all or none of them", broken, len(all))
	}
}

// inFlight is how many requests were under way at a time.
func inFlight(outcomes []load.Outcome, at time.Duration) int {
	n := 0
	for _, o := range outcomes {
		if o.Due <= at && o.Due+o.Latency > at {
			n++
		}
	}
	return n
}

// killedAt is when a node dies, after the load has begun.
const killedAt = 4 * time.Second

// TestFailover kills a node under load. Nobody whose request may be repeated
// sees it, and nothing that may not be repeated is.
func TestFailover(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		a, b := nodes(t)
		server := start(front{workers: balancerOver(a, b), site: allToNodes, dir: peer.Folder(t)}.write(t))
		name := "failover-" + server.Name
		warm := load.Summarize(load.Run(t.Context(), visitors(server.Addr, name+"-warm", b.Route, 2*time.Second)), time.Second)
		if warm.Failed > 0 {
			t.Fatalf("before anything is killed: %v", warm)
		}
		uploaded := startUploads(server.Addr, name, b.Route, 6)
		kill := time.AfterFunc(killedAt, b.Kill)
		defer kill.Stop()
		outcomes := load.Run(t.Context(), visitors(server.Addr, name, b.Route, 12*time.Second))
		summary, uploads := load.Summarize(outcomes, time.Second), uploaded()
		t.Logf("%s: %v; %d under way at the kill", server.Name, summary, inFlight(outcomes, killedAt)+len(uploads))
		failed, twice := tell(t, outcomes), repeated(t, name, a, b)
		if server.Name == "httpd" {
			// What mod_jk does is the measure, not the subject: it repeats POSTs
			// unless recovery_options says otherwise.
			t.Logf("httpd: %d GETs failed, POSTs run twice: %v", failed, twice)
			return
		}
		if failed > 0 {
			t.Errorf("%d GETs failed", failed)
		}
		if len(twice) > 0 {
			t.Errorf("POSTs were executed twice: %v", twice)
		}
		if summary.Over > 0.01 {
			t.Errorf("%.2f%% of the requests took longer than 1 s", 100*summary.Over)
		}
		checkUploads(t, uploads, a, b)
		if n := inFlight(outcomes, killedAt) + len(uploads); n < 20 {
			t.Errorf("only %d requests were under way when the node died", n)
		}
	})
}

// tell logs the first failures and returns how many were not POSTs.
func tell(t *testing.T, outcomes []load.Outcome) int {
	t.Helper()
	failed, told := 0, 0
	for _, o := range outcomes {
		if o.Err == nil {
			continue
		}
		if !isPOST(o.Index) {
			failed++
		}
		if told++; told <= 10 {
			t.Logf("request %d (POST %v), due at %v, after %v: %v", o.Index, isPOST(o.Index), o.Due, o.Latency, o.Err)
		}
	}
	return failed
}

// repeated returns the POSTs whose servlet ran more than once.
func repeated(t *testing.T, name string, nodes ...*peer.Tomcat) []string {
	t.Helper()
	sum := map[string]int{}
	for _, node := range nodes {
		counts, err := node.Executions()
		if err != nil {
			t.Fatal(err)
		}
		for id, count := range counts {
			sum[id] += count
		}
	}
	var twice []string
	for id, count := range sum {
		var i int
		if _, err := fmt.Sscanf(strings.TrimPrefix(id, name+"-"), "%d", &i); err == nil && strings.HasPrefix(id, name+"-") && count > 1 && isPOST(i) {
			twice = append(twice, id)
		}
	}
	return twice
}

// TestReload adds a node under load: nothing fails, and the new node gets its
// share.
func TestReload(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		a, b := nodes(t)
		conf := front{workers: balancerOver(a), site: allToNodes, dir: peer.Folder(t)}.write(t)
		server := start(conf)
		name := "reload-" + server.Name
		reloaded := make(chan error, 1)
		change := time.AfterFunc(2*time.Second, func() {
			reloaded <- errors.Join(
				os.WriteFile(filepath.Join(filepath.Dir(conf), "workers.properties"), []byte(balancerOver(a, b)), 0o644),
				server.Signal())
		})
		defer change.Stop()
		outcomes := load.Run(t.Context(), visitors(server.Addr, name, a.Route, 6*time.Second))
		if err := <-reloaded; err != nil {
			t.Fatal(err)
		}
		tell(t, outcomes)
		summary := load.Summarize(outcomes, time.Second)
		t.Logf("%s: %v", server.Name, summary)
		counts, err := b.Executions()
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for id := range counts {
			if strings.HasPrefix(id, name+"-") {
				got++
			}
		}
		// Half of the requests of four seconds are free to choose.
		if got < 100 {
			t.Errorf("the new node got %d requests", got)
		}
		if summary.Failed > 0 && server.Name == "catflap" {
			t.Errorf("%v", summary)
		}
	})
}
