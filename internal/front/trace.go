package front

import (
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/catflap/catflap/internal/front/exchange"
)

// traced bounds the body that TRACE sends back.
const traced = 64 << 10

// trace sends the request back as it came, for a site that allows it. The
// order of headers and the case of their names are not kept.
//
// Source: httpd modules/http/http_filters.c, ap_send_http_trace, as seen at
// work.
func trace(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	var body []byte
	if x.Body.Length() != 0 {
		tooLarge := &exchange.Refusal{Status: http.StatusRequestEntityTooLarge, Log: "TRACE with a request body", Level: "info", Module: "core"}
		if x.Site.Trace != exchange.TraceExtended {
			return tooLarge
		}
		var err error
		if body, err = io.ReadAll(io.LimitReader(x.Body, traced+1)); err != nil {
			return &exchange.Refusal{Status: http.StatusBadRequest, Log: "the body of TRACE broke off", Level: "info", Module: "core"}
		}
		if len(body) > traced {
			return tooLarge
		}
	}
	b := append([]byte(r.Method+" "+r.RequestURI+" "+r.Proto+"\r\n"), "Host: "+r.Host+"\r\n"...)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			b = append(b, name+": "+value+"\r\n"...)
		}
	}
	b = append(append(b, '\r', '\n'), body...)
	if rec, ok := w.(*recorder); ok {
		rec.bare = true
	}
	w.Header().Set("Content-Type", "message/http")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(b)
	return err
}
