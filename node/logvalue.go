package node

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/ajp"
)

// commit is how long it took until the answer began.
func (e *entry) commit() time.Duration {
	if e.first.IsZero() {
		return 0
	}
	return e.first.Sub(e.began)
}

// sessionID is that of the session, "" without.
func (e *entry) sessionID() string {
	if e.session == nil {
		return ""
	}
	return e.session.ID()
}

// user is who the session belongs to.
func (e *entry) user() string {
	if e.session != nil {
		if p := e.session.Principal(); p != nil {
			return p.Name
		}
	}
	return ""
}

// attribute is a request attribute that the web server has sent.
func attribute(r *http.Request, name string) string {
	if told := ajp.FromContext(r.Context()); told != nil {
		value, _ := told.Attributes.RequestAttribute(name)
		return value
	}
	return ""
}

// client is the address of the client, "-" if it is not known.
func client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "-"
	}
	return host
}

func clientPort(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "-"
	}
	return port
}

// peer is the address of who has connected: the client, or the web server that
// speaks AJP.
func peer(r *http.Request) string {
	if ajp.FromContext(r.Context()) == nil {
		return client(r)
	}
	if addr, ok := ajp.PeerAddr(r.Context()).(*net.TCPAddr); ok {
		return addr.IP.String()
	}
	return "-"
}

// local is the address that the client has connected to.
func local(r *http.Request) (host, port string) {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if host, port, err := net.SplitHostPort(addr.String()); err == nil {
			return host, port
		}
	}
	return "-", "-"
}

func localHost(r *http.Request) string { host, _ := local(r); return host }
func localPort(r *http.Request) string { _, port := local(r); return port }

// serverPort is the port that the client has asked for.
func serverPort(r *http.Request, c *call) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return port
	}
	if c.request.Scheme == "https" {
		return "443"
	}
	return "80"
}

// timestamp is %{…}t: a part of the time, or one in the form of a
// SimpleDateFormat.
func timestamp(argument string) func(b []byte, e *entry) []byte {
	of := func(e *entry) time.Time { return e.began }
	if rest, ok := strings.CutPrefix(argument, "begin"); ok {
		argument = strings.TrimPrefix(rest, ":")
	} else if rest, ok := strings.CutPrefix(argument, "end"); ok {
		argument, of = strings.TrimPrefix(rest, ":"), func(e *entry) time.Time { return e.ended }
	}
	switch argument {
	case "":
		return func(b []byte, e *entry) []byte { return of(e).AppendFormat(b, "[02/Jan/2006:15:04:05 -0700]") }
	case "sec":
		return func(b []byte, e *entry) []byte { return strconv.AppendInt(b, of(e).Unix(), 10) }
	case "msec":
		return func(b []byte, e *entry) []byte { return strconv.AppendInt(b, of(e).UnixMilli(), 10) }
	case "msec_frac":
		return func(b []byte, e *entry) []byte { return fmt.Appendf(b, "%03d", of(e).Nanosecond()/1e6) }
	}
	return func(b []byte, e *entry) []byte { return appendJava(b, argument, of(e)) }
}

// appendJava appends t as a SimpleDateFormat does. A letter that it does not
// know stands as it is; what is between quotes does, too.
func appendJava(b []byte, format string, t time.Time) []byte {
	for quoted := false; format != ""; {
		letter, run := format[0], 1
		for run < len(format) && format[run] == letter {
			run++
		}
		switch layout := javaLayout(letter, run); {
		case letter == '\'':
			quoted = quoted != (run%2 == 1)
			b = append(b, strings.Repeat("'", run/2)...)
		case quoted:
			b = append(b, format[:run]...)
		case letter == 'S':
			b = fmt.Appendf(b, "%0*d", run, t.Nanosecond()/1e6)
		case letter == 'H' && run == 1:
			b = strconv.AppendInt(b, int64(t.Hour()), 10)
		case layout != "":
			b = t.AppendFormat(b, layout)
		default:
			b = append(b, format[:run]...)
		}
		format = format[run:]
	}
	return b
}

// javaLayout is a letter of a SimpleDateFormat, so many times, as package time
// has it; "" if that does not.
func javaLayout(letter byte, run int) string {
	pick := func(all ...string) string { return all[min(run, len(all))-1] }
	switch letter {
	case 'y':
		if run == 2 {
			return "06"
		}
		return "2006"
	case 'M':
		return pick("1", "01", "Jan", "January")
	case 'd':
		return pick("2", "02")
	case 'H':
		return "15"
	case 'h':
		return pick("3", "03")
	case 'm':
		return pick("4", "04")
	case 's':
		return pick("5", "05")
	case 'E':
		return pick("Mon", "Mon", "Mon", "Monday")
	case 'a':
		return "PM"
	case 'Z':
		return "-0700"
	case 'X':
		return pick("Z07", "Z0700", "Z07:00")
	case 'z':
		return "MST"
	}
	return ""
}
