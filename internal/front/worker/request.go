package worker

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// An outgoing is a request on its way out and its conversation, with room that
// is used again.
type outgoing struct {
	ajp.ForwardRequest
	conversation conversation
	first        []byte // body data that goes with it
	buf          []byte // where body data is read to
}

var outgoings = sync.Pool{New: func() any {
	return &outgoing{ForwardRequest: ajp.ForwardRequest{
		Headers:    make([]ajp.Header, 0, 24),
		Attributes: ajp.Attributes{Request: make([]ajp.RequestAttribute, 0, 4)},
	}}
}}

// giveBack returns o to the pool without keeping the request's strings alive.
func (o *outgoing) giveBack() {
	clear(o.Headers)
	clear(o.Attributes.Request)
	o.ForwardRequest = ajp.ForwardRequest{
		Headers:    o.Headers[:0],
		Attributes: ajp.Attributes{Request: o.Attributes.Request[:0]},
	}
	o.first = nil
	o.conversation = conversation{}
	outgoings.Put(o)
}

// fill makes o the request of x. Nothing that the client sends becomes an
// attribute: they are of the connection, the settings and the environment.
func (o *outgoing) fill(x *exchange.Exchange, cfg *Config) {
	o.Method, o.Protocol = x.Request.Method, x.Request.Proto
	o.URI = uri(x)
	o.RemoteAddr = x.Client.RemoteText()
	o.ServerName, o.ServerPort = x.ServerName(), x.ServerPort()
	o.headers(x)
	a := &o.Attributes
	a.HasQuery, a.Query = x.Request.Asked, x.Request.Query
	a.Route = x.Session.Answered
	a.Secret = cfg.Secret
	port := strconv.Itoa(int(x.Client.Remote.Port()))
	local := x.Client.LocalText()
	if x.Site.Forward.LocalAddress {
		o.RemoteAddr, port = local, "0"
	}
	if user := x.CertificateUser(); user != "" {
		a.RemoteUser, a.AuthType = user, "ClientCert"
	}
	if len(x.Env) > 0 {
		port, local = o.environment(x, port, local)
	}
	if x.Client.TLS != nil || len(x.Env) > 0 {
		o.secure(x)
	}
	for i := range x.Site.Forward.EnvVars {
		o.variable(x, &x.Site.Forward.EnvVars[i])
	}
	a.Request = append(a.Request,
		ajp.RequestAttribute{Name: "AJP_REMOTE_PORT", Value: port},
		ajp.RequestAttribute{Name: "AJP_LOCAL_ADDR", Value: local},
		ajp.RequestAttribute{Name: "JK_LB_ACTIVATION", Value: x.Session.Activation})
}

// variable makes an attribute of a variable, unless it is empty.
//
// Source: mod_jk, "JkEnvVar".
func (o *outgoing) variable(x *exchange.Exchange, v *exchange.EnvAttribute) {
	value, ok := x.Env.Get(v.Name)
	if !ok {
		value, ok = common(x, v.Name)
	}
	if !ok {
		value = cmp.Or(x.Variable(v.Name), v.Default)
	}
	if value != "" {
		o.Attributes.Request = append(o.Attributes.Request, ajp.RequestAttribute{Name: v.Name, Value: value})
	}
}

// common returns a variable that every request has.
//
// Source: httpd server/util_script.c, ap_add_common_vars.
func common(x *exchange.Exchange, name string) (value string, ok bool) {
	switch name {
	case "REMOTE_ADDR":
		return x.Client.RemoteText(), true
	case "REMOTE_PORT":
		return strconv.Itoa(int(x.Client.Remote.Port())), true
	case "SERVER_ADDR":
		return x.Client.LocalText(), true
	case "SERVER_ADMIN":
		return x.Site.Admin, true
	case "REQUEST_SCHEME":
		if x.Client.TLS != nil {
			return "https", true
		}
		return "http", true
	}
	return "", false
}

