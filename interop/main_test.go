package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/peer"
)

// A suite runs the tests, and then ends what they share.
type suite struct {
	m   *testing.M
	own *shared
}

// Run implements leaktest.M.
func (s suite) Run() int {
	defer s.own.end()
	return s.m.Run()
}

func TestMain(m *testing.M) {
	if folder := os.Getenv(readOnlyVar); folder != "" {
		fmt.Fprintln(os.Stderr, becomeReadOnly(folder))
		os.Exit(1)
	}
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	os.Exit(leaktest.Checked(suite{m, common}).Run())
}

// common is what all tests share: two Tomcats and the binary.
var common = &shared{}

const secret = "between front and node"

// A shared is a peer.T that lives as long as the test program. Its failures
// are those of the test that asks first.
type shared struct {
	mu       sync.Mutex
	asking   testing.TB // guarded by mu
	cleanups []func()
	folders  int
	dir      string
	tomcats  []*peer.Tomcat
	binary   string
	classes  string
}

func (s *shared) Helper() {}
func (s *shared) Fatalf(format string, args ...any) {
	s.asking.Helper()
	s.asking.Fatalf(format, args...)
}
func (s *shared) Logf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (s *shared) Cleanup(f func())                { s.cleanups = append(s.cleanups, f) }

// TempDir implements peer.T.
func (s *shared) TempDir() string {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "catflap-interop-")
		if err != nil {
			s.Fatalf("%v", err)
		}
		s.dir = dir
		s.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	s.folders++
	dir := filepath.Join(s.dir, fmt.Sprint(s.folders))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.Fatalf("%v", err)
	}
	return dir
}

func (s *shared) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
}

// nodes returns the two Tomcats of the scenario, both serving.
func nodes(t testing.TB) (a, b *peer.Tomcat) {
	t.Helper()
	s := common
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = t
	if s.tomcats == nil {
		if s.classes == "" {
			s.classes = peer.Compile(s)
		}
		a := peer.StartTomcat(s, peer.TomcatConfig{Route: "JVMRoute-pj001", Secret: secret, Classes: s.classes})
		b := peer.StartTomcat(s, peer.TomcatConfig{Route: "JVMRoute-pj002", Secret: secret, Classes: s.classes})
		s.tomcats = []*peer.Tomcat{a, b}
	}
	for _, each := range s.tomcats {
		each.Start(s)
		each.Await(s)
	}
	return s.tomcats[0], s.tomcats[1]
}

// catflapBinary builds catflap, once, unless CATFLAP_BINARY names one.
func catflapBinary(t testing.TB) string {
	t.Helper()
	s := common
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = t
	if ready := os.Getenv("CATFLAP_BINARY"); ready != "" {
		return ready
	}
	if s.binary == "" {
		s.binary = peer.BuildCatflap(s)
	}
	return s.binary
}

// onBothFronts runs test with a way to start each front.
func onBothFronts(t *testing.T, test func(t *testing.T, start func(conf string) *peer.Front)) {
	t.Run("httpd", func(t *testing.T) {
		test(t, func(conf string) *peer.Front { return peer.StartHTTPD(t, conf) })
	})
	t.Run("catflap", func(t *testing.T) {
		test(t, func(conf string) *peer.Front { return peer.StartCatflap(t, catflapBinary(t), conf) })
	})
}

// classes compiles the test servlet, once.
func classes(t testing.TB) string {
	t.Helper()
	s := common
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = t
	if s.classes == "" {
		s.classes = peer.Compile(s)
	}
	return s.classes
}
