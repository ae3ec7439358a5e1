// Package env sets httpd's environment variables. What comes in is an Exchange
// and the rules of its site or sections, what goes out is its Env: SetEnvIf
// and its kin look at the request, SetEnv gives what the file says.
package env

import (
	"maps"
	"slices"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// Judge sets the variables of the rules that match x, in their order. A rule
// whose regular expression takes too long matches nothing, and leaves x with
// an environment that is not to be relied on.
//
// Source: httpd modules/metadata/mod_setenvif.c, match_headers, as seen at
// work.
func Judge(x *exchange.Exchange, rules []settings.EnvRule) {
	for i := range rules {
		r := &rules[i]
		if r.Subject == settings.EnvHeaders {
			headers(x, r)
			continue
		}
		try(x, r, subject(x, r))
	}
}

// subject is what a rule looks at, empty if it is not there.
func subject(x *exchange.Exchange, r *settings.EnvRule) string {
	switch r.Subject {
	case settings.EnvRemoteHost, settings.EnvRemoteAddr:
		return x.Client.RemoteText()
	case settings.EnvServerAddr:
		return x.Client.LocalText()
	case settings.EnvRequestMethod:
		return x.Request.Method
	case settings.EnvProtocol:
		return x.Request.Proto
	case settings.EnvRequestURI:
		if x.Request.Path.Decoded == "" { // it could not be made canonical
			return x.Request.Target
		}
		return x.Request.Path.Decoded
	}
	if r.Header == "Host" {
		return x.Request.HostHeader
	}
	if values := x.Request.Header[r.Header]; len(values) > 0 {
		return exchange.Joined(r.Header, values)
	}
	value, _ := x.Env.Get(r.Name)
	return value
}

// headers tries a rule on every header whose name matches, in the order of
// names, until the pattern matches one; without such a header on nothing.
func headers(x *exchange.Exchange, r *settings.EnvRule) {
	found := false
	for _, name := range slices.Sorted(maps.Keys(x.Request.Header)) {
		matched, err := r.Names.Match(name)
		if err != nil {
			x.EnvDoubtful = true
		}
		if !matched {
			continue
		}
		found = true
		if try(x, r, exchange.Joined(name, x.Request.Header[name])) {
			return
		}
	}
	if !found {
		try(x, r, "")
	}
}

// try sets what r says if its pattern matches value, and reports whether it
// does.
func try(x *exchange.Exchange, r *settings.EnvRule, value string) bool {
	var found []int
	var matched bool
	var err error
	if r.Groups() {
		found, err = r.Pattern.Find(value)
		matched = found != nil
	} else {
		matched, err = r.Pattern.Match(value)
	}
	if err != nil {
		x.EnvDoubtful = true
	}
	if !matched {
		return false
	}
	for i := range r.Sets {
		switch s := &r.Sets[i]; {
		case s.Unset:
			x.Env.Unset(s.Name)
		case s.Match == nil:
			x.Env.Set(s.Name, s.Value)
		default:
			x.Env.Set(s.Name, string(s.Match.Append(nil, value, found)))
		}
	}
	return true
}

// Set gives x the variables of SetEnv and PassEnv.
func Set(x *exchange.Exchange, vars []settings.EnvVar) {
	for i := range vars {
		x.Env.Set(vars[i].Name, vars[i].Value)
	}
}

// Redirected makes the environment of x that of a request for an error page:
// what was set gets REDIRECT_ before its name, and tells of the request.
//
// Source: httpd modules/http/http_request.c, rename_original_env and
// internal_internal_redirect.
func Redirected(x *exchange.Exchange, status, url string) {
	x.EnvAsked = append(make(exchange.Vars, 0, len(x.Env)), x.Env...)
	env := make(exchange.Vars, 0, len(x.Env)+3)
	for _, v := range x.EnvAsked {
		env.Set("REDIRECT_"+v.Name, v.Value)
	}
	env.Set("REDIRECT_URL", url)
	env.Set("REDIRECT_STATUS", status)
	if x.Request.Query != "" {
		env.Set("REDIRECT_QUERY_STRING", x.Request.Query)
	}
	x.Env = env
}
