// Package errordoc makes error pages. What comes in is a status and the
// settings of the request, what goes out is the page: ErrorDocument's text, a
// redirect to its URL, or a page in httpd's shape. Local paths are followed by
// the front, which sends a request through translate again.
package errordoc

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Page says which page is wanted.
type Page struct {
	Status int
	Inner  bool // an ErrorDocument failed with it: only the built-in page is left
	Failed bool // likewise, and the page says so
}

// Write answers x with p. The error is one of writing to the client.
func Write(w http.ResponseWriter, r *http.Request, x *exchange.Exchange, p Page) error {
	h := w.Header()
	names := []string{"Content-Length", "Content-Encoding", "Content-Range", "Etag", "Last-Modified", "Accept-Ranges"}
	if p.Status == http.StatusPreconditionFailed {
		names = names[:3] // httpd leaves what says which version there is
	}
	if p.Inner || p.Failed { // where to go is not where the first request is to go
		names = append(names, "Location")
	}
	for _, name := range names {
		h.Del(name)
	}
	if x.Settings != nil && !p.Inner && !p.Failed {
		doc := x.Settings.ErrorDocs[p.Status]
		switch {
		case doc.URL != "":
			h.Set("Location", doc.URL)
			x.Response.Original = p.Status
			p.Status = http.StatusFound
		case doc.Text != "":
			return send(w, x, p.Status, doc.Text, "text/html; charset=iso-8859-1")
		}
	}
	if p.Status < 200 || p.Status == http.StatusNoContent || p.Status == http.StatusNotModified {
		w.WriteHeader(p.Status)
		return nil
	}
	return send(w, x, p.Status, body(h, x, p), "text/html; charset=iso-8859-1")
}

func send(w http.ResponseWriter, x *exchange.Exchange, status int, body, mediaType string) error {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if x.Request.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write([]byte(body))
	return err
}

// body is the page for a status. Everything that a client sent is escaped.
func body(h http.Header, x *exchange.Exchange, p Page) string {
	title := Title(p.Status)
	text := sentence(h, x, p.Status)
	if x.Response.Reason != "" {
		text += "<p>Reason: " + html.EscapeString(x.Response.Reason) + "</p>\n"
	}
	if p.Failed {
		text += "<p>Besides, an error happened while the ErrorDocument for it was made.</p>\n"
	}
	_, heading, _ := strings.Cut(title, " ")
	signature := x.Signature()
	if signature != "" {
		signature = "<hr>\n" + signature
	}
	return fmt.Sprintf("<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>%s</title>\n</head><body>\n<h1>%s</h1>\n%s%s</body></html>\n",
		title, heading, text, signature)
}

// Title returns the status with its phrase, "404 Not Found".
func Title(status int) string {
	phrase := http.StatusText(status)
	if phrase == "" {
		phrase = "Status " + strconv.Itoa(status)
	}
	return strconv.Itoa(status) + " " + phrase
}

// sentence tells what happened.
func sentence(h http.Header, x *exchange.Exchange, status int) string {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to := html.EscapeString(h.Get("Location"))
		return "<p>The document is at <a href=\"" + to + "\">" + to + "</a>.</p>\n"
	case http.StatusBadRequest:
		return "<p>The server could not understand this request.</p>\n"
	case http.StatusForbidden:
		return "<p>You may not have this resource.</p>\n"
	case http.StatusNotFound:
		return "<p>Nothing is at this URL.</p>\n"
	case http.StatusMethodNotAllowed:
		return "<p>The method " + html.EscapeString(x.Request.Method) + " is not allowed here.</p>\n"
	case http.StatusGone:
		return "<p>What was at this URL is gone, and has no new address.</p>\n"
	case http.StatusRequestEntityTooLarge:
		return "<p>The request is larger than this server takes.</p>\n"
	case http.StatusRequestURITooLong:
		return "<p>The URL is longer than this server takes.</p>\n"
	case http.StatusRequestedRangeNotSatisfiable:
		return "<p>None of the ranges asked for is in this resource.</p>\n"
	case http.StatusMisdirectedRequest:
		return "<p>This connection is for another site: a new one is needed for this request.</p>\n"
	case http.StatusRequestHeaderFieldsTooLarge:
		return "<p>The headers of the request are larger than this server takes.</p>\n"
	case http.StatusInternalServerError:
		return "<p>The server met an error. Its log tells more.</p>\n"
	case http.StatusNotImplemented:
		return "<p>The method " + html.EscapeString(x.Request.Method) + " is not known here.</p>\n"
	case http.StatusBadGateway:
		return "<p>The application server gave no proper answer.</p>\n"
	case http.StatusServiceUnavailable:
		return "<p>The service is not available at the moment. Please try again later.</p>\n"
	case http.StatusGatewayTimeout:
		return "<p>The application server did not answer in time.</p>\n"
	}
	return ""
}
