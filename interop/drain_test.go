package interop

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/load"
	"github.com/catflap/catflap/interop/peer"
)

// TestDrainUnderLoad: a server that is told to stop under load answers every
// request that it has taken, uploads among them, and then ends; who comes
// later is refused.
func TestDrainUnderLoad(t *testing.T) {
	a, b := nodes(t)
	binary := catflapBinary(t)
	for _, verb := range []string{"stop", "graceful-stop"} {
		t.Run(verb, func(t *testing.T) {
			dir, secure := peer.Folder(t), peer.FreeAddr(t)
			conf := front{workers: balancerOver(a, b), site: allToNodes + "LogLevel info\nGracefulShutdownTimeout 30\n" + byHTTP2(t, dir, secure), dir: dir}.write(t)
			server := peer.StartCatflap(t, binary, conf)
			byStreams, _ := clientOfHTTP2()
			defer byStreams.CloseIdleConnections()
			slow := make(chan error, 6)
			for i := range cap(slow) { // answers after the stop has begun
				client, url := http.DefaultClient, "http://"+server.Addr
				if i%2 == 1 {
					client, url = byStreams, "https://"+secure
				}
				go func() {
					answer, err := client.Get(fmt.Sprintf("%s/slow?id=%s-%d&sleep=5000", url, verb, i))
					if err == nil {
						answer.Body.Close()
						if answer.StatusCode != 200 {
							err = errors.New(answer.Status)
						}
					}
					slow <- err
				}()
			}
			var stopping sync.WaitGroup
			stop := time.AfterFunc(2*time.Second, func() {
				stopping.Go(func() {
					stdout, stderr, code := peer.RunCatflap(t, binary, verb, "-f", conf)
					if code != 0 || !strings.HasPrefix(stdout, "stopped: process ") {
						t.Errorf("%s: exit code %d\n%s%s", verb, code, stdout, stderr)
					}
					if !strings.Contains(stderr, "waits for ") || !strings.Contains(stderr, ": GET /slow from 127.0.0.1:") || !strings.Contains(stderr, ", at worker JVMRoute-pj00") {
						t.Errorf("%s does not tell what it waits for: %s", verb, stderr)
					}
				})
			})
			defer stop.Stop()
			outcomes := load.Run(t.Context(), visitors(server.Addr, "drain-"+verb, b.Route, 3*time.Second))
			for range cap(slow) {
				if err := <-slow; err != nil {
					t.Errorf("a request that was under way: %v", err)
				}
			}
			stopping.Wait()
			if server.Running() {
				t.Error("it still runs")
			}
			lost, refused := 0, 0
			for _, o := range outcomes {
				switch {
				case o.Err == nil:
				case errors.Is(o.Err, syscall.ECONNREFUSED):
					refused++
				case isPOST(o.Index):
					// Sent on a kept connection in the moment in which it is
					// closed: only the client knows whether it may ask again.
				default:
					if lost++; lost < 10 {
						t.Logf("request %d, due at %v: %v", o.Index, o.Due, o.Err)
					}
				}
			}
			t.Logf("%s: %d requests, %d refused", verb, len(outcomes), refused)
			if lost > 0 || refused == 0 {
				t.Errorf("%d requests were lost, %d refused", lost, refused)
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(conf)), "logs/httpd.pid*"))
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestStopDuringReload: a server that is told to stop while reload follows
// reload ends in order, and each reload has an outcome.
func TestStopDuringReload(t *testing.T) {
	a, b := nodes(t)
	binary := catflapBinary(t)
	conf := front{workers: balancerOver(a, b), site: allToNodes + "LogLevel info\n", dir: peer.Folder(t)}.write(t)
	server := peer.StartCatflap(t, binary, conf)
	held := make(chan error, 1)
	go func() {
		answer, err := http.Get("http://" + server.Addr + "/slow?sleep=2500")
		if err == nil {
			answer.Body.Close()
		}
		held <- err
	}()
	var reloads sync.WaitGroup
	begin := time.Now()
	for range 3 {
		reloads.Go(func() {
			for time.Since(begin) < 2*time.Second {
				stdout, stderr, code := peer.RunCatflap(t, binary, "reload", "-f", conf)
				said := stdout + stderr
				if !(code == 0 && strings.HasPrefix(stdout, "reloaded: ") || code == 1 && (strings.Contains(said, "the server is stopping") || strings.Contains(said, "the server has ended"))) {
					t.Errorf("exit code %d: %s", code, said)
				}
			}
		})
	}
	time.Sleep(time.Second)
	stdout, stderr, code := peer.RunCatflap(t, binary, "stop", "-f", conf)
	if code != 0 || !strings.HasPrefix(stdout, "stopped: ") {
		t.Errorf("stop: exit code %d\n%s%s", code, stdout, stderr)
	}
	reloads.Wait()
	if err := <-held; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(conf)), "logs/error_log"))
	if err != nil {
		t.Fatal(err)
	}
	done, late := strings.Count(string(log), "AH00493"), strings.Index(string(log), "AH00491")
	if done == 0 || late < 0 || strings.Contains(string(log[late:]), "AH00493") {
		t.Errorf("%d reloads before the stop, or one after it:\n%s", done, log[max(0, len(log)-2000):])
	}
}
