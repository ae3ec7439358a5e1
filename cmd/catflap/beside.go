package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/mistake"
)

// beside are the flags that let a server run next to the live httpd.
type beside struct {
	dir    string
	offset int
}

func (b *beside) register(c *cobra.Command) {
	c.Flags().StringVar(&b.dir, "beside", "", "run next to the live httpd, with logs, pid and state below `DIR`")
}

func (b *beside) registerOffset(c *cobra.Command) {
	c.Flags().IntVar(&b.offset, "port-offset", 0, "with --beside: what is added to the port of every Listen")
}

// options returns b as config wants it, nil if the server runs in httpd's
// place.
func (b *beside) options() (*config.Beside, error) {
	if b.dir == "" {
		if b.offset != 0 {
			return nil, failed("--port-offset goes with --beside DIR")
		}
		return nil, nil
	}
	dir, err := filepath.Abs(b.dir)
	if err != nil {
		return nil, failed("%v", err)
	}
	return &config.Beside{Dir: dir, Offset: b.offset}, nil
}

// serveArgs are the arguments with which catflap serves beside as b says.
func (b *beside) serveArgs() []string {
	if b.dir == "" {
		return nil
	}
	return []string{"--beside", b.dir, "--port-offset", strconv.Itoa(b.offset)}
}

// load reads the files, and makes the folders that a server beside httpd
// writes to.
func load(options config.Options) (*front.Config, *config.Report) {
	cfg, report := config.Load(options)
	if cfg == nil || options.Beside == nil {
		return cfg, report
	}
	for _, folder := range options.Beside.Folders(cfg) {
		if info, err := options.Opener.Stat(folder); err == nil && info.IsDir() {
			continue
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: folder}, Text: err.Error(), Fix: "name another folder with --beside"})
			cfg = nil
		}
	}
	return cfg, report
}

// lookTime is how long the early look at the workers may take.
const lookTime = time.Second

// introduce returns the one line about a server that runs beside httpd:
//
//	httpd (pid 1180) untouched; logs and pid in cf; 8080 for 80, 8443 for 443 (5 certificates); tc5 refused; ready in 0.09 s
func (b *beside) introduce(ctx context.Context, server *front.Server, m *config.Moved, took time.Duration) string {
	parts := []string{live(m.PidFile), "logs and pid in " + b.dir}
	var ports []string
	for _, p := range m.Ports {
		text := fmt.Sprintf("%d for %d", p.To, p.From)
		switch p.Certificates {
		case 0:
		case 1:
			text += " (1 certificate)"
		default:
			text += fmt.Sprintf(" (%d certificates)", p.Certificates)
		}
		ports = append(ports, text)
	}
	parts = append(parts, strings.Join(ports, ", "))
	for i, program := range m.Piped {
		parts = append(parts, fmt.Sprintf("'%s' not started, its lines are in piped-%d.log", program, i+1))
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	parts = append(parts, workersSeen(server.Look(ctx)))
	return strings.Join(parts, "; ") + fmt.Sprintf("; ready in %.2f s", took.Seconds())
}

// live says what runs by the live server's PidFile.
func live(pidFile string) string {
	pid, name := control.Running(pidFile)
	switch {
	case pid == 0:
		return "no httpd runs"
	case name == "apache2":
		name = "httpd"
	}
	return fmt.Sprintf("%s (pid %d) untouched", name, pid)
}

// workersSeen says which workers do not answer, and why.
func workersSeen(seen []front.Looked) string {
	var troubles []string
	for _, l := range seen {
		if l.Err != nil {
			troubles = append(troubles, l.Worker+" "+troubleOf(l.Err))
		}
	}
	switch {
	case len(troubles) > 0:
		return strings.Join(troubles, ", ")
	case len(seen) == 0:
		return "no workers"
	case len(seen) == 1:
		return seen[0].Worker + " answers"
	}
	if len(seen) == 2 {
		return "both workers answer"
	}
	return fmt.Sprintf("all %d workers answer", len(seen))
}

// troubleOf is a word or two about a worker that gave no sign of life.
func troubleOf(err error) string {
	failure, _ := errors.AsType[*exchange.Error](err)
	if failure == nil {
		return err.Error()
	}
	switch failure.Cause {
	case exchange.CauseConnectTimeout, exchange.CauseCPing:
		return "silent"
	case exchange.CauseAddress:
		return "has no such address"
	case exchange.CauseProtocol:
		return "does not speak AJP"
	}
	return failure.Cause.String()
}
