package status

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
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

// misnamed refuses a change that a browser sends under a name that the site
// does not have. A page elsewhere can lead a name of its own here (DNS
// rebinding), and is of our origin then. What is no full name, or an address,
// nobody can lead.
func misnamed(x *exchange.Exchange) *exchange.Refusal {
	host, called := x.Request.Host, x.Site.Called
	if _, err := netip.ParseAddr(host); called == nil || err == nil || !strings.Contains(host, ".") || called(host) || !fromBrowser(x) {
		return nil
	}
	return &exchange.Refusal{Status: http.StatusForbidden, Level: "error", Module: "jk",
		Reason: "Nothing is changed under a name that this site does not have: use one that it has, or its address, or give it a ServerAlias.",
		Log: "status worker: refused, since a browser sent a change under a name that this site does not have (Host: " + x.Request.HostHeader +
			"), as it does for a page that led a name here; if the name is yours, write ServerAlias " + host}
}

// fromBrowser reports whether x has a header of browsers. A page can keep them
// from sending each of these but Accept-Language, which no usual tool sends.
func fromBrowser(x *exchange.Exchange) bool {
	return slices.ContainsFunc([]string{"Accept-Language", "Sec-Fetch-Site", "Origin", "Referer"}, func(name string) bool { return x.Request.Header[name] != nil })
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
