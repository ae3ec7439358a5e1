package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// contextPath is that of the application.
const contextPath = "/shop"

// engine is what serves HTTP in a Go node.
const engine = "net/http"

// runNode is a Go node until SIGTERM. Its arguments are those of goNode.
func runNode(args []string) error {
	flags := flag.NewFlagSet("node", flag.ContinueOnError)
	route := flags.String("route", "", "jvmRoute")
	addr := flags.String("http", "", "IP:port of the connector")
	port := flags.Int("group", 0, "port of the group")
	options := flags.Int("options", 0, "channelSendOptions")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	base := interceptor.Base{Log: log}
	loopback := netip.MustParseAddr("127.0.0.1")
	channel, err := tribes.New(tribes.Config{
		Name: *route, Log: log, Address: loopback, Membership: tribes.Membership{Port: *port, Bind: loopback},
		Interceptors: []tribes.Interceptor{
			interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{Base: base}), interceptor.NewDispatch(interceptor.DispatchConfig{Base: base}),
		},
	})
	if err != nil {
		return err
	}
	c := cluster.New(cluster.Config{Log: log, SendOptions: tribes.Options(*options)}, channel)
	var app application
	m, err := delta.New(delta.Config{Context: c.Context("localhost", contextPath), Route: *route, Log: log, Listener: app.heard}, c)
	if err != nil {
		return err
	}
	app.sessions = m.Len
	h, err := session.Handler(session.Config{ContextPath: contextPath, Log: log}, m, &app)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, m.Ready(), server, *addr) }()
	err = c.Run(ctx, m)
	stop()
	server.Close()
	return errors.Join(err, <-served)
}

// serve listens at addr once ready is closed.
func serve(ctx context.Context, ready <-chan struct{}, server *http.Server, addr string) error {
	select {
	case <-ready:
	case <-ctx.Done():
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// goNode is the command of a Go node, which is this program.
func goNode(own string, s nodeSettings) []string {
	return []string{own, "node", "-route", s.route, "-http", s.addr, "-group", fmt.Sprint(s.group), "-options", fmt.Sprint(int(s.manager.options))}
}
