// Package refuse carries out the rules by which mod_rewrite and mod_proxy keep
// clients from content: what comes in is an Exchange and lists of rules, what
// goes out is nothing, or the refusal. A rule that nobody can judge in time
// refuses.
package refuse

import (
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// Check returns nil if x may go on, else the refusal. A path with parameters
// is judged with them and without.
//
// Source: httpd modules/mappers/mod_rewrite.c, apply_rewrite_list, as seen at
// work.
func Check(x *exchange.Exchange, rules []settings.Refusal) *exchange.Refusal {
	if len(rules) == 0 {
		return nil
	}
	p := &x.Request.Path
	if refusal := check(x, rules, p.Decoded); refusal != nil || p.Mount == p.Decoded {
		return refusal
	}
	return check(x, rules, p.Mount)
}

func check(x *exchange.Exchange, rules []settings.Refusal, path string) *exchange.Refusal {
	for i := range rules {
		r := &rules[i]
		if !covers(r, path, x.Response.File) || !holds(x, r.Conditions) {
			continue
		}
		switch {
		case r.Status == 0:
			return nil
		case r.By != "":
			return &exchange.Refusal{Status: http.StatusForbidden, Level: "error", Module: "core",
				Log: "closed, since catflap does not carry out " + r.By + " (" + r.Place + "): " + path}
		}
		return &exchange.Refusal{Status: r.Status, Level: "info", Module: "rewrite", Log: "refused by the RewriteRule in " + r.Place + ": " + path}
	}
	return nil
}

// covers reports whether r is for a path, or a file.
func covers(r *settings.Refusal, path, file string) bool {
	subject := path
	if r.Below != "" {
		rest, below := strings.CutPrefix(file, strings.TrimSuffix(r.Below, "/")+"/")
		if !below {
			return false
		}
		subject = rest
	}
	switch {
	case r.Prefix != "":
		rest, begins := strings.CutPrefix(subject, r.Prefix)
		return begins && (rest == "" || rest[0] == '/' || strings.HasSuffix(r.Prefix, "/"))
	case r.Pattern == nil:
		return true
	}
	return matches(r.Pattern, subject, r.Not, r.Status != 0)
}

// matches reports whether pattern matches s, or does not; doubt is the answer
// if nobody knows.
func matches(pattern *regex.Regex, s string, not, doubt bool) bool {
	matched, err := pattern.Match(s)
	if err != nil {
		return doubt
	}
	return matched != not
}

// holds reports whether all conditions hold; of those joined by OR one is
// enough.
func holds(x *exchange.Exchange, conditions []settings.Condition) bool {
	for i := 0; i < len(conditions); i++ {
		held := one(x, &conditions[i])
		for conditions[i].Or && i+1 < len(conditions) {
			i++
			held = held || one(x, &conditions[i])
		}
		if !held {
			return false
		}
	}
	return true
}

// one reports whether a single condition holds.
func one(x *exchange.Exchange, c *settings.Condition) bool {
	if c.Test == nil {
		return true
	}
	var b strings.Builder
	for _, part := range c.Test {
		b.WriteString(part.Text)
		b.WriteString(value(x, part.Name))
	}
	text := b.String()
	switch c.Kind {
	case settings.TestEqual:
		return (text == c.Text || c.Fold && strings.EqualFold(text, c.Text)) != c.Not
	case settings.TestExists:
		return exists(text, c.Text) != c.Not
	}
	return matches(c.Pattern, text, c.Not, true)
}

// exists reports whether there is what -f, -d, -s or -l asks for.
func exists(name, test string) bool {
	if test == "l" {
		info, err := os.Lstat(name)
		return err == nil && info.Mode()&os.ModeSymlink != 0
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return false
	case test == "d":
		return info.IsDir()
	case test == "s":
		return info.Mode().IsRegular() && info.Size() > 0
	}
	return info.Mode().IsRegular()
}

// Known reports whether a variable has a value here.
func Known(name string) bool {
	if prefix, _, found := strings.Cut(name, ":"); found {
		return prefix == "HTTP" || prefix == "ENV" || prefix == "E"
	}
	return known[name]
}

var known = map[string]bool{
	"HTTP_USER_AGENT": true, "HTTP_REFERER": true, "HTTP_COOKIE": true, "HTTP_HOST": true, "HTTP_ACCEPT": true, "HTTP_FORWARDED": true,
	"REMOTE_ADDR": true, "REMOTE_PORT": true, "SERVER_ADDR": true, "SERVER_NAME": true, "SERVER_PORT": true, "SERVER_PROTOCOL": true,
	"REQUEST_METHOD": true, "REQUEST_URI": true, "QUERY_STRING": true, "THE_REQUEST": true, "HTTPS": true, "REQUEST_SCHEME": true,
}

// value is what a variable of mod_rewrite has for x.
//
// Source: httpd modules/mappers/mod_rewrite.c, lookup_variable.
func value(x *exchange.Exchange, name string) string {
	switch name {
	case "":
		return ""
	case "HTTP_HOST":
		return x.Request.HostHeader
	case "REMOTE_ADDR":
		return x.Client.RemoteText()
	case "REMOTE_PORT":
		return strconv.Itoa(int(x.Client.Remote.Port()))
	case "SERVER_ADDR":
		return x.Client.LocalText()
	case "SERVER_NAME":
		return x.Site.Name
	case "SERVER_PORT":
		return strconv.Itoa(x.Request.Port)
	case "SERVER_PROTOCOL":
		return x.Request.Proto
	case "REQUEST_METHOD":
		return x.Request.Method
	case "REQUEST_URI":
		return x.Request.Path.Decoded
	case "QUERY_STRING":
		return x.Request.Query
	case "THE_REQUEST":
		return x.Request.Method + " " + x.Request.Target + " " + x.Request.Proto
	case "HTTPS":
		return map[bool]string{true: "on", false: "off"}[x.Client.TLS != nil]
	case "REQUEST_SCHEME":
		return map[bool]string{true: "https", false: "http"}[x.Client.TLS != nil]
	}
	prefix, rest, found := strings.Cut(name, ":")
	if found && (prefix == "ENV" || prefix == "E") {
		v, _ := x.Env.Get(rest)
		return v
	}
	if !found {
		rest = strings.ReplaceAll(strings.TrimPrefix(name, "HTTP_"), "_", "-")
	}
	if strings.EqualFold(rest, "Host") {
		return x.Request.HostHeader
	}
	rest = http.CanonicalHeaderKey(rest)
	if values := x.Request.Header[rest]; len(values) > 0 {
		return exchange.Joined(rest, values)
	}
	return ""
}
