package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

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
		Short: "Run a front, a cluster of two nodes and an application to try, in one process",
		Long: `Run a front, two nodes behind real AJP that share their sessions, and an
application that counts in its visitors' sessions, in one process, with nothing
else installed. It prints what to open and what to try. On a terminal the keys 1
and 2 stop and start a node; k and then 1 or 2 kills one.

The nodes are a group over TCP on this machine, without multicast. The front
runs on an httpd.conf and a workers.properties of its own, in a temporary folder
that is removed at the end.`,
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
	group  *demoGroup
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
	if err := os.Mkdir(filepath.Join(d.dir, "logs"), 0o700); err != nil {
		return failed("not started: %v", err)
	}
	var err error
	if d.group, err = newDemoGroup(d.dir, "pj001", "pj002"); err != nil {
		return failed("not started: %v", err)
	}
	var ports [3]string
	for i, n := range d.group.nodes {
		if err := n.start(); err != nil {
			return failed("not started: %v", err)
		}
		_, ports[i], _ = net.SplitHostPort(n.state().Addr)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(demoHost.String(), "0"))
	if err != nil {
		return failed("not started: %v", err)
	}
	_, ports[2], _ = net.SplitHostPort(listener.Addr().String())
	d.board = &ajp.Server{Secret: d.group.secret, Log: log, Handler: demoBoard(d.group)}
	d.parts.Go(func() { d.board.Serve(listener) })
	file, err := writeDemoSite(d.dir, d.listen, d.group.secret, ports)
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
	stopping, before := false, byte(0)
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
			d.group.tellTo(d.out)
		case <-signals:
			shutdown()
		case key := <-keys:
			if key == 'q' {
				shutdown()
			}
			d.press(before, key)
			before = key
		}
	}
}

// press does what a key is for: 1 and 2 stop or start a node, and kill it after
// a k.
func (d *demonstration) press(before, key byte) {
	if key != '1' && key != '2' {
		return
	}
	n := d.group.nodes[key-'1']
	runs := n.state().Running
	d.parts.Go(func() { // beside everything else
		switch {
		case before == 'k' && runs:
			n.kill()
		case before == 'k':
			d.group.tell(n.state().String())
		case runs:
			d.group.tell(n.name + " stops")
			n.stop(stopTime)
		default:
			if err := n.start(); err != nil {
				d.group.tell(err.Error())
			}
		}
	})
}

// end ends what start has started, in any state.
func (d *demonstration) end() {
	if d.board != nil {
		d.board.Close()
	}
	d.parts.Wait()
	if d.group != nil {
		d.group.tellTo(nil)
		d.group.end()
	}
}

// introduce prints what to open and what to try.
func (d *demonstration) introduce(keys bool) {
	text := `
catflap demo: a front, a cluster of two nodes, an application. Ctrl-C ends it.

  http://@LISTEN@/          start here: a static page of the front
  http://@LISTEN@/demo/     the application, on pj001 and pj002 behind AJP
  http://@LISTEN@/nodes/    the nodes: stop, kill and start them
  http://@LISTEN@/jkStatus  the status page

Three things to try:

  1. Count in the application. Your session sticks to the node that its id ends in;
     the other node has a copy of it: see "sessions" on /nodes/.
  2. Stop your node: @STOP@curl -X POST http://@LISTEN@/nodes/pj001/stop
     Count again: the other node goes on with your count, and your id ends in its name.
     Start it again: @STOP@curl -X POST http://@LISTEN@/nodes/pj001/start
     It gets all sessions before it serves.
  3. Kill the other one: @KILL@curl -X POST http://@LISTEN@/nodes/pj002/kill
     Nobody hears a goodbye, as in a crash; no click that was answered is lost.

Its files: catflap show mounts -f @DIR@/conf/httpd.conf
Its logs:  @DIR@/logs

`
	stop, kill := "", ""
	if keys {
		stop, kill = "press 1 or 2 here, or ", "press k and then 1 or 2, or "
	}
	fmt.Fprint(d.out, strings.NewReplacer("@LISTEN@", d.listen, "@STOP@", stop, "@KILL@", kill, "@DIR@", d.dir).Replace(text))
}
