package node

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// An engine finds the host of a request, and there its context.
type engine struct {
	cfg     *Engine
	names   map[string]*host // by name and alias in lower case; of *.example it is .example
	other   *host            // for all other names
	hosts   []*host
	logs    []*accessLog
	group   *group // of its Cluster; nil is none
	service string
}

// find returns the host of a name as it stands in a request, with its port.
//
// Source: Tomcat's Mapper.internalMap: an asterisk is one label.
func (e *engine) find(name string) *host {
	name = hostName(name)
	if h := e.names[name]; h != nil {
		return h
	}
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		if h := e.names[name[dot:]]; h != nil {
			return h
		}
	}
	return e.other
}

// hostName is the name in the header Host, in lower case.
func hostName(header string) string {
	if name, _, err := net.SplitHostPort(header); err == nil {
		header = name
	}
	return strings.ToLower(strings.Trim(header, "[]"))
}

// isHost reports whether a header Host can be one: a name or an address, perhaps
// with a port. An empty one is that of a URL without.
//
// Source: RFC 3986, 3.2; Tomcat takes less: no underscore, no hyphen at an end.
func isHost(header string) bool {
	name, port := header, ""
	if rest, ok := strings.CutPrefix(header, "["); ok {
		address, after, closed := strings.Cut(rest, "]")
		if ip, err := netip.ParseAddr(address); !closed || err != nil || !ip.Is6() || after != "" && after[0] != ':' {
			return false
		}
		name, port = "", strings.TrimPrefix(after, ":")
	} else if at := strings.LastIndexByte(header, ':'); at >= 0 {
		name, port = header[:at], header[at+1:]
	}
	return !strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>\^{|}/?#@:[]`+"`", r) })
}

// A host is a virtual host with its contexts.
type host struct {
	cfg      *Host
	appBase  string
	contexts []*webapp // the longest path first
	logs     []*accessLog
	group    *group // of its Cluster, or its engine's; nil is none
}

// find returns the context of a path, nil if there is none.
func (h *host) find(path string) *webapp {
	for _, a := range h.contexts {
		if rest, ok := strings.CutPrefix(path, a.path); ok && (rest == "" || rest[0] == '/') {
			return a
		}
	}
	return nil
}

// at returns the context with exactly that path, nil if there is none.
func (h *host) at(path string) *webapp {
	for _, a := range h.contexts {
		if a.path == path {
			return a
		}
	}
	return nil
}

// A webapp is a context.
type webapp struct {
	cfg      Context
	declared bool // in the file
	path     string
	version  string // "2" of shop##2
	folder   string // of static files
	app      *App   // nil: only files
	handler  http.Handler
	keeper   keeper // of the sessions of app; nil without
}

// name is the path with the version, as it is in names of the cluster.
func (a *webapp) name() string {
	if a.version != "" {
		return a.path + "##" + a.version
	}
	return a.path
}

// serve answers c, whose Host and Path are still to be found.
func (e *engine) serve(c *call, r *http.Request) {
	if r.URL.Path == "*" && r.Method == http.MethodOptions {
		c.Header().Set("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS")
		c.Header().Set("Content-Length", "0")
		c.WriteHeader(http.StatusOK)
		return
	}
	h := e.find(r.Host)
	c.host, c.request.Host = h, h.cfg.Name
	path := r.URL.EscapedPath()
	if path == "" && r.URL.Host != "" && r.Method != http.MethodConnect {
		path = "/" // of http://host
	}
	t, ok := resolve(path)
	if scheme := r.URL.Scheme; !ok || scheme != "" && scheme != "http" && scheme != "https" {
		fail(c, http.StatusBadRequest, "The path cannot be understood.")
		return
	}
	c.request.Path = t.path
	if r.Method == http.MethodTrace {
		c.Header().Set("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH")
		fail(c, http.StatusMethodNotAllowed, "")
		return
	}
	a := h.find(t.path)
	if status := e.barred(h, a, r); status != 0 {
		fail(c, status, "")
		return
	}
	if e.cfg.Refuse != "" || h.cfg.Refuse != "" || a != nil && a.cfg.Refuse != "" {
		fail(c, http.StatusForbidden, "")
		return
	}
	if a == nil || a.handler == nil {
		fail(c, http.StatusNotFound, "")
		return
	}
	c.request.ContextPath = a.path
	u := r.URL
	if u.EscapedPath() != t.escaped {
		var err error
		if u, err = t.url(u); err != nil {
			fail(c, http.StatusBadRequest, "The path cannot be understood.")
			return
		}
	}
	inner := r.WithContext(c)
	inner.URL = u
	a.handler.ServeHTTP(c, inner)
}

// barred returns what a request gets that an AddressFilter does not let in, 0
// if all do.
func (e *engine) barred(h *host, a *webapp, r *http.Request) (status int) {
	all := [][]AddressFilter{e.cfg.Filters, h.cfg.Filters, nil}
	if a != nil {
		all[2] = a.cfg.Filters
	}
	for _, filters := range all {
		for i := range filters {
			f := &filters[i]
			address := client(r)
			if f.Peer {
				address = peer(r)
			}
			if !f.Allows(address) {
				return cmp.Or(f.Status, http.StatusForbidden)
			}
		}
	}
	return 0
}
