package replicated

import (
	"context"
	"fmt"
	"time"

	"github.com/catflap/catflap/tribes"
)

// inform tells who, which stood still, where it is wrong, if it said the same
// before. It returns what it says now.
func (m *Map) inform(ctx context.Context, s *survey, who tribes.Member, before map[any]string) (now map[any]string) {
	key := who.Key()
	theirs := s.of[key]
	if theirs == nil {
		return nil
	}
	now = map[any]string{}
	says := func(k any) (again bool) {
		now[k] = theirs[k].place()
		was, had := before[k]
		return had && was == now[k]
	}
	var wrong, claimed, lacking, orphans []*entry
	var gone []any
	m.mu.Lock()
	own := m.own().Key()
	for k, e := range m.entries {
		if e.claiming || e.claimed.After(s.asked) || e.primary == nil {
			continue
		}
		t, owner := theirs[k], s.owners[k]
		differs := t == nil || t.primary == nil || t.primary.Key() != e.primary.Key() || !sameNodes(t.nodes, e.nodes)
		switch backup := contains(e.nodes, key); {
		case !differs:
		case e.role == Primary && t != nil && t.primary != nil && t.primary.Key() == key:
			if says(k) {
				claimed = append(claimed, e)
			}
		case e.role == Primary && backup:
			if says(k) {
				lacking = append(lacking, e)
			}
		case e.role == Primary && len(e.nodes) > 0, e.role != Primary && owner != nil && owner.primary.Key() != key && owner.primary.Key() == e.primary.Key() && !backup:
			if says(k) {
				wrong = append(wrong, e)
			}
		case e.role == Backup && owner == nil && e.primary.Key() == key && t != nil && t.primary != nil && t.primary.Key() == own:
			if says(k) {
				orphans = append(orphans, e)
			}
		}
	}
	for k, t := range theirs {
		owner := s.owners[k]
		if m.entries[k] != nil || owner != nil && owner.primary.Key() != key || !m.reads.graves.has(k) && (t.primary == nil || t.primary.Key() != own) {
			continue
		}
		if says(k) {
			gone = append(gone, k)
		}
	}
	m.mu.Unlock()
	m.forEach(ctx, wrong, func(e *entry) { m.direct(ctx, e, who) })
	m.forEach(ctx, lacking, func(e *entry) { m.publishAgain(ctx, e) })
	m.forEach(ctx, claimed, func(e *entry) { m.outbid(e, theirs[e.key].version()); m.settle(ctx, e, who) })
	m.forEach(ctx, orphans, func(e *entry) {
		if e.is(m, Backup) {
			m.publish(ctx, e)
		}
	})
	for _, k := range gone {
		m.tell(ctx, []tribes.Member{who}, m.about(msgRemove, k), orderOf(k))
	}
	if n := len(wrong) + len(lacking) + len(claimed) + len(orphans) + len(gone); n > 0 {
		m.cfg.Log.Info("a node that stood still was told where entries are", "map", m.cfg.Name, "member", who, "entries", n)
	}
	return now
}

// place is where an entry is said to be.
func (a *at) place() string {
	if a == nil {
		return "nowhere"
	}
	text := ""
	if a.primary != nil {
		text = fmt.Sprint(a.primary.Key())
	}
	for i := range a.nodes {
		text += fmt.Sprint(" ", a.nodes[i].Key())
	}
	return text
}

// direct tells who where an entry is.
func (m *Map) direct(ctx context.Context, e *entry, who tribes.Member) {
	m.mu.Lock()
	there := m.entries[e.key] == e && !e.claiming && e.primary != nil && e.primary.Key() != who.Key() && len(e.nodes) > 0 && !contains(e.nodes, who.Key())
	msg := &message{kind: msgProxy, key: e.stream(), nodes: e.nodes, primary: e.primary}
	msg.setVersion(e.version)
	m.mu.Unlock()
	if there {
		m.tell(ctx, []tribes.Member{who}, msg, orderOf(e.key))
	}
}

// publishAgain publishes an entry that is still this node's.
func (m *Map) publishAgain(ctx context.Context, e *entry) {
	if !e.is(m, Primary) {
		return
	}
	if err := m.publish(ctx, e); err != nil {
		m.cfg.Log.Warn("entry that its backup does not have is not replicated", "map", m.cfg.Name, "err", err)
	}
}

// graves are keys that were removed lately. Others may not know that yet.
type graves struct {
	young, old map[any]struct{}
	since      time.Time // of the young ones
}

const (
	// graveTime is how long a key is known to be removed, at least, if no node is
	// missing; if one is, as long as there is room.
	graveTime = 30 * time.Second
	// mostGraves bounds how many are young.
	mostGraves = 25_000
)

func (g *graves) dig(key any) {
	if len(g.young) >= mostGraves {
		g.age()
	}
	if g.young == nil {
		g.young, g.since = map[any]struct{}{}, time.Now()
	}
	g.young[key] = struct{}{}
}

// fill notes that there is an entry with that key again.
func (g *graves) fill(key any) {
	delete(g.young, key)
	delete(g.old, key)
}

func (g *graves) age() { g.young, g.old = nil, g.young }

func (g *graves) has(key any) bool {
	_, young := g.young[key]
	_, old := g.old[key]
	return young || old
}

// clearGraves forgets keys that everybody knows to be removed.
func (m *Map) clearGraves() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.former) == 0 && time.Since(m.reads.graves.since) > graveTime {
		m.reads.graves.age()
	}
}
