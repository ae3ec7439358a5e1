package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/demo"
	"github.com/catflap/catflap/node/serverxml"
)

// A nodeCommandLine is what catflap node was asked.
type nodeCommandLine struct {
	file    string
	base    string
	defines []string
	check   bool
	debug   bool
}

func nodeCommand() *cobra.Command {
	var asked nodeCommandLine
	c := &cobra.Command{
		Use:   "node",
		Short: "Run a node, from Tomcat's own server.xml, in the foreground",
		Long: `Run a node, from Tomcat's own server.xml, in the foreground: its connectors,
virtual hosts and static files, and sessions that the whole cluster has, Tomcats
among it. Java does not run: applications are those of a Go program that uses
the package node; this command has one built in, the demonstration at /demo of
the default host, unless the file has a <Context> there.

Without -f the file is conf/server.xml below $CATALINA_BASE, else
conf/server.xml, else server.xml.

TERM, INT and the shutdown port let requests end for at most 10 s, then the
cluster is told goodbye; a second TERM or INT ends at once. HUP does nothing: a
changed file takes effect when the node is started anew.`,
		Example: "  catflap node -f /opt/tomcat/conf/server.xml --check\n  catflap node -f conf/server.xml -D jvmRoute=pj001",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return runNode(c, asked) },
	}
	flags := c.Flags()
	flags.StringVarP(&asked.file, "file", "f", "", "server.xml to read, a `FILE`")
	flags.StringVarP(&asked.base, "base", "d", "", "catalina.base, a `FOLDER` (default $CATALINA_BASE if the file is in it, else the folder above conf, for /etc/tomcat10 /var/lib/tomcat10)")
	flags.StringArrayVarP(&asked.defines, "define", "D", nil, "`NAME=VALUE` of ${NAME} in the file, as Java's -D")
	flags.BoolVar(&asked.check, "check", false, "tell what is wrong with the file, and end")
	flags.BoolVar(&asked.debug, "debug", false, "log more")
	return c
}

// serverXML finds the file to read.
func (a *nodeCommandLine) serverXML(c *cobra.Command) (string, error) {
	if c.Flags().Changed("file") {
		if a.file == "" {
			return "", &usageError{c, errors.New("-f: the name of the file is empty")}
		}
		return a.file, nil
	}
	var looked []string
	if base := cmp.Or(a.base, os.Getenv("CATALINA_BASE")); base != "" {
		looked = append(looked, filepath.Join(base, "conf", "server.xml"))
	}
	looked = append(looked, filepath.Join("conf", "server.xml"), "server.xml")
	for _, name := range looked {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return "", failed("no server.xml: looked for %s\n  fix: name it: catflap node -f FILE", strings.Join(looked, ", "))
}

// defined returns the properties that -D names.
func (a *nodeCommandLine) defined(c *cobra.Command) (map[string]string, error) {
	all := map[string]string{}
	for _, text := range a.defines {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, &usageError{c, fmt.Errorf("-D %q: it is NAME=VALUE", text)}
		}
		all[name] = value
	}
	return all, nil
}

// options are how the file is read.
func (a *nodeCommandLine) options(c *cobra.Command, file string, defined map[string]string) (o serverxml.Options) {
	o.Base = a.base
	if env := os.Getenv("CATALINA_BASE"); o.Base == "" && env != "" && same(filepath.Join(env, "conf", "server.xml"), file) {
		o.Base = env
	}
	o.Property = func(name string) (string, bool) { value, ok := defined[name]; return value, ok }
	o.Warn = func(text string) { fmt.Fprintln(c.ErrOrStderr(), text) }
	return o
}

