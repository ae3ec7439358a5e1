package jklog

import (
	"log/slog"
	"strings"
)

// Level is a level of JkLogLevel.
type Level int

const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
	Emerg
)

var levelNames = [...]string{"trace", "debug", "info", "warn", "error", "emerg"}

// ParseLevel reads a word of JkLogLevel. One that it does not know is info, as
// in mod_jk, and not ok.
func ParseLevel(word string) (level Level, ok bool) {
	for i, name := range levelNames {
		if strings.EqualFold(name, word) {
			return Level(i), true
		}
	}
	return Info, false
}

// of returns the level of a record.
func of(level slog.Level) Level {
	switch {
	case level < slog.LevelDebug:
		return Trace
	case level < slog.LevelInfo:
		return Debug
	case level < slog.LevelWarn:
		return Info
	case level < slog.LevelError:
		return Warn
	case level < slog.LevelError+8:
		return Error
	}
	return Emerg
}