// environment lets variables of httpd's environment override what the
// connection says, and returns the remote port and the local address.
//
// Source: mod_jk, "JkRemoteAddrIndicator" and its siblings.
func (o *outgoing) environment(x *exchange.Exchange, port, local string) (string, string) {
	for _, v := range x.Env {
		switch v.Name {
		case "JK_REMOTE_ADDR":
			o.RemoteAddr = v.Value
		case "JK_REMOTE_PORT":
			port = v.Value
		case "JK_REMOTE_HOST":
			o.RemoteHost = v.Value
		case "JK_REMOTE_USER":
			o.Attributes.RemoteUser = v.Value
		case "JK_AUTH_TYPE":
			o.Attributes.AuthType = v.Value
		case "JK_LOCAL_NAME":
			o.ServerName = v.Value
		case "JK_LOCAL_ADDR":
			local = v.Value
		case "JK_LOCAL_PORT":
			if n, err := strconv.Atoi(v.Value); err == nil && n > 0 && n < 65536 {
				o.ServerPort = n
			}
		}
	}
	return port, local
}

// uri returns the path as JkOptions ForwardURI… wants it. All but the
// unparsed form are the canonical path, so that the container decides about
// the resource that the front decided about.
func uri(x *exchange.Exchange) string {
	switch x.Site.Forward.URI {
	case exchange.URICompatUnparsed:
		path, _, _ := strings.Cut(x.Request.Target, "?")
		if strings.HasPrefix(path, "/") && x.Response.Original == 0 {
			return path
		}
	case exchange.URIEscaped:
		return lowerEscapes(x.Request.Path.Encoded)
	}
	return x.Request.Path.Encoded
}

// lowerEscapes returns path with the hex digits of its escapes in lower case.
func lowerEscapes(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	b := []byte(path)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			for _, j := range []int{i + 1, i + 2} {
				if 'A' <= b[j] && b[j] <= 'F' {
					b[j] += 'a' - 'A'
				}
			}
			i += 2
		}
	}
	return string(b)
}

// headers copies the client's headers that are meant for the container, the
// host, and exactly one statement about the length of the body.
func (o *outgoing) headers(x *exchange.Exchange) {
	if x.Request.HostHeader != "" {
		o.add("Host", x.Request.HostHeader)
	}
	named := connectionTokens(x.Request.Header)
	for name, values := range x.Request.Header {
		if len(values) == 0 || hopByHop(name) || name == "Content-Length" || name == "Host" || named.has(name) {
			continue
		}
		o.add(name, exchange.Joined(name, values))
	}
	switch length := x.Body.Length(); {
	case length == 0:
		o.add("Content-Length", "0")
	case length > 0 && !ignoresLength(x):
		o.add("Content-Length", strconv.FormatInt(length, 10))
	}
}

func (o *outgoing) add(name, value string) {
	o.Headers = append(o.Headers, ajp.Header{Name: name, Value: value})
}

// ignoresLength reports whether JK_IGNORE_CL makes the length unknown.
func ignoresLength(x *exchange.Exchange) bool {
	_, ok := x.Env.Get("JK_IGNORE_CL")
	return ok
}

// hopByHop reports whether a header, in canonical spelling, ends at the front.
//
// Source: RFC 9110, section 7.6.1.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// tokens are the headers that Connection names.
type tokens []string

// connectionTokens returns them; Close and Keep-Alive are none.
func connectionTokens(h http.Header) tokens {
	var named tokens
	for _, value := range h["Connection"] {
		if value == "keep-alive" || value == "close" {
			continue
		}
		for token := range strings.SplitSeq(value, ",") {
			named = append(named, strings.TrimSpace(token))
		}
	}
	return named
}

func (t tokens) has(name string) bool {
	for _, token := range t {
		// Cookie and the like must reach the container whatever Connection says.
		if strings.EqualFold(token, name) && name != "Cookie" && name != "Authorization" && name != "Host" {
			return true
		}
	}
	return false
}
