package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A round is one front under one load, once.
type round struct {
	load
	cpu    time.Duration // of the front's processes, for all requests
	memory int64         // of them, afterwards
}

// rate returns the requests per second.
func (r round) rate() float64 { return float64(r.requests) / r.took.Seconds() }

// each returns the CPU time per request.
func (r round) each() time.Duration { return r.cpu / time.Duration(max(1, r.requests)) }

// results holds the rounds by case and front.
type results map[string]map[string][]round

func (all results) add(of, front string, r round) {
	if all[of] == nil {
		all[of] = map[string][]round{}
	}
	all[of][front] = append(all[of][front], r)
}

// print writes the medians of all cases, and in brackets their ratio to those
// of base in the same rounds.
func (all results) print(w io.Writer, cases, fronts []string, base string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "case\tfront\trequests/s\tp99\tCPU/request\tmemory\tfailed\n")
	for _, of := range cases {
		for _, front := range fronts {
			mine, other := all[of][front], all[of][base]
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", of, front,
				column(mine, other, round.rate, "%.0f"),
				column(mine, other, func(r round) float64 { return r.p99.Seconds() * 1e3 }, "%.1f ms"),
				column(mine, other, func(r round) float64 { return r.each().Seconds() * 1e6 }, "%.1f µs"),
				column(mine, other, func(r round) float64 { return float64(r.memory) / (1 << 20) }, "%.1f MiB"),
				failures(mine))
		}
	}
	return t.Flush()
}

func failures(all []round) int {
	sum := 0
	for _, r := range all {
		sum += r.failed
	}
	return sum
}

// column is the median of a figure, and the median of its ratios round by
// round.
func column(mine, base []round, figure func(round) float64, format string) string {
	var values, ratios []float64
	for i, r := range mine {
		values = append(values, figure(r))
		if i < len(base) && figure(base[i]) > 0 {
			ratios = append(ratios, figure(r)/figure(base[i]))
		}
	}
	return fmt.Sprintf(format+" (%.2f)", median(values), median(ratios))
}

// median returns the middle of values, the upper one of two; zero of none.
func median[T cmp.Ordered](values []T) T {
	var zero T
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
