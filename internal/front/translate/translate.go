// Package translate decides who answers a path. What comes in is a canonical
// path and the request's environment, what goes out is a Target: a redirect, a
// mount, or a file of the front.
//
// The order is httpd's with mod_alias loaded before mod_jk: Redirect, then
// JkMount, then Alias, then DocumentRoot. A DirectoryIndex and a local
// ErrorDocument come through here again.
package translate

import (
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
)

// A Translator translates for one site. It is immutable; many goroutines may
// use it.
type Translator struct {
	cfg Config
}

// New returns the translator for cfg.
func New(cfg Config) *Translator { return &Translator{cfg} }

// WithMounts returns a translator that differs only in its mounts.
func (t *Translator) WithMounts(m *mount.Map) *Translator {
	changed := *t
	changed.cfg.Mounts = m
	return &changed
}

// Translate returns the Target of x, whose path is canonical already.
func (t *Translator) Translate(x *exchange.Exchange) exchange.Target {
	if target, ok := Redirect(x, t.cfg.Redirects); ok {
		return target
	}
	if rule := t.Mount(x, x.Request.Path.Mount, x.Request.Path.Decoded); rule != nil {
		return exchange.Target{Kind: exchange.TargetForward, Rule: rule}
	}
	if t.cfg.StripSession != "" {
		p := &x.Request.Path
		p.Decoded, p.Encoded = without(p.Decoded, t.cfg.StripSession), without(p.Encoded, t.cfg.StripSession)
	}
	return t.File(x.Request.Path.Decoded)
}

// without returns path without the parameter that begins with name.
//
// Source: mod_jk, "JkStripSession", as seen at work.
func without(path, name string) string {
	i := strings.Index(path, name)
	if i < 0 {
		return path
	}
	end := strings.IndexAny(path[i+1:], ";/")
	if end < 0 {
		return path[:i]
	}
	return path[:i] + path[i+1+end:]
}

// Mount returns the rule for the path in its two shapes, nil if no worker
// answers it.
func (t *Translator) Mount(x *exchange.Exchange, mounted, decoded string) *exchange.Rule {
	if Unmapped(x) {
		return nil
	}
	if x.Site.Forward.RejectUnsafe && strings.ContainsAny(decoded, `%\`) {
		return nil
	}
	return t.cfg.Mounts.Lookup(mounted)
}

// Unmapped reports whether the environment of x keeps it from all workers.
//
// Source: mod_jk, "no-jk".
func Unmapped(x *exchange.Exchange) bool {
	_, off := x.Env.Get("no-jk")
	return off
}

// File returns the static Target of a path: of the first Alias that matches,
// else of DocumentRoot.
func (t *Translator) File(decoded string) exchange.Target {
	for i := range t.cfg.Aliases {
		if target, ok := t.cfg.Aliases[i].target(decoded); ok {
			target.Place = t.cfg.Aliases[i].Place
			return target
		}
	}
	if t.cfg.DocumentRoot == "" {
		return exchange.Target{Kind: exchange.TargetRespond, Status: http.StatusNotFound}
	}
	return exchange.Target{Kind: exchange.TargetStatic, Root: t.cfg.DocumentRoot, File: strings.TrimPrefix(decoded, "/")}
}

func (a *Alias) target(decoded string) (exchange.Target, bool) {
	if a.Pattern != nil {
		found, err := a.Pattern.Find(decoded)
		switch {
		case found == nil || err != nil:
			return exchange.Target{}, false
		case a.Below == nil:
			return whole(a.Dir), true
		}
		return exchange.Target{Kind: exchange.TargetStatic, Root: a.Dir, File: string(a.Below.Append(nil, decoded, found))}, true
	}
	n := prefix(a.Path, decoded)
	if n < 0 {
		return exchange.Target{}, false
	}
	if n == len(decoded) && !strings.HasSuffix(a.Path, "/") {
		return whole(a.Dir), true
	}
	return exchange.Target{
		Kind: exchange.TargetStatic, Root: a.Dir, File: strings.TrimPrefix(decoded[n:], "/"),
	}, true
}

// whole is the Target of one file or directory: a directory is its own root, a
// file is below the directory it is in.
func whole(name string) exchange.Target {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return exchange.Target{Kind: exchange.TargetStatic, Root: name}
	}
	return exchange.Target{Kind: exchange.TargetStatic, Root: path.Dir(name), File: path.Base(name)}
}

// prefix returns the length of the part of url that want covers, -1 if it does
// not: whole components, a trailing slash of want must be there.
//
// Source: httpd modules/mappers/mod_alias.c, alias_matches.
func prefix(want, url string) int {
	if !strings.HasPrefix(url, want) {
		return -1
	}
	if len(url) == len(want) || strings.HasSuffix(want, "/") || url[len(want)] == '/' {
		return len(want)
	}
	return -1
}

// Explain tells why a path, as mounts have it, goes to a worker or not.
func (t *Translator) Explain(mounted string) mount.Explanation { return t.cfg.Mounts.Explain(mounted) }

// Rules returns the mounts in the order in which they are tried.
func (t *Translator) Rules() []mount.Rule { return t.cfg.Mounts.Rules() }
