package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// What Go nodes may take of what Tomcats take.
const (
	memoryLimit = 1.0 / 2
	cpuLimit    = 1.0 / 3
)

// A table prints figures of both kinds as they come.
type table struct {
	w      io.Writer
	missed bool
}

func newTable(w io.Writer) *table {
	fmt.Fprintf(w, "%-52s %-5s %9s %9s %7s %7s\n", "", "", "Go", "Tomcat", "ratio", "limit")
	return &table{w: w}
}

// row prints a figure. A limit of 0 is none.
func (t *table) row(name, unit string, ours, theirs, limit float64) {
	fmt.Fprintf(t.w, "%-52s %-5s %9.0f %9.0f %7.2f", name, unit, ours, theirs, ours/theirs)
	switch {
	case limit == 0:
	case ours <= limit*theirs:
		fmt.Fprintf(t.w, " %7.2f met", limit)
	default:
		fmt.Fprintf(t.w, " %7.2f not met", limit)
		t.missed = true
	}
	fmt.Fprintln(t.w)
}

// verdict is an error if a limit was not met.
func (t *table) verdict() error {
	if t.missed {
		return errors.New("a limit was not met")
	}
	return nil
}

// tomcatVersion is what the installed Tomcat says that it is.
func tomcatVersion() string {
	out, err := exec.Command("java", "-cp", tomcatHome+"/lib/catalina.jar", "org.apache.catalina.util.ServerInfo").Output()
	if err != nil {
		return "unknown"
	}
	var facts []string
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "Server version", "JVM Version":
			facts = append(facts, strings.TrimSpace(value))
		}
	}
	return strings.Join(facts, ", ")
}
