package session

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Cookie says how the session cookie is. Its zero value is Tomcat's.
type Cookie struct {
	Name        string        // default JSESSIONID; set, it is also the name of the path parameter, which else is jsessionid
	Path        string        // as in URLs, escaped; default the context path, "/" for the root context
	Domain      string        // default: only the host that was asked
	Secure      bool          // always; else if the request came by TLS
	NotHTTPOnly bool          // scripts may read it
	SameSite    string        // Strict, Lax or None; empty leaves it to the browser
	MaxAge      time.Duration // how long browsers keep it; 0 until they end
}

const (
	defaultCookie    = "JSESSIONID"
	defaultParameter = "jsessionid"
)

// check returns what is wrong with c.
func (c *Cookie) check() error {
	if c.Name != "" && !isToken(c.Name) {
		return fmt.Errorf("session: cookie name %q: only letters, digits and some signs can be in it", c.Name)
	}
	for what, text := range map[string]string{"path": c.Path, "domain": c.Domain} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f || r == ';' }) {
			return fmt.Errorf("session: cookie %s %q: no semicolon and no control character can be in it", what, text)
		}
	}
	switch c.SameSite {
	case "", "Strict", "Lax", "None":
		return nil
	}
	return fmt.Errorf("session: SameSite %q: it is Strict, Lax or None", c.SameSite)
}

// isToken reports whether text can be the name of a cookie.
func isToken(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

// line returns the value of Set-Cookie for an id, attributes in Tomcat's order.
func (c *Cookie) line(id, contextPath string, tls bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s=%s", cmp.Or(c.Name, defaultCookie), id)
	if c.MaxAge > 0 {
		fmt.Fprintf(&b, "; Max-Age=%d; Expires=%s", int64(c.MaxAge.Seconds()), time.Now().Add(c.MaxAge).UTC().Format(http.TimeFormat))
	}
	if c.Domain != "" {
		b.WriteString("; Domain=" + c.Domain)
	}
	b.WriteString("; Path=" + cmp.Or(c.Path, (&url.URL{Path: contextPath}).EscapedPath(), "/"))
	if c.Secure || tls {
		b.WriteString("; Secure")
	}
	if !c.NotHTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if c.SameSite != "" {
		b.WriteString("; SameSite=" + c.SameSite)
	}
	return b.String()
}

// setCookie has the answer set the cookie, in place of one that it had set.
func (s *Session) setCookie() {
	if s.handler.cfg.NoCookies {
		return
	}
	c := &s.handler.cfg.Cookie
	header := s.answer.Header()
	begin := cmp.Or(c.Name, defaultCookie) + "="
	var others []string
	for _, line := range header["Set-Cookie"] {
		if !strings.HasPrefix(line, begin) {
			others = append(others, line)
		}
	}
	header["Set-Cookie"] = append(others, c.line(s.entry.ID(), s.handler.cfg.ContextPath, s.handler.cfg.Secure(s.request)))
}

// asked are the ids that a request asks for.
type asked struct {
	ids    []string // those of cookies in their order, or one of the path
	byPath bool
	cookie bool // a session cookie came
}

// maxAsked is how many session cookies are looked at.
const maxAsked = 8

// askedFor reads the ids of r. A cookie counts more than the path. Of several
// cookies the first whose session exists will be taken.
func (h *handler) askedFor(r *http.Request, parameter string) asked {
	var a asked
	var cookies []*http.Cookie
	if !h.cfg.NoCookies {
		cookies = r.CookiesNamed(cmp.Or(h.cfg.Cookie.Name, defaultCookie))
	}
	for _, cookie := range cookies {
		a.cookie = true
		if cookie.Value != "" && len(a.ids) < maxAsked {
			a.ids = append(a.ids, cookie.Value)
		}
	}
	if len(a.ids) == 0 && parameter != "" {
		a.ids, a.byPath = []string{parameter}, true
	}
	return a
}

// cutParameter returns r without the path parameter of this name, and its
// value. r is returned as it was if it has none.
func cutParameter(r *http.Request, name string) (rest *http.Request, value string) {
	path := r.URL.EscapedPath()
	begin := strings.Index(path, ";"+name+"=")
	if begin < 0 {
		return r, ""
	}
	length := strings.IndexAny(path[begin+1:], ";/")
	end := len(path)
	if length >= 0 {
		end = begin + 1 + length
	}
	value, err := url.PathUnescape(path[begin+len(name)+2 : end])
	path = path[:begin] + path[end:]
	decoded, wrong := url.PathUnescape(path)
	if err != nil || wrong != nil {
		return r, ""
	}
	without := *r.URL
	without.Path, without.RawPath = decoded, ""
	if without.EscapedPath() != path {
		without.RawPath = path
	}
	rest = new(http.Request)
	*rest = *r
	rest.URL = &without
	return rest, value
}

// EncodeURL returns target with the session id in its path, for a client that
// takes no cookies. It returns target as it is if the Config does not want
// that, if there is no session, if the client has sent its cookie, or if
// target leads out of the application.
func (s *Session) EncodeURL(target string) string {
	h := s.handler
	if !h.cfg.URLRewriting || s.asked.cookie || !s.Exists() {
		return target
	}
	u, err := url.Parse(target)
	if err != nil || u.Host != "" && u.Host != s.request.Host || u.Scheme != "" && u.Host == "" || strings.HasPrefix(target, "#") {
		return target
	}
	if base := h.cfg.ContextPath; strings.HasPrefix(u.Path, "/") && u.Path != base && !strings.HasPrefix(u.Path, base+"/") {
		return target
	}
	end := strings.IndexAny(target, "?#")
	if end < 0 {
		end = len(target)
	}
	return target[:end] + ";" + h.parameter + "=" + s.ID() + target[end:]
}
