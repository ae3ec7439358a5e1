package exchange

import (
	"html"
	"strconv"

	"github.com/catflap/catflap/internal/front/settings"
)

// Signature is how pages that the server makes up end: a line of HTML, empty
// if none is wanted.
//
// Source: httpd server/core.c, ap_psignature.
func (x *Exchange) Signature() string {
	if x.Settings == nil || x.Settings.Signature == settings.SignatureOff {
		return ""
	}
	name := html.EscapeString(x.ServerName())
	if x.Settings.Signature == settings.SignatureEMail {
		admin := x.Site.Admin
		if admin == "" {
			admin = "[no address given]"
		}
		name = `<a href="mailto:` + html.EscapeString(admin) + `">` + name + `</a>`
	}
	return "<address>" + html.EscapeString(x.Site.Product) + " Server at " + name + " Port " + strconv.Itoa(x.ServerPort()) + "</address>\n"
}
