package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// A load is what one run of wrk saw.
type load struct {
	requests int
	took     time.Duration
	p99      time.Duration
	failed   int // answers other than 2xx and 3xx, and socket errors
}

// wrk loads url over connections for a time, in one thread.
func wrk(ctx context.Context, url string, connections int, length time.Duration) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, length+20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(connections),
		"-d", fmt.Sprintf("%ds", int(length.Seconds())), "--latency", "--timeout", "10s", url)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, stderr.Bytes())
	}
	return parseWrk(string(out))
}

var (
	wrkTotal  = regexp.MustCompile(`(\d+) requests in ([\d.]+)(us|ms|s|m)`)
	wrkP99    = regexp.MustCompile(`99%\s+([\d.]+)(us|ms|s|m)`)
	wrkStatus = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkSocket = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

// parseWrk reads wrk's report.
func parseWrk(out string) (load, error) {
	total, p99 := wrkTotal.FindStringSubmatch(out), wrkP99.FindStringSubmatch(out)
	if total == nil || p99 == nil {
		return load{}, fmt.Errorf("wrk: report not understood: %q", out)
	}
	requests, err := strconv.Atoi(total[1])
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w", err)
	}
	took, err := time.ParseDuration(total[2] + total[3])
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w", err)
	}
	late, err := time.ParseDuration(p99[1] + p99[2])
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w", err)
	}
	l := load{requests: requests, took: took, p99: late}
	for _, pattern := range []*regexp.Regexp{wrkStatus, wrkSocket} {
		if found := pattern.FindStringSubmatch(out); found != nil {
			for _, n := range found[1:] {
				count, _ := strconv.Atoi(n)
				l.failed += count
			}
		}
	}
	return l, nil
}
