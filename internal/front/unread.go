package front

import (
	"net/http"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/listener"
)

// refuseUnread answers a request whose head could not be read: with the error
// page of the site for which it came, and a line in its logs. The connection
// ends after it.
func (s *Server) refuseUnread(w http.ResponseWriter, r *http.Request, status int, reason string) {
	name, _ := hostOf(r.Host)
	s.refuseWhole(w, r, name, &exchange.Refusal{Status: status, Code: "AH00566", Level: "info", Module: "core", Log: "request failed: " + reason})
}

// astray answers HTTP in clear on an address that is TLS: the first site of
// the address does, whatever the Host.
//
// Source: httpd modules/ssl/ssl_engine_io.c, HTTP_ON_HTTPS_PORT.
func (s *Server) astray(w http.ResponseWriter, r *http.Request) {
	s.refuseWhole(w, r, "", &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH01996", Level: "info", Module: "ssl",
		Log: "SSL handshake failed: HTTP spoken on HTTPS port; trying to send HTML error page", Reason: plainHTTP})
}

// plainHTTP is what people search for.
const plainHTTP = "You're speaking plain HTTP to an SSL-enabled server port: write https:// instead of http://."

// refuseWhole answers with refusal for the site that has a name. The
// connection ends after it.
func (s *Server) refuseWhole(w http.ResponseWriter, r *http.Request, name string, refusal *exchange.Refusal) {
	conn := listener.Of(r)
	l := s.enterLine()
	defer s.leaveLine(l)
	conn.Client.Requests++
	site := l.sites[l.hosts.Select(conn.Client.Local, name)]
	host, port := hostOf(r.Host)
	room := roomOf(conn)
	x := room.begin(r, conn, site, host, port)
	x.Body = exchange.NewBody(http.NoBody, 0, 0)
	x.Response.Close = true
	room.recorder = recorder{ResponseWriter: w, x: x}
	w.Header()["Server"] = site.server
	x.Response.Aborted = site.refuse(&room.recorder, r, x, refusal)
	site.record(conn, x)
	if x.Response.Aborted {
		panic(http.ErrAbortHandler)
	}
}
