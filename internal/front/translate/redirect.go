package translate

import (
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// Redirect returns the answer of the first redirect that matches the path of
// x. One whose regular expression takes too long is refused, since it may keep
// clients from something.
//
// Source: httpd modules/mappers/mod_alias.c, try_redirect, try_alias_list, as
// seen at work.
func Redirect(x *exchange.Exchange, all []settings.Redirect) (exchange.Target, bool) {
	path := x.Request.Path.Decoded
	for i := range all {
		r := &all[i]
		var to string
		switch {
		case r.Pattern != nil:
			found, err := r.Pattern.Find(path)
			if err != nil {
				return exchange.Target{Kind: exchange.TargetRespond, Status: http.StatusForbidden, Place: r.Place}, true
			}
			if found == nil {
				continue
			}
			to = filled(r, path, found)
		case r.Path != "":
			n := prefix(r.Path, path)
			if n < 0 {
				continue
			}
			to = r.To + exchange.EscapePath(path[n:])
		default:
			to = r.To
		}
		target := exchange.Target{Kind: exchange.TargetRespond, Status: r.Status, Place: r.Place}
		if r.Status >= 300 && r.Status < 400 {
			target.Location = location(x, to)
		}
		return target, true
	}
	return exchange.Target{}, false
}

// location is to with the query, unless it has one of its own.
func location(x *exchange.Exchange, to string) string {
	if x.Request.Asked && !strings.Contains(to, "?") {
		to += "?" + x.Request.Query
	}
	return x.Absolute(to)
}

// filled is where a RedirectMatch leads. What comes of the path is escaped, so
// that none of it can begin a query or a header.
func filled(r *settings.Redirect, path string, found []int) string {
	if r.Match == nil {
		return ""
	}
	return string(r.Match.AppendFunc(nil, path, found, exchange.EscapePath))
}
