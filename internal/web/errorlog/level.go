package errorlog

import (
	"log/slog"
	"strings"
)

// The levels of httpd that slog has no name for.
const (
	Notice = slog.LevelInfo + 2
	Crit   = slog.LevelError + 4
	Alert  = slog.LevelError + 6
	Emerg  = slog.LevelError + 8
	Trace1 = slog.LevelDebug - 1
	Trace8 = slog.LevelDebug - 8
)

var levels = []struct {
	name  string
	level slog.Level
}{
	{"emerg", Emerg}, {"alert", Alert}, {"crit", Crit}, {"error", slog.LevelError}, {"warn", slog.LevelWarn}, {"notice", Notice},
	{"info", slog.LevelInfo}, {"debug", slog.LevelDebug}, {"trace1", Trace1}, {"trace2", Trace1 - 1}, {"trace3", Trace1 - 2},
	{"trace4", Trace1 - 3}, {"trace5", Trace1 - 4}, {"trace6", Trace1 - 5}, {"trace7", Trace1 - 6}, {"trace8", Trace8},
}

// ParseLevel reads a level of LogLevel, without regard to case.
func ParseLevel(word string) (slog.Level, bool) {
	for _, l := range levels {
		if strings.EqualFold(l.name, word) {
			return l.level, true
		}
	}
	return 0, false
}

// name returns the level as httpd writes it.
func name(level slog.Level) string {
	for _, l := range levels {
		if level >= l.level {
			return l.name
		}
	}
	return "trace8"
}

// Levels is LogLevel: a level for all, and others for some modules.
type Levels struct {
	Default slog.Level            // warn if nothing is said
	Modules map[string]slog.Level // by the module's name without mod_ and _module
}

// lowest returns the lowest level that any module is logged at.
func (l Levels) lowest() slog.Level {
	low := min(l.Default, Notice)
	for _, level := range l.Modules {
		low = min(low, level)
	}
	return low
}

// of returns the level for module. In a file notices are always written, as
// in httpd: they tell of starts and stops.
func (l Levels) of(module string) slog.Level {
	if level, ok := l.Modules[module]; ok {
		return min(level, Notice)
	}
	return min(l.Default, Notice)
}
