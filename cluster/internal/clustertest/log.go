// Package clustertest looks whether nodes log what they must not. What comes in
// are lines of a log and ids of sessions, what goes out are errors of a test.
package clustertest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// A Log keeps all lines. Many goroutines may use it.
type Log struct {
	mu    sync.Mutex
	lines bytes.Buffer
	ids   map[string]bool
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

// Logger is one whose lines l keeps, those for debugging, too.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Secret says that a session has this id.
func (l *Log) Secret(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids == nil {
		l.ids = map[string]bool{}
	}
	if id, _, _ = strings.Cut(id, "."); id != "" {
		l.ids[id] = true
	}
}

// Check has t fail if there is an id in a line.
func (l *Log) Check(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.lines.String()) {
		for id := range l.ids {
			if strings.Contains(line, id) {
				t.Errorf("the id of a session is in the log: %s", line)
			}
		}
	}
}
