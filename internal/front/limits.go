package front

import (
	"net/http"

	"github.com/catflap/catflap/internal/front/exchange"
)

// check refuses a request whose head is larger than the site takes: as in
// httpd by more than one byte.
//
// Source: httpd core, LimitRequestLine, LimitRequestFieldSize,
// LimitRequestFields.
func (l *Limits) check(x *exchange.Exchange) error {
	r := &x.Request
	tooLarge := http.StatusBadRequest
	if r.Proto == "HTTP/2.0" {
		tooLarge = http.StatusRequestHeaderFieldsTooLarge
	}
	if l.RequestLine > 0 && len(r.Method)+len(r.Target)+len(r.Proto)+2 > l.RequestLine+1 {
		return &exchange.Refusal{Status: http.StatusRequestURITooLong, Code: "AH00565", Level: "debug", Module: "core",
			Log: "request failed: URI too long (longer than LimitRequestLine)"}
	}
	fields := 1 // Host
	for name, values := range r.Header {
		fields += len(values)
		for _, value := range values {
			if l.FieldSize > 0 && len(name)+len(value)+2 > l.FieldSize+1 {
				return &exchange.Refusal{Status: tooLarge, Code: "AH00561", Level: "info", Module: "core",
					Log: "request header exceeds LimitRequestFieldSize: " + name}
			}
		}
	}
	if l.Fields > 0 && fields > l.Fields {
		return &exchange.Refusal{Status: tooLarge, Code: "AH00560", Level: "info", Module: "core",
			Log: "number of request headers exceeds LimitRequestFields"}
	}
	return nil
}
