package worker

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// A response is a container's answer on its way to the client.
type response struct {
	rw      http.ResponseWriter
	x       *exchange.Exchange
	begun   bool
	discard bool  // the status was refused: the rest is read, not passed on
	noBody  bool  // HEAD, 204, 205, 304: what comes all the same is dropped
	left    int64 // of the declared length; -1 if none was declared
	refused error // what to return once the answer is over
}

// begin passes on status and headers, unless the status is one that
// fail_on_status or use_server_errors takes away.
func (p *response) begin(m *ajp.SendHeaders, cfg *Config) {
	p.begun = true
	if p.refused = p.judge(m, cfg); p.refused != nil {
		p.discard = true
		return
	}
	h := p.rw.Header()
	p.left = copyHeaders(h, m.Headers)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http is not to guess
	}
	switch m.Status {
	case http.StatusNoContent, http.StatusResetContent:
		p.noBody = true
		h.Del("Content-Length")
		if m.Status == http.StatusNoContent {
			h["Content-Type"] = nil
		}
	case http.StatusNotModified:
		p.noBody = true
	}
	p.noBody = p.noBody || p.x.Request.Method == http.MethodHead
	p.rw.WriteHeader(m.Status)
}

// judge returns why the answer is not passed on, nil if it is.
func (p *response) judge(m *ajp.SendHeaders, cfg *Config) error {
	ext := &p.x.Target.Rule.Ext
	statuses := cfg.FailOnStatus
	if ext.FailOnStatus != nil {
		statuses = ext.FailOnStatus
	}
	if slices.Contains(statuses, m.Status) {
		return &exchange.Error{Worker: cfg.Name, Cause: exchange.CauseFailOnStatus, Reached: exchange.ReachedContainer, Err: statusError(m.Status)}
	}
	if slices.Contains(statuses, -m.Status) {
		return &exchange.Error{Worker: cfg.Name, Cause: exchange.CauseFailOnStatusSoft, Reached: exchange.ReachedContainer, Err: statusError(m.Status)}
	}
	if ext.UseServerErrors > 0 && m.Status >= ext.UseServerErrors {
		for _, h := range m.Headers {
			if m.Status == http.StatusUnauthorized && strings.EqualFold(h.Name, "WWW-Authenticate") {
				p.rw.Header().Add("WWW-Authenticate", h.Value)
			}
		}
		return &exchange.Refusal{Status: m.Status}
	}
	return nil
}

// A statusError is the status that the container answered.
type statusError int

func (s statusError) Error() string { return "status " + strconv.Itoa(int(s)) }

// copyHeaders adds the container's headers to h and returns the length that
// they declare, -1 if they declare none. Date, Server and what is between the
// front and the container stay behind.
//
// Source: mod_jk apache-2.0/mod_jk.c, ws_start_response, as seen at work.
func copyHeaders(h http.Header, from []ajp.Header) (length int64) {
	length = -1
	values := make([]string, len(from))
	for i := range from {
		name, value := textproto.CanonicalMIMEHeaderKey(from[i].Name), from[i].Value
		switch name {
		case "Date", "Server", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			continue
		case "Content-Length":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				continue
			}
			length = n
		case "Last-Modified":
			value = notInFuture(value)
		}
		values[i] = value
		switch before := h[name]; {
		case before == nil, name == "Content-Length", name == "Content-Type", name == "Location", name == "Last-Modified":
			h[name] = values[i : i+1 : i+1]
		default:
			h[name] = append(before, value)
		}
	}
	return length
}

// notInFuture returns a date that is not later than now.
func notInFuture(date string) string {
	at, err := http.ParseTime(date)
	if err != nil {
		return date
	}
	if now := time.Now(); at.After(now) {
		return now.UTC().Format(http.TimeFormat)
	}
	return date
}

// write passes on a part of the body. What is more than was declared is
// dropped, and reported as true: the connection is not to be trusted.
func (p *response) write(chunk []byte) (excess bool, err error) {
	if p.discard || p.noBody {
		return false, nil
	}
	if p.left >= 0 && int64(len(chunk)) > p.left {
		chunk, excess = chunk[:p.left], true
	}
	if p.left >= 0 {
		p.left -= int64(len(chunk))
	}
	if len(chunk) > 0 {
		_, err = p.rw.Write(chunk)
	}
	return excess, err
}

// flush sends what was passed on to the client.
func (p *response) flush() error {
	if !p.begun || p.discard {
		return nil
	}
	if f, ok := p.rw.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.NewResponseController(p.rw).Flush()
}

// short reports whether the answer ended before its declared length.
func (p *response) short() bool { return p.begun && !p.discard && !p.noBody && p.left > 0 }
