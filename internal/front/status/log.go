package status

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/catflap/catflap/internal/front/balancer"
)

// levelNotice is httpd's "notice".
const levelNotice = slog.LevelInfo + 2

// who are the attributes that tell who asks.
func (a *asked) who() []any {
	who := []any{"client", a.x.Client.Remote.String()}
	if user := userOf(a.x); user != "" {
		who = append(who, "user", user)
	}
	return who
}

// tell writes one line in mod_jk's words, with who asked.
func (p *Page) tell(a *asked, level slog.Level, format string, args ...any) {
	p.log.Log(context.Background(), level, fmt.Sprintf("Status worker '%s' "+format, append([]any{p.cfg.Name}, args...)...), a.who()...)
}

// changed tells each change that a made.
func (p *Page) changed(a *asked, all []Changed) {
	for _, c := range all {
		switch {
		case c.Worker == "":
			p.tell(a, levelNotice, "changing '%s' for lb worker '%s' from '%s' to '%s'", c.Key, c.Balancer, c.From, c.To)
		case c.Balancer == "":
			p.tell(a, levelNotice, "changing '%s' for ajp worker '%s' from '%s' to '%s'", c.Key, c.Worker, c.From, c.To)
		default:
			p.tell(a, levelNotice, "changing '%s' for sub worker '%s' of lb worker '%s' from '%s' to '%s'", c.Key, c.Worker, c.Balancer, c.From, c.To)
		}
	}
}

// done tells that a did something to what it is about.
func (p *Page) done(a *asked, what string) {
	if member := a.target.member(); member != "" {
		p.tell(a, levelNotice, "%s lb worker '%s' sub worker '%s'", what, a.target.name, member)
		return
	}
	if a.target.balancer != nil {
		p.tell(a, levelNotice, "%s lb worker '%s' with all sub workers", what, a.target.name)
		return
	}
	p.tell(a, levelNotice, "%s ajp worker '%s'", what, a.target.name)
}

func (p *Page) notRecovered(a *asked, state balancer.State) {
	if member := a.target.member(); member != "" {
		p.tell(a, slog.LevelWarn, "could not mark worker '%s' sub worker '%s' for recovery - state %s is not an error state", a.target.name, member, state)
	}
}

// refused tells that a was not done.
func (p *Page) refused(a *asked, why error) {
	p.log.Log(context.Background(), slog.LevelWarn, fmt.Sprintf("Status worker '%s': %v", p.cfg.Name, why), a.who()...)
}
