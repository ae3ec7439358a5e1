// Package jklog writes mod_jk's logs. What comes in are slog records and
// requests that a worker answered, what goes out are the lines of JkLogFile
// and JkRequestLogFormat:
//
//	[Tue Nov 24 11:03:10.163 2026] [7:7] [info] Forward::worker.go (98): (n1) text key=value
//
// The attribute "worker" stands before the text, in brackets, all others after
// it.
package jklog

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/web/errorlog"
)

// longestLine is where mod_jk cuts a line.
const longestLine = 1024

// A Handler is an slog.Handler. Many goroutines may use it; each line is one
// Write.
type Handler struct {
	to    io.Writer
	level Level
	stamp Stamp
	ids   string
	attrs []slog.Attr
}

// New returns a handler that writes records of level and above to w.
func New(w io.Writer, level Level, stamp Stamp) *Handler {
	pid := strconv.Itoa(os.Getpid())
	return &Handler{to: w, level: level, stamp: stamp, ids: "[" + pid + ":" + pid + "] ["}
}

// Enabled reports whether records of level are written.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return of(level) >= h.level }

// WithAttrs returns a handler that adds attrs to each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(slices.Clip(with.attrs), attrs...)
	return &with
}

// WithGroup returns h: mod_jk's lines have no groups.
func (h *Handler) WithGroup(string) slog.Handler { return h }

// Handle writes the line of r.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	worker, rest := "", []byte(nil)
	add := func(a slog.Attr) bool {
		if a.Key == "worker" {
			worker = a.Value.String()
		} else {
			rest = errorlog.AppendAttr(rest, a.Key, a.Value.Resolve())
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	b := h.stamp.Append(make([]byte, 0, 256), r.Time)
	b = append(b, h.ids...)
	b = append(b, levelNames[of(r.Level)]+"] "+source(r.PC)+": "...)
	if worker != "" {
		b = append(b, "("+worker+") "...)
	}
	b = errorlog.AppendEscaped(b, r.Message)
	b = append(b, rest...)
	if len(b) > longestLine {
		b = append(b[:longestLine-3], "..."...)
	}
	_, err := h.to.Write(append(b, '\n'))
	return err
}

// source tells where a record was made, as mod_jk does: func::file (line).
func source(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.Function == "" {
		return "catflap::go (0)"
	}
	name := frame.Function[strings.LastIndexByte(frame.Function, '.')+1:]
	return name + "::" + path.Base(frame.File) + " (" + strconv.Itoa(frame.Line) + ")"
}
