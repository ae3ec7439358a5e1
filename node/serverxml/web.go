package serverxml

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node/internal/layout"
)

// A webSettings is what web.xml files say of sessions, and of who may have a
// context's files.
type webSettings struct {
	timeout                time.Duration // session-timeout; 0 is not said
	name, domain, path     string        // cookie-config
	httpOnly, secure       bool
	maxAge                 time.Duration
	tracked, cookie, inURL bool // tracking-mode: is said, COOKIE, URL
}

// webXML reads conf/web.xml, then the context's own.
func (l *loader) webXML(c *contextElement, h *hostElement, s *scope) webSettings {
	var w webSettings
	all := *s
	all.what = contextsWords
	l.webFile(filepath.Join(l.o.Base, "conf", "web.xml"), &w, &all)
	folder := c.DocBase
	if folder == "" {
		contextPath, version, _ := strings.Cut(c.Path, "##")
		folder = layout.FolderOf(contextPath, version)
	}
	l.webFile(filepath.Join(layout.Under(layout.Under(l.o.Base, cmp.Or(h.AppBase, "webapps")), folder), "WEB-INF", "web.xml"), &w, s)
	return w
}

// webFile adds what a web.xml says to w.
func (l *loader) webFile(file string, w *webSettings, s *scope) {
	root, problem := l.optional(file)
	if problem != "" {
		l.guard(mistake.Pos{File: file}, s, "it may ask for a login, and "+problem, "")
	}
	if root == nil {
		return
	}
	for i := range root.Children {
		e := &root.Children[i]
		switch localName(e) {
		case "session-config":
			l.sessionConfig(e, w)
		case "security-constraint":
			if why := constraint(e); why != "" {
				l.guard(e.Pos, s, why, "remove it if all may read these files; an App in this place asks for itself")
			}
		case "filter-mapping":
			l.filterMapping(root, e, s)
		}
	}
}

// localName is the name of an element without a prefix.
func localName(e *syntax.Element) string { return e.Name[strings.LastIndexByte(e.Name, ':')+1:] }

// textsIn returns what the elements of a name in e say.
func textsIn(e *syntax.Element, name string) []string {
	var all []string
	for i := range e.Children {
		if localName(&e.Children[i]) == name {
			all = append(all, strings.TrimSpace(e.Children[i].Text))
		}
	}
	return all
}

// sessionConfig reads <session-config>.
func (l *loader) sessionConfig(e *syntax.Element, w *webSettings) {
	w.tracked, w.cookie, w.inURL = false, false, false
	for i := range e.Children {
		child := &e.Children[i]
		text := strings.TrimSpace(child.Text)
		switch localName(child) {
		case "session-timeout":
			n, err := strconv.Atoi(text)
			if err != nil || n > maxTime/60000 {
				l.warn(child.Pos, fmt.Sprintf("session-timeout %q is no number of minutes: it has no effect", text), "")
				continue
			}
			if w.timeout = time.Duration(n) * time.Minute; n <= 0 {
				w.timeout = -1
			}
		case "cookie-config":
			l.cookieConfig(child, w)
		case "tracking-mode":
			w.tracked = true
			w.cookie = w.cookie || text == "COOKIE"
			w.inURL = w.inURL || text == "URL"
			if text == "SSL" {
				l.unsupported(child.Pos, "sessions are not tracked by TLS: a cookie is used", "")
				w.cookie = true
			}
		}
	}
}

// cookieConfig reads <cookie-config>.
func (l *loader) cookieConfig(e *syntax.Element, w *webSettings) {
	for i := range e.Children {
		child := &e.Children[i]
		text := strings.TrimSpace(child.Text)
		switch localName(child) {
		case "name":
			w.name = text
		case "domain":
			w.domain = text
		case "path":
			w.path = text
		case "http-only":
			w.httpOnly = strings.EqualFold(text, "true")
		case "secure":
			w.secure = strings.EqualFold(text, "true")
		case "max-age":
			n, err := strconv.Atoi(text)
			if err != nil {
				l.warn(child.Pos, fmt.Sprintf("max-age %q is no number of seconds: it has no effect", text), "")
			}
			w.maxAge = time.Duration(max(n, 0)) * time.Second
		}
	}
}

// constraint says what a <security-constraint> wants of who gets files; empty
// is nothing.
func constraint(e *syntax.Element) string {
	var wants string
	concerns := false
	for i := range e.Children {
		child := &e.Children[i]
		switch localName(child) {
		case "web-resource-collection":
			methods, omitted := textsIn(child, "http-method"), textsIn(child, "http-method-omission")
			reads := len(methods) == 0 || slices.Contains(methods, "GET") || slices.Contains(methods, "HEAD")
			if len(omitted) > 0 {
				reads = !slices.Contains(omitted, "GET") || !slices.Contains(omitted, "HEAD")
			}
			concerns = concerns || reads
		case "auth-constraint":
			wants = "a security-constraint asks for a login, which does not happen here"
		case "user-data-constraint":
			for _, text := range textsIn(child, "transport-guarantee") {
				if text != "NONE" && wants == "" {
					wants = "a security-constraint wants TLS, which is not looked at here"
				}
			}
		}
	}
	if !concerns {
		return ""
	}
	return wants
}

// openFilters are filters that keep nobody from a file.
var openFilters = []string{
	"org.apache.catalina.filters.SetCharacterEncodingFilter", "org.apache.catalina.filters.AddDefaultCharsetFilter", "org.apache.catalina.filters.ExpiresFilter",
	"org.apache.catalina.filters.HttpHeaderSecurityFilter", "org.apache.catalina.filters.RequestDumperFilter", "org.apache.catalina.filters.WebdavFixFilter",
	"org.apache.catalina.filters.FailedRequestFilter", "org.apache.catalina.filters.SessionInitializerFilter", "org.springframework.web.filter.CharacterEncodingFilter",
	"org.springframework.web.filter.HiddenHttpMethodFilter", "filters.SetCharacterEncodingFilter",
}

// filterMapping looks whether a filter may keep somebody from the files.
func (l *loader) filterMapping(root, mapping *syntax.Element, s *scope) {
	names := textsIn(mapping, "filter-name")
	for i := range root.Children {
		e := &root.Children[i]
		if localName(e) != "filter" || !slices.Equal(textsIn(e, "filter-name"), names) {
			continue
		}
		for _, class := range textsIn(e, "filter-class") {
			if !slices.Contains(openFilters, class) {
				l.guard(mapping.Pos, s, fmt.Sprintf("the filter %s is Java, which does not run here, and may keep requests out", class), "remove its mapping if it does not; an App in this place asks for itself")
			}
		}
	}
}
