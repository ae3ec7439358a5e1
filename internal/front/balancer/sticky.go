package balancer

import (
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// sessionRoutes returns the routes that the session ids of x name, in the order in
// which they are tried: of JK_ROUTE, of the path parameter, of the cookies. An
// id without a route counts as a session with an empty one. The room is used
// for the result.
//
// Source: mod_jk common/jk_lb_worker.c, get_sessionid, as seen at work.
func sessionRoutes(room []string, x *exchange.Exchange, cookie, path string) []string {
	if len(x.Env) > 0 {
		if route, ok := x.Env.Get("JK_ROUTE"); ok && route != "" {
			return append(room, route)
		}
	}
	if id, ok := pathID(x.Request.Path.Decoded, path); ok {
		return append(room, routeOf(id))
	}
	for _, line := range x.Request.Header["Cookie"] {
		for line != "" {
			var pair string
			pair, line = cutCookie(line)
			name, id, ok := strings.Cut(pair, "=")
			if ok && strings.Trim(name, " \t") == cookie {
				if id = strings.Trim(strings.TrimSpace(id), `"`); id != "" {
					room = append(room, routeOf(id))
				}
			}
		}
	}
	return room
}

// cutCookie returns the first cookie of a line, and the rest: mod_jk takes a
// comma for an end, too.
func cutCookie(line string) (pair, rest string) {
	if end := strings.IndexAny(line, ";,"); end >= 0 {
		return line[:end], line[end+1:]
	}
	return line, ""
}

// pathID returns the value of the path parameter, ";jsessionid" say.
func pathID(decoded, parameter string) (string, bool) {
	at := strings.Index(decoded, parameter+"=")
	if at < 0 {
		return "", false
	}
	id := decoded[at+len(parameter)+1:]
	if end := strings.IndexAny(id, ";/?"); end >= 0 {
		id = id[:end]
	}
	return id, id != ""
}

// routeOf returns what follows the first dot of a session id.
func routeOf(id string) string {
	_, route, _ := strings.Cut(id, ".")
	return route
}

// domainOf returns what stands before the first dot of a route.
func domainOf(route string) string {
	domain, _, ok := strings.Cut(route, ".")
	if !ok {
		return route
	}
	return domain
}

// setCookie lets the answer to x carry the route of a member, for
// applications whose session ids have none. A later call takes the place of an
// earlier one.
func setCookie(w http.ResponseWriter, x *exchange.Exchange, name, route, path string) {
	cookie := name + "=." + route + ";PATH=" + path + ";HttpOnly"
	if x.Client.TLS != nil {
		cookie += ";Secure"
	}
	w.Header()["Set-Cookie"] = []string{cookie}
}
