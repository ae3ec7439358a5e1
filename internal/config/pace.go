package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/exchange"
)

// paces are what RequestReadTimeout says in a scope; nil is not set.
type paces struct{ handshake, header, body *exchange.Pace }

// standardPaces hold where mod_reqtimeout is loaded and nothing else is said.
//
// Source: httpd modules/filters/mod_reqtimeout.c.
var standardPaces = struct{ handshake, header, body exchange.Pace }{
	header: exchange.Pace{First: 20 * time.Second, Most: 40 * time.Second, Rate: 500},
	body:   exchange.Pace{First: 20 * time.Second, Rate: 500},
}

// mostSeconds bounds a time.
const mostSeconds = int64(math.MaxInt64 / time.Second)

// requestReadTimeout reads WHAT=SECONDS[-SECONDS][,MinRate=BYTES].
//
// Source: httpd modules/filters/mod_reqtimeout.c, set_reqtimeout_param, as
// seen at work.
func requestReadTimeout(l *loader, p place, d *httpdconf.Directive) {
	for i, a := range d.Args {
		what, value, ok := strings.Cut(a.Text, "=")
		if !ok {
			l.fail(d, a.Pos, "Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'", "write header=20-40,MinRate=500 or the like")
			return
		}
		to := map[string]**exchange.Pace{"header": &p.scope.limits.paces.header, "body": &p.scope.limits.paces.body, "handshake": &p.scope.limits.paces.handshake}[strings.ToLower(what)]
		pace, wrong := parsePace(value)
		if to == nil {
			wrong = "Unknown RequestReadTimeout parameter"
		}
		if wrong != "" {
			l.fail(d, at(d, i), "RequestReadTimeout: "+a.Text+": "+wrong, "")
			return
		}
		if strings.EqualFold(what, "handshake") { // its bytes are not counted
			pace = exchange.Pace{First: max(pace.First, pace.Most)}
		}
		*to = &pace
	}
}

// parsePace reads SECONDS[-SECONDS][,MinRate=BYTES], or says in httpd's words
// what is wrong.
func parsePace(text string) (pace exchange.Pace, wrong string) {
	number := func(word string) int64 {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < 0 || n > mostSeconds {
			wrong = "Value '" + word + "' not numerical"
		}
		return n
	}
	times, rest, _ := strings.Cut(text, ",")
	first, most, ranged := strings.Cut(times, "-")
	key, value, isRate := strings.Cut(rest, "=")
	isRate = isRate && strings.EqualFold(key, "MinRate")
	rate, more, _ := strings.Cut(value, ",")
	switch unread := text[len(times):]; {
	case ranged && !isRate:
		return pace, "Must set MinRate option if using timeout range"
	case !isRate && unread != "":
		return pace, "Cannot parse '" + unread + "'"
	case more != "":
		return pace, "Cannot parse '," + more + "'"
	}
	pace.First = time.Duration(number(first)) * time.Second
	if wrong == "" && ranged {
		pace.Most = time.Duration(number(most)) * time.Second
		if wrong == "" && pace.Most <= pace.First {
			wrong = "Maximum timeout must be larger than initial timeout"
		}
	}
	if wrong == "" && isRate {
		n := number(rate)
		if pace.Rate = int(n); wrong == "" && n == 0 {
			wrong = "Minimum data rate must be larger than 0"
		}
	}
	return pace, wrong
}

// paced fills in the paces of a host.
func (l *loader) paced(own, main paces) (handshake, header, body exchange.Pace) {
	standard := standardPaces
	if !l.modules["reqtimeout_module"] {
		standard.header, standard.body = exchange.Pace{}, exchange.Pace{}
	}
	return either(own.handshake, main.handshake, standard.handshake), either(own.header, main.header, standard.header), either(own.body, main.body, standard.body)
}
