package jklog

import (
	"fmt"
	"strconv"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/accesslog"
)

// A RequestFormat is a compiled JkRequestLogFormat. Many goroutines may use
// it.
type RequestFormat struct{ parts []requestPart }

// requestPart is fixed text or a token.
type requestPart struct {
	text  string
	token byte
}

// ParseRequestFormat compiles format, or tells which token mod_jk does not
// know; it then writes no line at all.
func ParseRequestFormat(format string) (*RequestFormat, error) {
	f := &RequestFormat{}
	text := []byte(nil)
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == '\\' && i+1 < len(format):
			i++
			switch format[i] {
			case 'n':
				text = append(text, '\n')
			case 't':
				text = append(text, '\t')
			default:
				text = append(text, format[i])
			}
		case c == '%' && i+1 == len(format):
			return nil, fmt.Errorf("a %% without its letter at byte %d", i)
		case c == '%':
			i++
			if !isToken(format[i]) {
				return nil, fmt.Errorf("unknown token %%%c at byte %d", format[i], i-1)
			}
			f.parts = append(f.parts, requestPart{text: string(text)}, requestPart{token: format[i]})
			text = nil
		default:
			text = append(text, c)
		}
	}
	f.parts = append(f.parts, requestPart{text: string(text)})
	return f, nil
}

func isToken(c byte) bool {
	switch c {
	case 'b', 'B', 'H', 'm', 'p', 'q', 'r', 's', 'T', 'U', 'v', 'V', 'w', 'R':
		return true
	}
	return false
}

// Append appends the line of x, which took a time, to b: stamp, text and
// newline.
//
// Source: mod_jk, "JkRequestLogFormat".
func (f *RequestFormat) Append(b []byte, stamp Stamp, x *exchange.Exchange, ended time.Time) []byte {
	b = stamp.Append(b, ended)
	for i := range f.parts {
		p := &f.parts[i]
		if p.token == 0 {
			b = append(b, p.text...)
			continue
		}
		b = p.append(b, x, ended.Sub(x.Began))
	}
	return append(b, '\n')
}

func (p *requestPart) append(b []byte, x *exchange.Exchange, took time.Duration) []byte {
	switch p.token {
	case 'b', 'B':
		if p.token == 'b' && x.Response.Bytes == 0 {
			return append(b, '-')
		}
		return strconv.AppendInt(b, x.Response.Bytes, 10)
	case 'H':
		return accesslog.Escape(b, x.Request.Proto)
	case 'm':
		return accesslog.Escape(b, x.Request.Method)
	case 'p':
		return strconv.AppendInt(b, int64(x.Site.PortOf(x.Client.TLS != nil)), 10)
	case 'q':
		return query(b, x)
	case 'r':
		b = append(accesslog.Escape(b, x.Request.Method), ' ')
		b = append(accesslog.Escape(b, x.Request.Target), ' ')
		return accesslog.Escape(b, x.Request.Proto)
	case 's':
		return strconv.AppendInt(b, int64(x.Response.Status), 10)
	case 'T':
		return fmt.Appendf(b, "%d.%06d", int64(took/time.Second), int64(took%time.Second/time.Microsecond))
	case 'U':
		return accesslog.Escape(b, x.URI())
	case 'V':
		return accesslog.Escape(b, x.ServerName())
	case 'v':
		return append(b, x.Site.Name...)
	case 'w':
		if x.Target.Rule != nil {
			return append(b, x.Target.Rule.Worker...)
		}
		return append(b, '-')
	case 'R':
		if x.Session.Answered == "" || x.Session.Balancer == "" {
			return append(b, '-')
		}
		return append(b, x.Session.Answered...)
	}
	return b
}

func query(b []byte, x *exchange.Exchange) []byte {
	if !x.Request.Asked {
		return b
	}
	return accesslog.Escape(append(b, '?'), x.Request.Query)
}
