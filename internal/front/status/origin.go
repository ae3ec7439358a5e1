package status

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// crossSite refuses what a browser sends on behalf of another site: a link, a
// picture or a form there must not drain a node here. What says nothing about
// where it comes from, as scripts do, is let through: who may reach the page
// is for the access rules.
//
// Source: Fetch Metadata (Sec-Fetch-Site), RFC 6454 (Origin), RFC 9110
// (Referer).
func crossSite(x *exchange.Exchange) *exchange.Refusal {
	for _, site := range x.Request.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return foreign("Sec-Fetch-Site", site)
		}
	}
	for _, name := range []string{"Origin", "Referer"} {
		for _, from := range x.Request.Header[name] {
			if from != "" && !ours(from, x) {
				return foreign(name, from)
			}
		}
	}
	return nil
}

func foreign(header, value string) *exchange.Refusal {
	return &exchange.Refusal{Status: http.StatusForbidden, Level: "error", Module: "jk",
		Log: "status worker: refused, since a browser sent it on behalf of another site (" + header + ": " + value +
			"); type the address of the page, or follow its own links"}
}

// ours reports whether the URL from is of the origin that x was sent to. A
// page on https may stand before a front that is spoken to in clear; the
// reverse cannot be.
func ours(from string, x *exchange.Exchange) bool {
	u, err := url.Parse(from)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || x.Client.TLS != nil) {
		return false
	}
	return authority(u.Host, u.Scheme) == authority(x.Request.HostHeader, u.Scheme)
}

// authority is host without the port that scheme implies.
func authority(host, scheme string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
