package config

import (
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// mod_proxy forwards nothing here. What it would have taken is closed: else
// files would be shown that no client of httpd ever gets, such as the sources
// of what an application server runs.

// proxyPass closes the path of a ProxyPass; "!" leaves one out.
//
// Source: httpd modules/proxy/mod_proxy.c, add_pass and
// ap_proxy_trans_match, as seen at work: the first that matches counts.
func proxyPass(l *loader, p place, d *httpdconf.Directive) {
	path, to := arg(d, 0), arg(d, 1)
	if p.in&topLevels == 0 {
		if path != "!" {
			l.close(p, d, d.Name+" "+d.Raw+": catflap does not proxy yet")
			return
		}
		l.classify(d, Needless, "catflap does not proxy")
		return
	}
	if len(d.Args) < 2 {
		l.fail(d, d.Pos, "ProxyPass|ProxyPassMatch needs a path when not defined in a location", "write "+d.Name+" PATH URL")
		return
	}
	r := settings.Refusal{Prefix: path, By: d.Name + " " + d.Raw, Place: d.Pos.String()}
	if strings.EqualFold(d.Name, "ProxyPassMatch") {
		r.Prefix = ""
		pattern, err := regex.Compile(path, false)
		if err != nil {
			l.fail(d, at(d, 0), "Regular expression could not be compiled.", err.Error())
			return
		}
		r.Pattern = pattern
	}
	if to == "!" {
		l.classify(d, Honoured, "")
	} else {
		r.Status = http.StatusForbidden
		covers := path
		if r.Pattern != nil {
			covers = "any path like " + path
		}
		l.closes(d, d.Pos, covers, d.Name+" "+d.Raw+": catflap does not proxy yet; so "+covers+" answers 403", "")
	}
	p.scope.proxied = append(p.scope.proxied, r)
}

// virtualRoot takes the files from a host whose folder depends on the name that
// is asked for.
func virtualRoot(l *loader, p place, d *httpdconf.Directive) {
	p.scope.rootless = true
	l.closes(d, d.Pos, "the files of "+p.what(), d.Name+" "+d.Raw+": catflap does not look for a folder by the name of the host; so the files of "+p.what()+" are not served",
		"write a <VirtualHost> with a DocumentRoot for each")
}
