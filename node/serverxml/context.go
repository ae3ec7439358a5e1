package serverxml

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/internal/layout"
)

// A contextElement is what <Context> says, and files that hold for it.
type contextElement struct {
	node.Context
	override bool   // what holds for all contexts does not for it
	slash    bool   // sessionCookiePathUsesTrailingSlash
	scripts  bool   // useHttpOnly="false"
	file     string // its own; empty is server.xml
}

var contextTable = table[contextElement]{"Context", []row[contextElement]{
	{"path", func(*contextElement, given) {}, "where it is: /shop; empty is the root; default what docBase says"},
	{"docBase", func(c *contextElement, g given) { c.DocBase = g.text() }, "its folder, from appBase on; default the name that path gives"},
	{"override", func(c *contextElement, g given) { c.override = g.bool() }, "true: conf/context.xml does not hold for it"},
	{"cookies", func(c *contextElement, g given) { c.NoCookies = !g.bool() }, "false: session ids are in URLs only"},
	{"sessionCookieName", func(c *contextElement, g given) { c.Cookie.Name = g.text() }, "default JSESSIONID"},
	{"sessionCookiePath", func(c *contextElement, g given) { c.Cookie.Path = g.text() }, "default the context's"},
	{"sessionCookieDomain", func(c *contextElement, g given) { c.Cookie.Domain = g.text() }, "default: the host that was asked"},
	{"sessionCookiePathUsesTrailingSlash", func(c *contextElement, g given) { c.slash = g.bool() }, "true: the cookie of /shop is not sent to /shopping"},
	{"useHttpOnly", func(c *contextElement, g given) { c.scripts = !g.bool() }, "false: scripts may read the cookie"},
}}

var cookieProcessorTable = table[contextElement]{"CookieProcessor", []row[contextElement]{
	{"sameSiteCookies", func(c *contextElement, g given) { c.Cookie.SameSite = g.sameSite() }, "unset, none, lax or strict, of the session cookie"},
}}

func (g given) sameSite() string {
	for _, word := range []string{"None", "Lax", "Strict"} {
		if strings.EqualFold(word, g.text()) {
			return word
		}
	}
	if !strings.EqualFold(g.text(), "unset") {
		g.wrong("one of unset, none, lax, strict")
	}
	return ""
}

// context reads a <Context> of server.xml.
func (l *loader) context(e *syntax.Element, h *hostElement) {
	c := contextElement{Context: node.Context{Line: l.line(e)}}
	if a := e.Attribute("path"); a == nil {
		if !l.pathOfDocBase(e, &c) {
			return
		}
	} else if c.Path = a.Value; !contextPathOK(c.Path) {
		if c.Path = "/" + strings.Trim(c.Path, "/"); !contextPathOK(c.Path) {
			given{l, e.Name, *a}.wrong(`a context path, as "/shop"; "" is the root`)
			return
		}
		l.warn(a.Pos, fmt.Sprintf("path=%s does not begin with a slash, or ends with one: %s is taken", quoteXML(a.Value), c.Path), fmt.Sprintf("write path=%q", c.Path))
	}
	l.addContext(e, &c, h)
}

// pathOfDocBase gives a <Context> without a path the one that its docBase names.
//
// Source: StandardHost.addChild, ContextName.
func (l *loader) pathOfDocBase(e *syntax.Element, c *contextElement) bool {
	a := e.Attribute("docBase")
	if a == nil || strings.TrimSpace(a.Value) == "" {
		l.wrong(e.Pos, "<Context> has neither path nor docBase", `write path="/…", or path="" for the root`)
		return false
	}
	name := strings.TrimSpace(a.Value)
	for _, end := range []string{".war", ".xml"} {
		if len(name) > len(end) && strings.EqualFold(name[len(name)-len(end):], end) {
			name = name[:len(name)-len(end)]
		}
	}
	if c.Path, _ = layout.ContextOf(strings.Trim(name, "/")); !contextPathOK(c.Path) {
		l.wrong(a.Pos, fmt.Sprintf("<Context> has no path, and its docBase names none: %s", c.Path), `write path="/…", or path="" for the root`)
		return false
	}
	if strings.HasPrefix(name, "/") {
		l.warn(e.Pos, fmt.Sprintf("<Context> has no path: it is found at %s", c.Path), `write path="/…", or path="" for the root`)
	}
	return true
}

