// Package errorlog writes httpd's ErrorLog. What comes in are slog records,
// what goes out are lines in httpd's form:
//
//	[Sun Nov 22 07:50:22.699442 2026] [core:error] [pid 7:tid 7] [client 10.0.0.9:51000] AH00128: text key=value
//
// The attributes "module", "client" and "code" fill their places, all others
// follow the text.
package errorlog

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A Handler is an slog.Handler. Many goroutines may use it; each line is one
// Write.
type Handler struct {
	to     io.Writer
	levels Levels
	pid    string
	attrs  []slog.Attr
	prefix string // of the keys: the open groups, each with a dot
}

// New returns a handler that writes what levels let through to w.
func New(w io.Writer, levels Levels) *Handler {
	return &Handler{to: w, levels: levels, pid: strconv.Itoa(os.Getpid())}
}

// Enabled reports whether some module is logged at level.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.levels.lowest()
}

// WithAttrs returns a handler that adds attrs to each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = slices.Clip(with.attrs)
	for _, a := range attrs {
		a.Key = h.prefix + a.Key
		with.attrs = append(with.attrs, a)
	}
	return &with
}

// WithGroup returns a handler that puts group and a dot before later keys.
func (h *Handler) WithGroup(group string) slog.Handler {
	with := *h
	with.prefix += group + "."
	return &with
}

// Handle writes the line of r.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	l := line{module: "core"}
	for _, a := range h.attrs {
		l.add(a.Key, a.Value)
	}
	r.Attrs(func(a slog.Attr) bool {
		l.add(h.prefix+a.Key, a.Value)
		return true
	})
	if r.Level < h.levels.of(l.module) {
		return nil
	}
	b := make([]byte, 0, 256)
	b = append(b, '[')
	b = r.Time.AppendFormat(b, "Mon Jan 02 15:04:05.000000 2006")
	b = append(b, "] ["+l.module+":"+name(r.Level)+"] [pid "+h.pid+":tid "+h.pid+"] "...)
	if l.client != "" {
		b = append(b, "[client "+l.client+"] "...)
	}
	if l.code != "" {
		b = append(b, l.code+": "...)
	}
	b = AppendEscaped(b, r.Message)
	b = append(b, l.rest...)
	_, err := h.to.Write(append(b, '\n'))
	return err
}

// A line is a record taken apart.
type line struct {
	module, client, code string
	rest                 []byte
}

func (l *line) add(key string, value slog.Value) {
	value = value.Resolve()
	switch key {
	case "module":
		l.module = value.String()
	case "client":
		l.client = value.String()
	case "code":
		l.code = value.String()
	default:
		l.rest = AppendAttr(l.rest, key, value)
	}
}

// AppendAttr appends " key=value", the value in quotes if it holds a blank.
func AppendAttr(b []byte, key string, value slog.Value) []byte {
	if value.Kind() == slog.KindGroup {
		for _, a := range value.Group() {
			b = AppendAttr(b, key+"."+a.Key, a.Value.Resolve())
		}
		return b
	}
	b = append(b, " "+key+"="...)
	text := value.String()
	if text == "" || strings.ContainsAny(text, " \"=") {
		b = append(b, '"')
		b = AppendEscaped(b, strings.ReplaceAll(text, `"`, `'`))
		return append(b, '"')
	}
	return AppendEscaped(b, text)
}

// AppendEscaped appends s so that it stays on its line: control bytes as
// \n, \t or \xhh.
func AppendEscaped(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
