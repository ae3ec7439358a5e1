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
	conn := listener.Of(r)
	l := s.enterLine()
	defer s.leaveLine(l)
	conn.Client.Requests++
	name, port := hostOf(r.Host)
	site := l.sites[l.hosts.Select(conn.Client.Local, name)]
	room := roomOf(conn)
	x := room.begin(r, conn, site, name, port)
	x.Body = exchange.NewBody(http.NoBody, 0, 0)
	x.Response.Close = true
	room.recorder = recorder{ResponseWriter: w, x: x}
	w.Header()["Server"] = serverHeader
	refusal := &exchange.Refusal{Status: status, Code: "AH00566", Level: "info", Module: "core", Log: "request failed: " + reason}
	x.Response.Aborted = site.refuse(&room.recorder, r, x, refusal)
	site.record(conn, x)
	if x.Response.Aborted {
		panic(http.ErrAbortHandler)
	}
}
