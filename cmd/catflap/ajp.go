package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/probe"
)

func ajpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "ajp",
		Short:   "Talk AJP to a container by hand, and say what is wrong",
		Example: "  catflap ajp ping --all\n  catflap ajp get tc1 /app/",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{c, errors.New("ajp ping or ajp get, not " + args[0])}
			}
			return &usageError{c, errors.New("ajp what? ping or get")}
		},
	}
	c.AddCommand(ajpPing(), ajpGet())
	return c
}

func ajpPing() *cobra.Command {
	k := &containers{}
	c := &cobra.Command{
		Use:   "ping NAME|HOST:PORT|--all",
		Short: "Ask for a sign of life, and whether requests are taken",
		Long: `Ask a container for a sign of life (CPING), and then whether it takes requests:
with this secret, and in packets of this size. The request is OPTIONS *, which
no application sees. NAME is a worker or balancer of the files; HOST:PORT needs
none. The exit code is 1 if one of them does not do.`,
		Example: "  catflap ajp ping --all\n  catflap ajp ping lb_shop\n  catflap ajp ping 10.0.0.1:8009 --secret hush",
		RunE: func(c *cobra.Command, args []string) error {
			if k.all && len(args) > 0 || !k.all && len(args) != 1 {
				return &usageError{c, errors.New("ajp ping wants NAME, HOST:PORT or --all")}
			}
			chosen, err := k.choose(args)
			if err != nil {
				return err
			}
			return ping(c, chosen)
		},
	}
	k.register(c)
	return c
}

func ajpGet() *cobra.Command {
	k := &containers{}
	c := &cobra.Command{
		Use:   "get NAME|HOST:PORT|--all [PATH]",
		Short: "Ask for a path, and show status, headers and body",
		Long: `Ask a container for a path, "/" if none is named, and show status, headers and
body. A URL in place of the path gives the Host, too. Of several workers (a
balancer, --all) only the status is shown.`,
		Example: "  catflap ajp get tc1 /app/\n  catflap ajp get 10.0.0.1:8009 http://www.site.example/app/\n  catflap ajp get --all /app/health",
		RunE: func(c *cobra.Command, args []string) error {
			names, path := args, "/"
			if most := map[bool]int{true: 0, false: 1}[k.all]; len(args) == most+1 {
				names, path = args[:most], args[most]
			}
			if k.all && len(names) > 0 || !k.all && len(names) != 1 {
				return &usageError{c, errors.New("ajp get wants NAME, HOST:PORT or --all, and a path")}
			}
			host, target, err := hostAndTarget(path)
			if err != nil {
				return &usageError{c, err}
			}
			chosen, err := k.choose(names)
			if err != nil {
				return err
			}
			if len(chosen) > 1 {
				return getAll(c, chosen, host, target)
			}
			return get(c, chosen[0], host, target)
		},
	}
	k.register(c)
	return c
}

// hostAndTarget parts what is asked for: a path, or a URL.
func hostAndTarget(path string) (host, target string, err error) {
	switch {
	case strings.HasPrefix(path, "http://"), strings.HasPrefix(path, "https://"):
		_, rest, _ := strings.Cut(path, "://")
		host, _, _ = strings.Cut(rest, "/")
		return host, targetOf(path), nil
	case strings.HasPrefix(path, "/"):
		return "localhost", path, nil
	}
	return "", "", fmt.Errorf("%s: neither a path nor a URL; a path begins with /", path)
}

// atOnce runs f for all, a few at a time, and returns their errors in order.
func atOnce(all []named, f func(int, named) error) []error {
	troubles := make([]error, len(all))
	places := make(chan struct{}, 16)
	var running sync.WaitGroup
	for i, c := range all {
		places <- struct{}{}
		running.Go(func() {
			troubles[i] = f(i, c)
			<-places
		})
	}
	running.Wait()
	return troubles
}

// ping writes a line for each container, and fails if one does not do.
func ping(c *cobra.Command, all []named) error {
	ctx := interruptible(c)
	pulses := make([]probe.Pulse, len(all))
	troubles := atOnce(all, func(i int, n named) (err error) {
		pulses[i], err = probe.Ping(ctx, n.Container)
		return err
	})
	return writeTroubles(c, all, troubles, func(i int) string {
		return fmt.Sprintf("ok: CPONG after %s, a request takes %s", short(pulses[i].Pong), short(pulses[i].Reply))
	})
}

// getAll writes the status that each container answers.
func getAll(c *cobra.Command, all []named, host, target string) error {
	ctx := interruptible(c)
	answers := make([]string, len(all))
	troubles := atOnce(all, func(i int, n named) error {
		began := time.Now()
		status := ""
		bytes := &counter{}
		err := probe.Get(ctx, n.Container, host, target, func(a *probe.Answer) error { status = statusText(a); return nil }, bytes)
		answers[i] = fmt.Sprintf("%s, %s after %s", status, count(bytes.n, "byte"), short(time.Since(began)))
		return err
	})
	return writeTroubles(c, all, troubles, func(i int) string { return answers[i] })
}

// A counter counts what is written to it.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// writeTroubles writes a line for each container: good(i), or its trouble, with
// what to do.
func writeTroubles(c *cobra.Command, all []named, troubles []error, good func(int) string) error {
	var out bytes.Buffer
	bad := 0
	t := newTable("")
	var fixes []string
	for i, n := range all {
		text, fix := "", ""
		if trouble, ok := errors.AsType[*probe.Trouble](troubles[i]); ok {
			text, fix = trouble.Error(), trouble.Fix()
		} else if troubles[i] != nil {
			text = troubles[i].Error()
		} else {
			text = good(i)
		}
		if troubles[i] != nil {
			bad++
		}
		fixes = append(fixes, strings.ReplaceAll(fix, "worker.NAME", "worker."+n.name))
		if n.name == "" {
			t.add(n.Address, text)
		} else {
			t.add(n.name, n.Address, text)
		}
	}
	for i, line := range t.lines() {
		fmt.Fprintln(&out, line)
		if fixes[i] != "" {
			fmt.Fprintln(&out, "  fix: "+fixes[i])
		}
	}
	if _, err := out.WriteTo(c.OutOrStdout()); err != nil {
		return failed("%v", err)
	}
	switch {
	case bad == 0:
		return nil
	case len(all) == 1:
		return &exitError{code: 1}
	}
	return failed("%d of %d containers in trouble", bad, len(all))
}

// get writes what one container answers.
func get(c *cobra.Command, n named, host, target string) error {
	ctx := interruptible(c)
	out := c.OutOrStdout()
	err := probe.Get(ctx, n.Container, host, target, func(a *probe.Answer) error { return writeHead(out, a) }, out)
	if _, ok := errors.AsType[*probe.Trouble](err); ok {
		return writeTroubles(c, []named{n}, []error{err}, nil)
	}
	if err != nil {
		return failed("%v", err)
	}
	return nil
}

// writeHead writes status and headers, and an empty line.
func writeHead(w io.Writer, a *probe.Answer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, statusText(a))
	for _, h := range a.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	fmt.Fprintln(&b)
	_, err := b.WriteTo(w)
	return err
}

// statusText is the status line of an answer.
func statusText(a *probe.Answer) string {
	reason := a.Reason
	if reason == "" {
		reason = http.StatusText(a.Status)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, reason))
}

// short is a time with two or three figures.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
