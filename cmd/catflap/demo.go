package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

func demoCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a front, two nodes and an application to try, in one process",
		Long: `Run a front, two nodes behind real AJP, and an application that counts in its
visitors' sessions, in one process, with nothing else installed. It prints what
to open and what to try. On a terminal the keys 1 and 2 stop and start a node.

The front runs on an httpd.conf and a workers.properties of its own, in a
temporary folder that is removed at the end.`,
		Example: "  catflap demo\n  catflap demo --listen 127.0.0.1:0   # on a free port",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if host, _, err := net.SplitHostPort(listen); err != nil || net.ParseIP(host) == nil {
				return &usageError{c, fmt.Errorf("--listen %q: it is IP:port, such as 127.0.0.1:8080", listen)}
			}
			return runDemo(c, listen)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`address` of the front, IP:port; port 0 takes a free one")
	return c
}

// A demonstration is what runs between start and end.
type demonstration struct {
	out    io.Writer
	dir    string
	listen string
	nodes  []*demoNode
	board  *ajp.Server
	server *front.Server
	parts  sync.WaitGroup // the board, and nodes that stop or start
}

// runDemo runs the demonstration until a signal or a key ends it.
func runDemo(c *cobra.Command, listen string) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	listen, err := freePort(listen)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "catflap-demo-")
	if err != nil {
		return failed("not started: %v", err)
	}
	defer os.RemoveAll(dir)
	d := &demonstration{out: c.OutOrStdout(), dir: dir, listen: listen}
	defer d.end()
	if err := d.start(); err != nil {
		return err
	}
	return d.run(signals)
}

// freePort returns listen with a free port in place of port 0.
func freePort(listen string) (string, error) {
	if !strings.HasSuffix(listen, ":0") {
		return listen, nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", failed("not started: %v", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start starts nodes, board and front; the front does not serve yet.
func (d *demonstration) start() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	secret := rand.Text()
	var ports [3]string
	for i, name := range []string{"pj001", "pj002"} {
		n := &demoNode{name: name, secret: secret, log: log}
		d.nodes = append(d.nodes, n)
		if err := n.start(); err != nil {
			return failed("not started: %v", err)
		}
		_, ports[i], _ = net.SplitHostPort(n.addr)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failed("not started: %v", err)
	}
	_, ports[2], _ = net.SplitHostPort(listener.Addr().String())
	d.board = &ajp.Server{Secret: secret, Log: log, Handler: demoBoard(d.nodes)}
	d.parts.Go(func() { d.board.Serve(listener) })
	file, err := writeDemoSite(d.dir, d.listen, secret, ports)
	if err != nil {
		return failed("not started: %v", err)
	}
	return d.load(file)
}

// load makes the front of its files.
func (d *demonstration) load(file string) error {
	opener := privilege.Direct{}
	cfg, report := config.Load(config.Options{File: file, Env: os.LookupEnv, Opener: opener})
	tellMistakes(os.Stderr, report)
	if cfg == nil {
		return unstarted(report)
	}
	var err error
	if d.server, err = front.New(cfg, opener); err == nil {
		return nil
	}
	if listen, ok := errors.AsType[*front.ListenError](err); ok {
		why := listen.Err
		if number, ok := errors.AsType[syscall.Errno](why); ok {
			why = number
		}
		return failed("not started: %s: %v\n  fix: take another one: catflap demo --listen 127.0.0.1:0 takes a free port", d.listen, why)
	}
	return failed("not started: %v", err)
}

// run serves until a signal or a key ends it.
func (d *demonstration) run(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.server.Run(ctx) }()
	keys, stop := readKeys(os.Stdin)
	defer stop()
	serves := d.server.Ready()
	stopping := false
	shutdown := func() {
		if stopping {
			cancel() // asked twice
			return
		}
		stopping = true
		d.server.Shutdown(stopTime)
	}
	for {
		select {
		case err := <-ended:
			if err != nil {
				return failed("%v", err)
			}
			return nil
		case <-serves:
			serves = nil
			d.introduce(keys != nil)
		case <-signals:
			shutdown()
		case key := <-keys:
			switch key {
			case '1', '2':
				d.toggle(d.nodes[key-'1'])
			case 'q':
				shutdown()
			}
		}
	}
}

// toggle stops or starts a node, beside everything else.
func (d *demonstration) toggle(n *demoNode) {
	if n.state().Running {
		fmt.Fprintf(d.out, "%s stops\n", n.name)
	}
	d.parts.Go(func() { fmt.Fprintln(d.out, n.toggle()) })
}

// end ends what start has started, in any state.
func (d *demonstration) end() {
	if d.board != nil {
		d.board.Close()
	}
	d.parts.Wait()
	for _, n := range d.nodes {
		n.stop(time.Nanosecond)
	}
}

// introduce prints what to open and what to try.
func (d *demonstration) introduce(keys bool) {
	text := `
catflap demo: a front, two nodes and an application. Ctrl-C ends it.

  http://@LISTEN@/          a static page of the front
  http://@LISTEN@/demo/     the application, on pj001 and pj002 behind AJP
  http://@LISTEN@/nodes/    stops and starts the nodes
  http://@LISTEN@/jkStatus  the status page

Three things to try:

  1. Count in the application. Your session sticks to the node that its id ends in;
     visitors without one get the nodes in turn: curl -s http://@LISTEN@/demo/api
  2. Stop your node: @KEYS@curl -X POST http://@LISTEN@/nodes/pj001/stop
     Count again: the other node answers, with a session of its own. Start it again the same way.
  3. See it on the status page; and see which file says so: catflap show mounts -f @DIR@/conf/httpd.conf

`
	pressed := ""
	if keys {
		pressed = "press 1 or 2 here, or "
	}
	fmt.Fprint(d.out, strings.NewReplacer("@LISTEN@", d.listen, "@KEYS@", pressed, "@DIR@", d.dir).Replace(text))
}
