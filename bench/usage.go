package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A usage is what a tree of processes has used.
type usage struct {
	cpu    time.Duration // user and system, of the living and the ended
	memory int64         // proportional set size in bytes
}

// clockTick is the unit of times in /proc, fixed on Linux.
const clockTick = 10 * time.Millisecond

// usageOf adds up process pid and all below it.
//
// Source: proc(5), /proc/PID/stat and smaps_rollup.
func usageOf(pid int) (usage, error) {
	parents, err := processes()
	if err != nil {
		return usage{}, err
	}
	var sum usage
	for p := range parents {
		if !below(parents, p, pid) {
			continue
		}
		one, err := usageOfOne(p)
		if os.IsNotExist(err) {
			continue // it ended meanwhile
		}
		if err != nil {
			return usage{}, err
		}
		sum.cpu += one.cpu
		sum.memory += one.memory
	}
	return sum, nil
}

// processes returns the parent of each process.
func processes() (map[int]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	parents := map[int]int{}
	for _, name := range names {
		fields, err := statOf(name)
		if err != nil {
			continue
		}
		pid, err1 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			parents[pid] = parent
		}
	}
	return parents, nil
}

// below reports whether p is pid or descends from it.
func below(parents map[int]int, p, pid int) bool {
	for range len(parents) {
		if p == pid {
			return true
		}
		parent, ok := parents[p]
		if !ok || parent == 0 {
			return false
		}
		p = parent
	}
	return false
}

// statOf returns the fields of a stat file from the third, the state, on.
func statOf(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return nil, fmt.Errorf("%s: not understood: %q", name, text)
	}
	return fields, nil
}

func usageOfOne(pid int) (usage, error) {
	fields, err := statOf(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	var ticks int64
	for _, i := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return usage{}, err
		}
		ticks += n
	}
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return usage{}, err
	}
	return usage{time.Duration(ticks) * clockTick, proportional(string(rollup))}, nil
}

// proportional returns the Pss of a smaps_rollup, in bytes.
func proportional(rollup string) int64 {
	for line := range strings.Lines(rollup) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
