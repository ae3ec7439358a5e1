package front

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/internal/front/module/access"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// localNames finds out what our own addresses are called, for UseCanonicalName
// DNS, and remembers it for a while. Many goroutines may use it.
type localNames struct {
	resolver access.Resolver

	mu    sync.Mutex
	known map[netip.Addr]localName
}

type localName struct {
	name string // empty if it has none
	at   time.Time
}

const (
	// nameKept is how long a name is believed.
	nameKept = 5 * time.Minute
	// namePatience bounds one look-up.
	namePatience = 3 * time.Second
	// mostNames bounds what is remembered: a machine may have many addresses.
	mostNames = 1000
)

// of returns the name of an address, "" if it has none.
func (l *localNames) of(address netip.Addr) string {
	l.mu.Lock()
	found, ok := l.known[address]
	l.mu.Unlock()
	if ok && time.Since(found.at) < nameKept {
		return found.name
	}
	ctx, cancel := context.WithTimeout(context.Background(), namePatience)
	defer cancel()
	fresh := localName{at: time.Now()}
	if names, err := l.resolver.Names(ctx, address); err == nil && len(names) > 0 {
		fresh.name = strings.ToLower(strings.TrimSuffix(names[0], "."))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= mostNames {
		l.known = map[netip.Addr]localName{}
	}
	l.known[address] = fresh
	return fresh.name
}

// looksUpNames reports whether some section wants names of our addresses.
func looksUpNames(s vhost.Sections) bool {
	by := func(l *settings.Layer) bool {
		return l.Canonical != nil && l.Canonical.Name != nil && *l.Canonical.Name == settings.NameByDNS
	}
	return slices.ContainsFunc(s.Server, by) || slices.ContainsFunc(s.Of, func(section vhost.Section) bool {
		return by(section.Layer) || slices.ContainsFunc(section.Inside, func(within vhost.Section) bool { return by(within.Layer) })
	})
}
