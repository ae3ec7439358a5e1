package balancer

import (
	"fmt"
	"sync"

	"github.com/catflap/catflap/internal/front/exchange"
)

// asked is what one request wants of a balancer: its session, the settings of
// its rule, and the members as it sees them.
type asked struct {
	setup      *setup
	members    []view          // as setup has them
	activation map[string]byte // of its rule
	routes     []string        // of its session ids; nil if it has no session
	holders    []string
	stateless  bool
	setCookie  bool
	cookie     string
	cookiePath string
	forced     bool // members in error were forced already
	room       [8]view
	routeRoom  [4]string
}

var askedPool = sync.Pool{New: func() any { return new(asked) }}

// giveBack lets a be used again.
func (a *asked) giveBack() {
	*a = asked{}
	askedPool.Put(a)
}

// ask reads what x wants. The result is given back.
func (b *Balancer) ask(x *exchange.Exchange) *asked {
	ext := &x.Target.Rule.Ext
	a := askedPool.Get().(*asked)
	s := b.now.Load()
	sticky := &s.cfg.Sticky
	*a = asked{setup: s, activation: ext.Activation, cookie: sticky.Cookie, cookiePath: sticky.SetCookiePath, setCookie: sticky.SetCookie}
	path, ignore := sticky.Path, sticky.Off
	override(&a.cookie, ext.SessionCookie)
	override(&a.cookiePath, ext.SessionCookiePath)
	override(&path, ext.SessionPath)
	if ext.SetSessionCookie != nil {
		a.setCookie = *ext.SetSessionCookie
	}
	if ext.StickyIgnore != nil {
		ignore = ignore || *ext.StickyIgnore
	}
	if ext.Stateless != nil {
		a.stateless = *ext.Stateless
	}
	if len(x.Env) > 0 {
		if v, ok := x.Env.Get("JK_STICKY_IGNORE"); ok {
			ignore = sticky.Off || on(v)
		}
		if v, ok := x.Env.Get("JK_STATELESS"); ok {
			a.stateless = on(v)
		}
	}
	if !ignore {
		a.routes = sessionRoutes(a.routeRoom[:0], x, a.cookie, path)
		if len(a.routes) > 0 {
			x.Session.Route = a.routes[0]
			a.holders = b.outlook.Holders(a.routes[0])
		}
	}
	a.members = b.views(a, a.room[:0])
	return a
}

func override(to *string, value string) {
	if value != "" {
		*to = value
	}
}

// views returns the members as they are now. A member that was busy is tried
// again once it has a free connection.
func (b *Balancer) views(a *asked, room []view) []view {
	for _, m := range a.setup.members {
		v := view{
			route: m.cfg.Route, domain: m.cfg.Domain, redirect: m.cfg.Redirect, state: m.seen(),
			activation: m.cfg.Activation, distance: m.cfg.Distance, value: a.setup.cfg.Method.valueOf(m),
		}
		if v.state == Busy && m.endpoint.Free() {
			_, v.state = m.change(func(h health) health {
				if h.state == Busy {
					h.state = OK
				}
				return h
			})
		}
		if letter, ok := a.activation[m.cfg.Worker]; ok {
			v.activation = map[byte]Activation{'A': Active, 'D': Disabled, 'S': Stopped}[letter]
		}
		alive, known := b.outlook.Alive(m.cfg.Route)
		v.down = known && !alive
		room = append(room, v)
	}
	return room
}

// choose elects a member. If all that could serve are in error, they are
// forced once: better a try than a refusal.
func (b *Balancer) choose(a *asked) choice {
	for {
		b.refresh(a)
		offset := int(b.offset.Load())
		c := elect(a.members, a.routes, a.holders, a.setup.cfg.Sticky.Force, offset, a.stateless)
		if c.member < 0 {
			if a.forced || !b.force(a) {
				return c
			}
			continue
		}
		if !a.setup.members[c.member].claim() {
			a.members[c.member].state = Probe
			continue
		}
		if !c.sticky {
			b.offset.Store(int64((c.member + 1) % len(a.members)))
		}
		return c
	}
}

// refresh lets a see what the operator changed since: a stopped member gets
// no request any more, nor the second try of one.
func (b *Balancer) refresh(a *asked) {
	s := b.now.Load()
	if s == a.setup {
		return
	}
	a.setup = s
	old := a.members
	a.members = b.views(a, nil)
	for i := range old {
		a.members[i].failed = old[i].failed
	}
}

// force lets all members in error be tried. It reports whether there are any.
func (b *Balancer) force(a *asked) bool {
	a.forced = true
	n := 0
	for i := range a.members {
		v := &a.members[i]
		if v.state != Error || v.activation == Stopped || v.failed {
			continue
		}
		_, v.state = a.setup.members[i].change(func(h health) health {
			if h.state == Error {
				h.state = Force
			}
			return h
		})
		n++
	}
	if n > 0 {
		b.log.Info(fmt.Sprintf("Forcing recovery once for %d workers", n), "balancer", b.file.Name)
	}
	return n > 0
}

// fail takes a member out for this round.
func (a *asked) fail(i int) { a.members[i].failed = true }

// forgive begins the next round.
func (a *asked) forgive() {
	for i := range a.members {
		a.members[i].failed = false
	}
}
