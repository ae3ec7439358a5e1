package accesslog

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// value returns the appender of a directive, nil if there is none.
func (f *Format) value(letter byte, argument string, original, final, trailer bool) appender {
	switch letter {
	case '%':
		return fixed("%")
	case 'l', 'L', 'u':
		return f.identity(letter)
	case 'h', 'a':
		return func(b []byte, e *Entry) []byte { return append(b, e.X.Client.RemoteText()...) }
	case 'A':
		return func(b []byte, e *Entry) []byte { return append(b, e.X.Client.LocalText()...) }
	case 'B', 'b':
		return size(letter == 'b')
	case 'c', 'x':
		f.ssl = true
		return secure(letter, argument)
	case 'C':
		return cookie(argument)
	case 'D':
		return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, e.took().Microseconds(), 10) }
	case 'T':
		return took(argument)
	case 'e':
		return text(func(x *exchange.Exchange) string { return x.Variable(argument) })
	case 'n':
		return note(argument)
	case 'f':
		return file
	case 'H':
		return text(func(x *exchange.Exchange) string { return x.Request.Proto })
	case 'i', 'o':
		if trailer {
			return fixed("-") // AJP has none, and those of a client end here
		}
		return header(argument, letter == 'o')
	case 'I', 'O', 'S':
		f.wire = true
		return wire(letter)
	case 'k':
		return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, int64(e.X.Client.Requests-1), 10) }
	case 'm':
		return text(func(x *exchange.Exchange) string { return x.Request.Method })
	case 'p':
		return port(argument)
	case 'P':
		return process(argument)
	case 'q':
		return query(original)
	case 'r':
		return requestLine
	case 'R':
		return text(func(x *exchange.Exchange) string { return x.Response.Handler })
	case 's':
		return status(final && !original)
	case 't':
		return timestamp(argument)
	case 'U':
		return uri(final && !original)
	case 'v':
		return text(func(x *exchange.Exchange) string { return x.Site.Name })
	case 'V':
		return text((*exchange.Exchange).ServerName)
	case 'X':
		return connection
	}
	return nil
}

func fixed(s string) appender { return func(b []byte, _ *Entry) []byte { return append(b, s...) } }

// identity is what identd, the error log's id and authentication tell: so far
// the front knows none of them but the user that the environment or a
// certificate names.
func (f *Format) identity(letter byte) appender {
	if letter != 'u' {
		return fixed("-")
	}
	return func(b []byte, e *Entry) []byte {
		user, ok := e.X.Env.Get("JK_REMOTE_USER")
		switch {
		case !ok:
			user = e.X.CertificateUser()
		case user == "":
			return append(b, `""`...)
		}
		return escapeOrDash(b, user)
	}
}

// text appends a string, escaped; "-" if it is empty.
func text(of func(*exchange.Exchange) string) appender {
	return func(b []byte, e *Entry) []byte { return escapeOrDash(b, of(e.X)) }
}

func escapeOrDash(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	return Escape(b, s)
}

// size appends the bytes of the body; dash writes "-" for none.
func size(dash bool) appender {
	return func(b []byte, e *Entry) []byte {
		if dash && e.X.Response.Bytes == 0 {
			return append(b, '-')
		}
		return strconv.AppendInt(b, e.X.Response.Bytes, 10)
	}
}

func cookie(name string) appender {
	return func(b []byte, e *Entry) []byte {
		for _, line := range e.X.Request.Header["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				if n, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && n == name {
					return escapeOrDash(b, v)
				}
			}
		}
		return append(b, '-')
	}
}

func (e *Entry) took() time.Duration { return max(0, e.Ended.Sub(e.X.Began)) }

// took is %T, in seconds or in the unit that is asked for.
func took(unit string) appender {
	per := time.Second
	switch unit {
	case "ms":
		per = time.Millisecond
	case "us":
		per = time.Microsecond
	case "", "s":
	default:
		return nil
	}
	return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, int64(e.took()/per), 10) }
}

// note is a note of the request; JK_REQUEST_DURATION is known at its end only.
func note(name string) appender {
	return func(b []byte, e *Entry) []byte {
		if name == "JK_REQUEST_DURATION" && e.X.Target.Kind == exchange.TargetForward {
			return fmt.Appendf(b, "%d.%06d", e.took()/time.Second, e.took()%time.Second/time.Microsecond)
		}
		value, _ := e.X.Note(name)
		return escapeOrDash(b, value)
	}
}

