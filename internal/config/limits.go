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
	{"Timeout", topLevels, one, "Timeout duration (sec)", timeout, "How long a client may be silent.", "web/listener TestSlowReaderIsBrokenOff"},
	{"KeepAlive", topLevels, flag, "", keepAlive, "Whether connections are kept.", "front TestKeepAlive"},
	{"KeepAliveTimeout", topLevels, one, "Keep-Alive timeout duration (sec)", keepAliveTimeout, "How long an idle connection is kept.", "web/listener TestIdleTimeIsOfTheLastRequest"},
	{"MaxKeepAliveRequests", topLevels, one, "Maximum number of Keep-Alive requests per connection, or 0 for infinite", maxKeepAlive, "How many requests one connection carries.", "front TestKeepAlive"},
	{"RequestReadTimeout", topLevels, anyNumber, "", requestReadTimeout, "How fast a client sends the head of a request, else 408, its body, and its TLS handshake. Where reqtimeout_module is loaded httpd's own values hold.", "interop TestRequestReadTimeout"},
	{"LimitRequestLine", topLevels, one, "Limit on maximum size of an HTTP request line", limitLine, "The longest request line; more is 414.", "front TestLimits"},
	{"LimitRequestFieldSize", topLevels, one, "Limit on maximum size of an HTTP request header field", limitFieldSize, "The longest header; more is 400.", "front TestLimits"},
	{"LimitRequestFields", topLevels, one, "Limit (0 = unlimited) on max number of header fields in a request message", limitFields, "How many headers; more is 400.", "front TestLimits"},
}

// limits are those of a scope that are set.
type limits struct {
	timeout                      *time.Duration
	keepAlive                    *bool
	keepAliveTimeout             *time.Duration
	maxRequests                  *int
	requestLine, fieldSize, most *int
	paces                        paces
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
		l.warn(d, at(d, 0), "Timeout "+arg(d, 0)+": not a number of seconds above 0; httpd takes what it can read of it, or 0; here 60 s hold", "write a number of seconds, without a unit")
		return
	}
	t := time.Duration(n) * time.Second
	p.scope.limits.timeout = &t
}

func keepAlive(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		p.scope.limits.keepAlive = &on
	}
}

// keepAliveTimeout reads a number of seconds, or one with a unit.
//
// Source: httpd server/util.c, ap_timeout_parameter_parse.
func keepAliveTimeout(l *loader, p place, d *httpdconf.Directive) {
	text := arg(d, 0)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	unit, known := units[strings.ToLower(text[digits:])]
	n, err := strconv.Atoi(text[:digits])
	if err != nil || !known || n > int(24*time.Hour/time.Second) && unit >= time.Second {
		l.fail(d, at(d, 0), "KeepAliveTimeout has wrong format", "write a number of seconds, or of milliseconds as 500ms")
		return
	}
	t := max(time.Duration(n)*unit, time.Millisecond)
	p.scope.limits.keepAliveTimeout = &t
}

// units are what may follow the number of a time.
var units = map[string]time.Duration{"": time.Second, "s": time.Second, "ms": time.Millisecond, "mi": time.Minute, "min": time.Minute, "h": time.Hour}

// maxKeepAlive reads MaxKeepAliveRequests. What is no number is 0 to httpd, a
// negative one never reached: both are no limit.
func maxKeepAlive(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 0 {
		l.warn(d, at(d, 0), "MaxKeepAliveRequests "+arg(d, 0)+": not a number from 0 on; it is no limit, as in httpd", "write 0, or a number")
	}
	if err != nil || n <= 0 {
		n = -1
	}
	p.scope.limits.maxRequests = &n
}

func limitLine(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.limit(d, ""); ok {
		p.scope.limits.requestLine = &n
	}
}

func limitFieldSize(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.limit(d, ""); ok {
		p.scope.limits.fieldSize = &n
	}
}

func limitFields(l *loader, p place, d *httpdconf.Directive) {
	if n, ok := l.limit(d, " (0 = no limit)"); ok {
		if n == 0 {
			n = -1
		}
		p.scope.limits.most = &n
	}
}

// limit reads a number that is not negative. What is no number keeps the
// default: to httpd it is 0, with which no request would get through.
func (l *loader) limit(d *httpdconf.Directive, more string) (int, bool) {
	n, err := strconv.Atoi(arg(d, 0))
	switch {
	case err != nil:
		l.warn(d, at(d, 0), d.Name+" "+arg(d, 0)+": not a number; httpd takes it for 0, here the default holds", "write a number of at least 0")
		return 0, false
	case n < 0:
		l.fail(d, at(d, 0), d.Name+" \""+arg(d, 0)+"\" must be a non-negative integer"+more, "")
		return 0, false
	}
	return n, true
}
