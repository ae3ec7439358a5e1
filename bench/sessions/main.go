// Command sessions measures Go nodes that share HTTP sessions beside Tomcats
// that do, in the same run: memory of a session, requests a second, processor
// time of both nodes for a replicated request, how late the other node has it,
// and what it takes until a node that joins has all sessions. What comes in is
// how long to measure, what goes out is a table with ratios, and whether they
// are within their limits.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "node" {
		exit(runNode(os.Args[2]))
	}
	s := settings{managers: managers}
	flag.IntVar(&s.sessions, "sessions", 20_000, "sessions of 2 KB")
	flag.IntVar(&s.visitors, "visitors", 32, "visitors with a connection each, half of them at each node")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of each load, in turns; medians count")
	flag.DurationVar(&s.length, "length", 3*time.Second, "length of a round")
	flag.DurationVar(&s.warm, "warm", 12*time.Second, "how long a pair of Tomcats is warmed up")
	only := flag.String("manager", "", "measure only managers whose name contains this")
	quick := flag.Bool("quick", false, "only see whether it runs; limits do not count")
	flag.Parse()
	if *quick {
		s = quickly
	}
	s.only(*only)
	exit(run(os.Stdout, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/sessions:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// settings say what is measured.
type settings struct {
	sessions, visitors, rounds int
	length, warm               time.Duration
	managers                   []manager
	quick                      bool // limits do not count
}

// quickly only shows that everything runs.
var quickly = settings{
	sessions: 200, visitors: 4, rounds: 1, length: 100 * time.Millisecond, warm: 200 * time.Millisecond, managers: managers[1:2], quick: true,
}

func (s *settings) only(part string) {
	var chosen []manager
	for _, m := range s.managers {
		if strings.Contains(m.name, part) {
			chosen = append(chosen, m)
		}
	}
	s.managers = chosen
}

// run measures, prints, and fails if a limit is not met.
func run(w io.Writer, s settings) error {
	dir, err := os.MkdirTemp("", "catflap-bench-sessions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	classes := filepath.Join(dir, "classes")
	if err := compile(classes); err != nil {
		return err
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d sessions of a cart with %d things, which takes 2 KB in a Java stream, and a count; %d visitors with kept connections,\n"+
		"half of them at each of two nodes on this machine (%d processors). A request counts in one of the visitor's sessions, and\n"+
		"the change goes to the other node.\n"+
		"Go: %s, %s, default GOGC and GOMAXPROCS. Tomcat: %s, NIO, default options and -Xmx%s, warmed up for %v.\n"+
		"%d rounds of %v in turns, medians. CPU: user and system of both nodes for a request. Late: how long after the\n"+
		"application's answer the other node has the change, with about 500 requests a second.\n\n",
		s.sessions, cartItems, s.visitors, runtime.NumCPU(), runtime.Version(), engine, tomcatVersion(), heap, s.warm, s.rounds, s.length)
	t := newTable(w)
	for i, m := range s.managers {
		both := [2]*pair{{kind: "go"}, {kind: "tomcat"}}
		both[0].make = func(base string, n nodeSettings) ([]string, error) { return goNode(own, base, n) }
		both[1].make = func(base string, n nodeSettings) ([]string, error) { return tomcatNode(base, classes, s.quick, n) }
		for j, p := range both {
			p.manager, p.dir = m, filepath.Join(dir, fmt.Sprint(i))
			p.group = 45000 + os.Getpid()%1000*10 + i*2 + j
		}
		if err := measure(t, both, s); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	if s.quick {
		return nil
	}
	return t.verdict()
}

// measure measures one manager.
func measure(t *table, both [2]*pair, s settings) error {
	m := both[0].manager
	var memory, filled [2]float64 // both kinds
	defer both[0].end()
	defer both[1].end()
	var starting errgroup.Group
	for _, p := range both {
		starting.Go(func() error { return p.start(s.visitors) })
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	for i, p := range both {
		warm := s.warm
		if i == 0 {
			warm /= 4 // there is nothing to compile
		}
		if err := p.warm(warm); err != nil {
			return err
		}
		var err error
		if memory[i], filled[i], err = p.sized(s.sessions, false); err != nil {
			return err
		}
	}
	if m.lossless {
		t.row(m.name+", memory of a session", "bytes", memory[0], memory[1], memoryLimit)
	}
	t.row(m.name+", new sessions", "/s", filled[0], filled[1], 0)
	if m.base {
		if err := pacing(t, "no session", both, s, (*visitor).look, 0); err != nil {
			return err
		}
	}
	if err := pacing(t, m.name, both, s, func(v *visitor) error { return v.click(false) }, cpuLimit); err != nil {
		return err
	}
	if err := lateness(t, both, s); err != nil {
		return err
	}
	if m.joins {
		return joining(t, both)
	}
	if m.backup {
		return texts(t, both, s)
	}
	return nil
}

// texts measures sessions in which nothing but a text can be saved.
func texts(t *table, both [2]*pair, s settings) error {
	var memory [2]float64
	for i, p := range both {
		var err error
		if memory[i], _, err = p.sized(s.sessions, true); err != nil {
			return err
		}
	}
	t.row(fmt.Sprintf("%s, memory with a text of %d bytes", both[0].manager.name, textSize), "bytes", memory[0], memory[1], 0)
	return nil
}

// pacing measures one load in rounds that take turns.
func pacing(t *table, name string, both [2]*pair, s settings, do func(v *visitor) error, limit float64) error {
	var all [2][]pace
	for range s.rounds {
		for i, p := range both {
			one, err := p.round(s.length, do)
			if err != nil {
				return err
			}
			all[i] = append(all[i], one)
		}
	}
	rate := func(p pace) float64 { return p.rate }
	cpu := func(p pace) float64 { return p.cpu }
	t.row(name+", requests", "/s", median(all[0], rate), median(all[1], rate), 0)
	t.row(name+", CPU of a request", "µs", median(all[0], cpu), median(all[1], cpu), limit)
	return nil
}

// lateness measures when the other node has a change, in short rounds that take
// turns.
func lateness(t *table, both [2]*pair, s settings) error {
	var all [2][]late
	for range s.rounds {
		for i, p := range both {
			one, err := p.latency(s.length / time.Duration(s.rounds))
			if err != nil {
				return err
			}
			all[i] = append(all[i], one)
		}
	}
	name := both[0].manager.name
	p50 := func(l late) float64 { return l.p50 }
	p99 := func(l late) float64 { return l.p99 }
	t.row(name+", late p50", "µs", median(all[0], p50), median(all[1], p50), 0)
	t.row(name+", late p99", "µs", median(all[0], p99), median(all[1], p99), 0)
	return nil
}

// joining measures what a node that joins takes.
func joining(t *table, both [2]*pair) error {
	var all [2]taking
	for i, p := range both {
		var err error
		for range 3 {
			all[i], err = p.transfer()
			if err == nil || p.kind == "go" {
				break
			}
			// A Tomcat that does not hear of the others in time serves without
			// their sessions: another one joins.
			fmt.Fprintln(os.Stderr, "bench/sessions:", err)
		}
		if err != nil {
			return err
		}
	}
	name := fmt.Sprintf("%d sessions to a node that joins", both[0].sessions)
	t.row(name, "ms", all[0].took.Seconds()*1000, all[1].took.Seconds()*1000, 0)
	t.row(name+", its memory", "MiB", mib(all[0].taker), mib(all[1].taker), 0)
	t.row(name+", the giver's more", "MiB", mib(all[0].giver), mib(all[1].giver), 0)
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