// runNode runs a node until a signal or its shutdown port ends it.
func runNode(c *cobra.Command, a nodeCommandLine) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	defined, err := a.defined(c)
	if err != nil {
		return err
	}
	file, err := a.serverXML(c)
	if err != nil {
		return err
	}
	cfg, err := serverxml.Load(file, a.options(c, file, defined))
	if err != nil {
		return a.refused(err)
	}
	level := slog.LevelInfo
	if a.debug {
		level = slog.LevelDebug
	}
	cfg.Log = slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	n, err := node.New(cfg, builtIn(cfg)...)
	if err != nil {
		return a.refused(err)
	}
	if a.check {
		fmt.Fprintf(c.OutOrStdout(), "%s: Syntax OK\n", file)
		return nil
	}
	return conductNode(c.OutOrStdout(), n, file, cfg.Log, signals)
}

// refused is the end of a file with mistakes.
func (a *nodeCommandLine) refused(err error) error {
	if a.check {
		return &exitError{1, err.Error()}
	}
	return notStarted(err)
}

// notStarted is the end of a start with mistakes.
func notStarted(err error) error {
	return &exitError{1, err.Error() + "\ncatflap: not started"}
}

// builtIn is the demonstration, for each default host whose file has no
// <Context> at /demo.
func builtIn(cfg *node.Config) []node.App {
	var apps []node.App
	placed := map[string]bool{}
	for _, s := range cfg.Services {
		name := s.Engine.Route
		if name == "" {
			name, _ = os.Hostname()
		}
		for _, h := range s.Engine.Hosts {
			if !strings.EqualFold(h.Name, s.Engine.DefaultHost) || placed[h.Name] {
				continue
			}
			placed[h.Name] = true
			if !declares(h, "/demo") {
				apps = append(apps, node.App{Host: h.Name, Path: "/demo", Handler: demo.New(demo.Config{Node: name})})
			}
		}
	}
	return apps
}

// declares reports whether the file has a <Context> with that path in h; those
// of folders have no line.
func declares(h node.Host, path string) bool {
	for _, c := range h.Contexts {
		if c.Path == path && c.Line > 0 {
			return true
		}
	}
	return false
}

// conductNode runs n, and does what signals ask.
func conductNode(out io.Writer, n *node.Node, file string, log *slog.Logger, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	ready := n.Ready()
	for {
		select {
		case err := <-ended:
			if err != nil && ready != nil {
				return notStarted(err)
			}
			if err != nil {
				return &exitError{1, err.Error() + "\ncatflap: the node has ended"}
			}
			return nil
		case <-ready:
			ready = nil
			line := introduceNode(n.State(), file)
			fmt.Fprintln(out, line)
			systemd{}.Report(privilege.Serving, line)
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
				log.Info("HUP does nothing: a changed server.xml takes effect when the node is started anew")
			case ctx.Err() != nil: // asked twice
				return &exitError{1, "catflap: ended at once: requests and what the cluster was still to be told are lost"}
			default:
				log.Info("stopping: requests have 10 s to end; a second signal ends at once", "signal", s.String())
				systemd{}.Report(privilege.Stopping, "letting requests end")
				cancel()
			}
		}
	}
}

// introduceNode tells in a line what a node is that serves.
func introduceNode(s node.State, file string) string {
	var connectors, contexts, clusters []string
	for _, c := range s.Connectors {
		if len(c.Addrs) > 0 {
			connectors = append(connectors, c.Protocol+" "+c.Addrs[0].String())
		}
	}
	hosts := map[string]bool{}
	for _, c := range s.Contexts {
		hosts[c.Host] = true
	}
	for _, c := range s.Contexts {
		place := c.Path
		if len(hosts) > 1 {
			place = c.Host + c.Path
		}
		what := "files"
		if c.App {
			what = c.Manager.String() + ", " + count(c.Sessions, "session")
		}
		contexts = append(contexts, fmt.Sprintf("%s (%s)", cmp.Or(place, "/"), what))
	}
	for _, c := range s.Clusters {
		clusters = append(clusters, fmt.Sprintf("cluster %s with %s", c.Name, count(len(c.Members), "other member")))
	}
	words := []string{"serving " + file, strings.Join(connectors, ", ")}
	if len(contexts) > 0 {
		words = append(words, strings.Join(contexts, ", "))
	}
	return "catflap node: " + strings.Join(append(words, clusters...), "; ")
}
