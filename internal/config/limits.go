package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
)

// limitRows are the directives about what a client may send, and how long.
var limitRows = []row{
	{"Timeout", topLevels, 1, 1, "one argument, Timeout duration (sec)", timeout, "How long a client may be silent.", "TestSlowReaderIsBrokenOff"},
	{"KeepAlive", topLevels, 1, 1, "one argument", keepAlive, "Whether connections are kept.", "TestServer"},
	{"KeepAliveTimeout", topLevels, 1, 1, "one argument, Keep-Alive timeout duration (sec)", keepAliveTimeout, "How long an idle connection is kept.", "TestIdleTimeIsOfTheLastRequest"},
	{"MaxKeepAliveRequests", topLevels, 1, 1, "one argument, Maximum number of Keep-Alive requests per connection, or 0 for infinite", maxKeepAlive, "How many requests one connection carries.", "TestServer"},
	{"LimitRequestLine", topLevels, 1, 1, "one argument, Limit on maximum size of an HTTP request line", limitLine, "The longest request line; more is 414.", "TestLimits"},
	{"LimitRequestFieldSize", topLevels, 1, 1, "one argument, Limit on maximum size of an HTTP request header field", limitFieldSize, "The longest header; more is 400.", "TestLimits"},
	{"LimitRequestFields", topLevels, 1, 1, "one argument, Limit (0 = unlimited) on max number of header fields in a request message", limitFields, "How many headers; more is 400.", "TestLimits"},
}

// limits are those of a scope that are set.
type limits struct {
	timeout                      *time.Duration
	keepAlive                    *bool
	keepAliveTimeout             *time.Duration
	maxRequests                  *int
	requestLine, fieldSize, most *int
}

// over fills what l leaves open from main, and the rest with httpd's defaults.
func (l limits) over(main limits) front.Limits {
	return front.Limits{
		Timeout: either(l.timeout, main.timeout, 60*time.Second),
		KeepAlive: front.KeepAlive{
			Off:         !either(l.keepAlive, main.keepAlive, true),
			Timeout:     either(l.keepAliveTimeout, main.keepAliveTimeout, 5*time.Second),
			MaxRequests: either(l.maxRequests, main.maxRequests, 100),
		},
		RequestLine: either(l.requestLine, main.requestLine, 8190),
		FieldSize:   either(l.fieldSize, main.fieldSize, 8190),
		Fields:      either(l.most, main.most, 100),
	}
}

// either returns the first that is set, else standard.
func either[T any](own, inherited *T, standard T) T {
	switch {
	case own != nil:
		return *own
	case inherited != nil:
		return *inherited
	}
	return standard
}

func timeout(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 1 {
		l.warn(d, at(d, 0), "Timeout "+arg(d, 0)+": not a number of seconds above 0; httpd takes it for 0, here 60 s hold", "")
		return
	}
	t := time.Duration(n) * time.Second
	p.scope.limits.timeout = &t
}

func keepAlive(l *loader, p place, d *httpdconf.Directive) {
	switch low := strings.ToLower(arg(d, 0)); low {
	case "on", "off", "0", "1":
		on := low == "on" || low == "1"
		p.scope.limits.keepAlive = &on
	default:
		l.fail(d, at(d, 0), "KeepAlive must be On or Off", "")
	}
}

func keepAliveTimeout(l *loader, p place, d *httpdconf.Directive) {
	text := strings.ToLower(arg(d, 0))
	unit := time.Second
	if rest, ok := strings.CutSuffix(text, "ms"); ok {
		text, unit = rest, time.Millisecond
	} else if rest, ok := strings.CutSuffix(text, "s"); ok {
		text = rest
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		l.fail(d, at(d, 0), "KeepAliveTimeout has wrong format", "write a number of seconds, or of milliseconds as 500ms")
		return
	}
	t := max(time.Duration(n)*unit, time.Millisecond)
	p.scope.limits.keepAliveTimeout = &t
}

func maxKeepAlive(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.number(d); ok {
		if n == 0 {
			n = -1
		}
		p.scope.limits.maxRequests = &n
	}
}

func limitLine(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.number(d); ok {
		p.scope.limits.requestLine = &n
	}
}

func limitFieldSize(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.number(d); ok {
		p.scope.limits.fieldSize = &n
	}
}

func limitFields(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.number(d); ok {
		if n == 0 {
			n = -1
		}
		p.scope.limits.most = &n
	}
}

// number reads a number that is not negative.
func (l *loader) number(d *httpdconf.Directive) (int, bool) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 0 {
		l.fail(d, at(d, 0), fmtNumber(d), "")
		return 0, false
	}
	return n, true
}

func fmtNumber(d *httpdconf.Directive) string {
	return d.Name + " \"" + arg(d, 0) + "\" must be a non-negative integer"
}
