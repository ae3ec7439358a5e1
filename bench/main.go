// Command bench puts fronts side by side before the same Tomcat. What comes in
// are the installed peers and these sources, what goes out is a table of
// medians: requests a second, the 99th percentile, CPU time per request and
// memory of each front, with their ratios to httpd with mod_jk in the same
// rounds.
//
// The rounds are interleaved, so that what else the machine does falls on all
// alike; compare ratios, never times of two runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each front is measured in each case")
	length := flag.Duration("length", 4*time.Second, "how long one measurement takes")
	connections := flag.Int("connections", 32, "how many connections it uses")
	only := flag.String("case", "", "measure only cases that contain this")
	also := flag.String("also", "", "another catflap to measure beside, a built program")
	flag.Parse()
	os.Exit(run(settings{*rounds, *length, *connections, *only, *also}))
}

// settings are the flags.
type settings struct {
	rounds      int
	length      time.Duration
	connections int
	only        string
	also        string
}

// run runs the benchmark and returns the exit code.
func run(s settings) (code int) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	t := &host{}
	defer t.cleanup()
	defer func() {
		if failed, ok := recover().(fatal); ok {
			fmt.Fprintln(os.Stderr, "bench:", string(failed))
			code = 1
		}
	}()
	all := start(t, s.also)
	fmt.Print(all.configuration)
	var chosen []benchCase
	var names []string
	for _, c := range cases {
		if strings.Contains(c.name, s.only) {
			chosen, names = append(chosen, c), append(names, c.name)
		}
	}
	table := results{}
	for r := range s.rounds + 1 { // the first warms up
		for _, c := range chosen {
			for i := range all.fronts {
				f := all.fronts[(i+r)%len(all.fronts)]
				measured, err := measure(ctx, f, c, s.connections, s.length)
				if err != nil {
					t.Fatalf("%s, %s: %v", f.name, c.name, err)
				}
				if r > 0 {
					table.add(c.name, f.name, measured)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d done\n", r, s.rounds)
	}
	if err := table.print(os.Stdout, names, all.names(), "httpd"); err != nil {
		t.Fatalf("%v", err)
	}
	return 0
}

// A benchCase is what is asked for.
type benchCase struct {
	name string
	path string
}

var cases = []benchCase{
	{"servlet 1 KB", "/app/echo.do?size=1024&length=1"},
	{"servlet 100 KB", "/app/echo.do?size=102400&length=1"},
	{"file 1 KB", "/1k.html"},
	{"file 100 KB", "/100k.html"},
}

// measure loads one front once.
func measure(ctx context.Context, f front, c benchCase, connections int, length time.Duration) (round, error) {
	before, err := usageOf(f.pid)
	if err != nil {
		return round{}, err
	}
	l, err := wrk(ctx, "http://"+f.addr+c.path, connections, length)
	if err != nil {
		return round{}, err
	}
	after, err := usageOf(f.pid)
	if err != nil {
		return round{}, err
	}
	return round{load: l, cpu: after.cpu - before.cpu, memory: after.memory}, nil
}
