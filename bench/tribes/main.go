// Command tribes measures package tribes beside Tomcat's own library in the
// same run: throughput, latency and processor time of messages of 1 KiB between
// 2 and 4 members on this machine. What comes in is how long to measure, what
// goes out is a table with medians of rounds that take turns, the medians of
// their ratios, and whether these are as they are meant to be.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const tomcatHome = "/usr/share/tomcat10"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "node" {
		exit(runNode(context.Background()))
	}
	rounds := flag.Int("rounds", 5, "rounds of each load")
	count := flag.Int("messages", 30_000, "messages of a round")
	members := flag.Int("members", 0, "only groups of so many members")
	only := flag.String("load", "", "only loads with this in their name")
	flag.Parse()
	exit(run(*rounds, *count, *members, *only))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/tribes:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures all groups and prints the table.
func run(rounds, count, members int, only string) error {
	classes, err := os.MkdirTemp("", "catflap-bench-tribes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(classes)
	path := tomcatHome + "/lib/*:" + tomcatHome + "/bin/tomcat-juli.jar"
	if out, err := exec.Command("javac", "-cp", path, "-d", classes, "bench/tribes/testdata/Node.java").CombinedOutput(); err != nil {
		return fmt.Errorf("javac: %w\n%s", err, out)
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	commands := [2][]string{
		{own, "node"},
		{"java", "-Xmx512m", "-Djava.security.egd=file:/dev/urandom", "-Djava.util.logging.config.file=/dev/null", "-cp", classes + ":" + path, "Node"},
	}
	loads := []load{
		{"acknowledged, 8 threads", count, 8, 2, 0, false},
		{"asynchronous, 8 threads", count, 8, 8, 0, false},
		{"acknowledged, alone", count / 3, 1, 2, 0, false},
		{"asynchronous, each ms", count / 30, 1, 8, time.Millisecond, true},
	}
	loads = slices.DeleteFunc(loads, func(l load) bool { return !strings.Contains(l.name, only) })
	fmt.Printf("messages of 1 KiB; %d rounds in turns, medians. Rate: messages a second that each receiver gets. CPU: user and system of all\n"+
		"members, for a message. Latency: acknowledged until Send returns, asynchronous until it is received. Ratio: median of the rounds'.\n\n", rounds)
	fmt.Printf("%-28s %-8s %21s %23s %23s %23s\n", "", "", "rate /s", "CPU µs", "p50 µs", "p99 µs")
	fmt.Printf("%-28s %-8s %s\n", "load", "members", "  Go   Tomcat  ratio      Go  Tomcat   ratio      Go  Tomcat   ratio      Go  Tomcat   ratio")
	var all []verdict
	for _, n := range []int{2, 4} {
		if members != 0 && members != n {
			continue
		}
		verdicts, err := compare(commands, loads, n, rounds)
		if err != nil {
			return err
		}
		all = append(all, verdicts...)
	}
	printVerdicts(os.Stdout, all)
	return nil
}

// compare lets groups of n members of both kinds do all loads in turns.
func compare(commands [2][]string, loads []load, n, rounds int) ([]verdict, error) {
	var groups [2]group
	for i, command := range commands {
		var err error
		if groups[i], err = startGroup(command, n); err != nil {
			return nil, err
		}
		defer groups[i].end()
	}
	var all []verdict
	for _, l := range loads {
		var results [2][]result
		for round := range rounds + 2 { // the first two warm up
			for i, g := range groups {
				r, err := g.round(l)
				if err != nil {
					return nil, err
				}
				if round >= 2 {
					results[i] = append(results[i], r)
				}
			}
		}
		fmt.Printf("%-28s %-8d", l.name, n)
		for i, of := range []func(result) float64{
			func(r result) float64 { return r.rate },
			func(r result) float64 { return float64(r.cpu) / 1000 },
			func(r result) float64 { return float64(r.p50) / 1000 },
			func(r result) float64 { return float64(r.p99) / 1000 },
		} {
			format := " %7.1f %7.1f %7.2f"
			if i == 0 {
				format = " %6.0f %6.0f %6.2f "
			}
			fmt.Printf(format, median(results[0], of), median(results[1], of), ratio(results, of))
		}
		fmt.Println()
		all = append(all, judge(l, n, results))
	}
	return all, nil
}

func median[T any](all []T, of func(T) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}

// ratio is the median of the ratios of both kinds, round by round.
func ratio(results [2][]result, of func(result) float64) float64 {
	var all []float64
	for i := range results[0] {
		all = append(all, of(results[0][i])/of(results[1][i]))
	}
	return median(all, func(r float64) float64 { return r })
}
