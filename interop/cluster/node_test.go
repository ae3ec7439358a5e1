package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/node/demo"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// nodeEnv makes the test program a Go node: its value is a goConfig.
const nodeEnv = "CATFLAP_TEST_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(nodeEnv); text != "" {
		if err := runNode(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/cluster:", err)
		os.Exit(1)
	}
	code := leaktest.Checked(m).Run()
	if builtDir != "" {
		os.RemoveAll(builtDir)
	}
	os.Exit(code)
}

type goConfig struct {
	Route, Addr string
	Host        bool
	Options     tribes.Options
}

// A goNode is a runner.
type goNode struct {
	n       *node
	env     string
	output  string
	process *peer.Process
}

func newGo(t *testing.T, c cast, n *node) *goNode {
	t.Helper()
	cfg := goConfig{Route: n.route, Addr: n.host.Addr, Host: c.host, Options: 8}
	if c.acked {
		cfg.Options = 6
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &goNode{n: n, env: nodeEnv + "=" + string(text), output: filepath.Join(t.TempDir(), "output")}
}

func (g *goNode) Start(t peer.T) {
	cmd := g.n.host.Command(os.Args[0])
	cmd.Env = append(os.Environ(), g.env)
	g.process = peer.Start(t, g.n.route, g.output, cmd)
}

func (g *goNode) Await(t peer.T) {
	g.process.Await(t, func() error {
		_, err := newVisitor(g.n.host).ask(g.n.http())
		return err
	})
}

func (g *goNode) Stop(t peer.T)          { g.process.Stop(t, syscall.SIGTERM, 20*time.Second) }
func (g *goNode) Process() *peer.Process { return g.process }

func (g *goNode) Log(t peer.T) string {
	text, err := os.ReadFile(g.output)
	if err != nil && !os.IsNotExist(err) {
		t.Fatalf("%v", err)
	}
	return string(text)
}

// runNode is a Go node until SIGTERM.
func runNode(text string) error {
	var cfg goConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	base := interceptor.Base{Log: log}
	addr, err := netip.ParseAddr(cfg.Addr)
	if err != nil {
		return err
	}
	channel, err := tribes.New(tribes.Config{Name: cfg.Route, Address: addr, Log: log, Interceptors: []tribes.Interceptor{
		interceptor.NewDispatch(interceptor.DispatchConfig{Base: base}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{Base: base}),
	}})
	if err != nil {
		return err
	}
	c := cluster.New(cluster.Config{Log: log, HostLevel: cfg.Host, SendOptions: cfg.Options}, channel)
	m, err := delta.New(delta.Config{Context: c.Context("localhost", "/demo"), Route: cfg.Route, Log: log, ExpireEvery: time.Second}, c)
	if err != nil {
		return err
	}
	h, err := session.Handler(session.Config{ContextPath: "/demo", Log: log}, m, demo.New(demo.Config{Node: cfg.Route}))
	if err != nil {
		return err
	}
	web := &http.Server{Handler: h}
	container := &ajp.Server{Handler: h, Secret: secret}
	served := make(chan error, 2)
	go func() {
		<-m.Ready()
		for port, serve := range map[string]func(net.Listener) error{"8080": web.Serve, "8009": container.Serve} {
			l, err := net.Listen("tcp", cfg.Addr+":"+port)
			if err != nil {
				served <- err
				continue
			}
			go func() { served <- serve(l) }()
		}
	}()
	inner, leave := context.WithCancel(context.Background())
	go func() {
		<-ctx.Done()
		container.Shutdown(context.Background())
		web.Shutdown(context.Background())
		leave()
	}()
	err = c.Run(inner, m)
	for range 2 {
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			return end
		}
	}
	return err
}