// contextPathOK reports whether text is a context path, perhaps with a version.
func contextPathOK(text string) bool {
	plain, _, _ := strings.Cut(text, "##")
	return plain == "/" || layout.IsContextPath(plain)
}

// addContext reads what holds for a context, the element e last, and adds it to
// h. Without e it is what c.file says.
func (l *loader) addContext(e *syntax.Element, c *contextElement, h *hostElement) {
	if c.Path == "/" {
		c.Path = ""
	}
	for _, other := range h.Contexts {
		if other.Path == c.Path {
			if e != nil {
				l.wrong(e.Pos, fmt.Sprintf("the Host %s has a Context with path=%q already", h.Name, c.Path), "take one of them away")
			}
			return
		}
	}
	s := &scope{what: contextWords(c.Path, h.Name), filters: &c.Filters, refuse: &c.Refuse, guarded: &c.Guarded}
	if c.file != "" {
		e = l.contextFile(c.file, s)
	}
	if e != nil && c.file != "" && h.noXML && filepath.Base(filepath.Dir(c.file)) == "META-INF" {
		l.refuse(e.Pos, s, `deployXML is "false", so that this file does not hold: Tomcat does not start the application`, "")
		e = nil
	}
	if e != nil {
		a := e.Attribute("override")
		c.override = a != nil && strings.EqualFold(a.Value, "true")
		if a := e.Attribute("path"); c.file != "" && a != nil && strings.TrimSuffix(a.Value, "/") != c.Path {
			l.warn(a.Pos, fmt.Sprintf("path=%s has no effect: the context is found at %s, by the name of its file or folder", quoteXML(a.Value), cmp.Or(c.Path, "/")), "rename that, or put the <Context> into server.xml")
		}
	}
	if !c.override {
		for _, file := range l.defaults(h) {
			all := *s
			all.what = contextsWords
			if root := l.contextFile(file, &all); root != nil {
				l.contextElements(root, c, &all)
			}
		}
	}
	if e != nil {
		l.contextElements(e, c, s)
	}
	l.finishContext(c, h, s)
	h.Contexts = append(h.Contexts, c.Context)
}

// contextWords names everything of a context.
func contextWords(contextPath, host string) string {
	return fmt.Sprintf("everything of the Context %q of %s", cmp.Or(contextPath, "/"), host)
}

// contextElements reads attributes and children of a <Context>.
func (l *loader) contextElements(e *syntax.Element, c *contextElement, s *scope) {
	folder := c.DocBase
	contextTable.read(l, e, c)
	if e.Pos.File != l.cfg.File {
		c.DocBase = folder // the file's name says it
	}
	for i := range e.Children {
		switch child := &e.Children[i]; child.Name {
		case "Manager":
			m := l.manager(child, false)
			c.Manager = &m
		case "CookieProcessor":
			cookieProcessorTable.read(l, child, c)
		case "Valve":
			l.valve(child, s)
		case "Listener":
			l.listener(child)
		default:
			l.otherElement("Context", e, child, "<Manager>", "<CookieProcessor>", "<Valve>", "<Listener>")
		}
	}
}

// finishContext adds what the web.xml files say where the context says nothing.
//
// Source: ApplicationContext.populateSessionTrackingModes, SessionConfig.
func (l *loader) finishContext(c *contextElement, h *hostElement, s *scope) {
	w := l.webXML(c, h, s)
	to := &c.Cookie
	to.Name, to.Path, to.Domain = cmp.Or(to.Name, w.name), cmp.Or(to.Path, w.path), cmp.Or(to.Domain, w.domain)
	if c.slash {
		plain, _, _ := strings.Cut(c.Path, "##")
		to.Path = strings.TrimSuffix(cmp.Or(to.Path, (&url.URL{Path: plain}).EscapedPath()), "/") + "/"
	}
	to.Secure, to.MaxAge = w.secure, w.maxAge
	to.NotHTTPOnly = c.scripts && !w.httpOnly
	c.URLRewriting = !w.tracked || w.inURL
	c.NoCookies = c.NoCookies || w.tracked && !w.cookie
	c.MaxInactive = w.timeout
}
