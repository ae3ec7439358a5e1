package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/serverxml"
)

// engine is what serves HTTP in a Go node.
const engine = "net/http"

// runNode is a Go node of a server.xml until SIGTERM.
func runNode(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := serverxml.Load(file, serverxml.Options{Warn: func(text string) { fmt.Fprintln(os.Stderr, text) }})
	if err != nil {
		return err
	}
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	var app application
	n, err := node.New(cfg, node.App{Path: contextPath, Handler: &app, Listener: app.heard})
	if err != nil {
		return err
	}
	app.sessions = func() (sum int) {
		for _, c := range n.State().Contexts {
			sum += c.Sessions
		}
		return sum
	}
	return n.Run(ctx)
}

// goNode fills a folder with a server.xml and returns the command of a Go node,
// which is this program.
func goNode(own, base string, s nodeSettings) ([]string, error) {
	file := filepath.Join(base, "server.xml")
	return []string{own, "node", file}, os.WriteFile(file, []byte(s.serverXML()), 0o644)
}