// file is the file behind a request; for one that went to a worker the last
// part of its path, as mod_jk has it.
func file(b []byte, e *Entry) []byte {
	if path := e.X.Request.Path.Mount; e.X.Response.File == "" && e.X.Target.Kind == exchange.TargetForward {
		return Escape(b, path[strings.LastIndexByte(path, '/')+1:])
	}
	return escapeOrDash(b, e.X.Response.File)
}

// uri is the path asked for; the final one is that of an error page.
func uri(final bool) appender {
	return text(func(x *exchange.Exchange) string {
		if path, _, ok := strings.Cut(x.Response.Final, "?"); ok && final {
			return path
		}
		return x.URI()
	})
}

// contentType is the type without its parameters, as httpd logs it.
func contentType(b []byte, e *Entry) []byte {
	mediaType, _, _ := strings.Cut(e.X.Response.Header.Get("Content-Type"), ";")
	return escapeOrDash(b, strings.TrimRight(mediaType, " \t"))
}

// header is %{NAME}i or %{NAME}o: of what came all, of what was sent only the
// first, but for cookies.
//
// Source: httpd modules/loggers/mod_log_config.c, log_header_out, as seen at
// work.
func header(name string, sent bool) appender {
	name = http.CanonicalHeaderKey(name)
	if name == "Content-Type" && sent {
		return contentType
	}
	return func(b []byte, e *Entry) []byte {
		from := e.X.Request.Header
		if sent {
			from = e.X.Response.Header
		}
		if name == "Host" && !sent {
			return host(b, e.X)
		}
		values := from[name]
		switch {
		case len(values) == 0:
			return append(b, '-')
		case sent && name != "Set-Cookie":
			return Escape(b, values[0])
		}
		for i, v := range values {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = Escape(b, v)
		}
		return b
	}
}

// host is the Host header, which net/http keeps apart.
func host(b []byte, x *exchange.Exchange) []byte {
	if x.Request.HostHeader == "" {
		return append(b, '-')
	}
	return Escape(b, x.Request.HostHeader)
}

func wire(letter byte) appender {
	return func(b []byte, e *Entry) []byte {
		n := e.In
		switch letter {
		case 'O':
			n = e.Out
		case 'S':
			n += e.Out
		}
		return strconv.AppendInt(b, n, 10)
	}
}

func port(kind string) appender {
	return func(b []byte, e *Entry) []byte {
		n := e.X.Site.PortOf(e.X.Client.TLS != nil)
		switch kind {
		case "local":
			n = int(e.X.Client.Local.Port())
		case "remote":
			n = int(e.X.Client.Remote.Port())
		}
		return strconv.AppendInt(b, int64(n), 10)
	}
}

// process is the process; a goroutine is on no thread of its own, so that the
// thread's id is the process's, too.
func process(kind string) appender {
	pid := strconv.Itoa(os.Getpid())
	switch kind {
	case "", "pid", "tid":
		return fixed(pid)
	case "hextid":
		return fixed(strconv.FormatInt(int64(os.Getpid()), 16))
	}
	return nil
}

// query is that of the error page that answered, if one did.
func query(original bool) appender {
	return func(b []byte, e *Entry) []byte {
		asked, query := e.X.Request.Asked, e.X.Request.Query
		if _, of, final := strings.Cut(e.X.Response.Final, "?"); final && !original {
			asked, query = of != "", of
		}
		if !asked {
			return b
		}
		return Escape(append(b, '?'), query)
	}
}

func requestLine(b []byte, e *Entry) []byte {
	r := &e.X.Request
	switch {
	case r.Method == "" && r.Target == "":
		return append(b, '-')
	case r.Method == "": // the line could not be taken apart
		return Escape(b, r.Target)
	}
	b = Escape(b, r.Method)
	b = Escape(append(b, ' '), r.Target)
	return Escape(append(b, ' '), r.Proto)
}

// status is the final one, or, by default, the one before an error page.
func status(final bool) appender {
	return func(b []byte, e *Entry) []byte {
		s := e.X.Response.Status
		if !final && e.X.Response.Original != 0 {
			s = e.X.Response.Original
		}
		if s == 0 {
			return append(b, '-')
		}
		return strconv.AppendInt(b, int64(s), 10)
	}
}

func connection(b []byte, e *Entry) []byte {
	switch {
	case e.X.Response.Aborted:
		return append(b, 'X')
	case e.X.Response.Close:
		return append(b, '-')
	}
	return append(b, '+')
}
