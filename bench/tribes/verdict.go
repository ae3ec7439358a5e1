package main

import (
	"fmt"
	"io"
)

// What the channel is meant to reach beside Tomcat's: its throughput, for half
// of its processor time.
const (
	leastRate = 1.0
	mostCPU   = 0.5
)

// A verdict compares the ratios of a load with what they are meant to be.
type verdict struct {
	load    load
	members int
	rate    float64 // 0 if pauses set it
	cpu     float64 // without that of pauses
	pauses  [2]float64
}

func judge(l load, members int, results [2][]result) verdict {
	v := verdict{load: l, members: members, cpu: ratio(results, func(r result) float64 { return float64(r.net()) })}
	if l.pause == 0 {
		v.rate = ratio(results, func(r result) float64 { return r.rate })
		return v
	}
	for i := range results {
		v.pauses[i] = median(results[i], func(r result) float64 { return float64(r.pauses) / 1000 })
	}
	return v
}

func (v verdict) met() bool { return (v.rate == 0 || v.rate >= leastRate) && v.cpu <= mostCPU }

func printVerdicts(w io.Writer, all []verdict) {
	fmt.Fprintf(w, "\nMeant to be: Tomcat's rate (ratio at least %.2f) for half of its CPU (ratio at most %.2f).\n", leastRate, mostCPU)
	for _, v := range all {
		rate := "set by pauses"
		if v.rate != 0 {
			rate = fmt.Sprintf("rate %.2f", v.rate)
		}
		met := "met"
		if !v.met() {
			met = "NOT met"
		}
		fmt.Fprintf(w, "%-28s %-8d %-14s CPU %.2f  %s", v.load.name, v.members, rate, v.cpu, met)
		if v.load.pause > 0 {
			fmt.Fprintf(w, "  (without what the pauses alone take: Go %.1f µs, Tomcat %.1f µs)", v.pauses[0], v.pauses[1])
		}
		fmt.Fprintln(w)
	}
}
