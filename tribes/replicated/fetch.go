package replicated

import (
	"context"
	"sync"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// fetchWait is how long those that are to have an entry are waited for before
// others are asked, and then before one of these is believed.
const fetchWait = 2 * time.Second

// An inquiry is what members of the group have answered about an entry.
type inquiry struct {
	value    any // nil if nobody has it
	sure     bool
	answered int
}

// fetch asks for the value of an entry those that have its backup. If they do not
// answer soon, or do not have it, all others are asked. gone is set if all have
// answered that they do not have it.
//
// A Tomcat that has a proxy keeps the value as it was when it had more, and
// answers with that. So as long as one that has the backup may still answer, the
// others but the primary are not believed at once.
func (m *Map) fetch(ctx context.Context, e *entry) (value any, gone bool) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RPCTimeout)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	m.mu.Lock()
	nodes, primary := m.present(e.nodes), e.primary
	m.mu.Unlock()
	others := m.others(nodes...)

	ofNodes, ofOthers := make(chan inquiry, 1), make(chan inquiry, 1)
	asking.Go(func() { ofNodes <- m.inquire(ctx, e.key, nodes, nodes) })
	var had, more inquiry
	waiting := true
	select {
	case had = <-ofNodes:
		waiting = false
	case <-time.After(fetchWait):
	}
	if had.value != nil {
		return had.value, false
	}
	var sure []tribes.Member
	if primary != nil && (waiting || len(nodes) == 0) { // else it went elsewhere meanwhile
		sure = append(sure, *primary)
	}
	asking.Go(func() { ofOthers <- m.inquire(ctx, e.key, others, sure) })
	var enough <-chan time.Time
	for waiting || ofOthers != nil {
		select {
		case had = <-ofNodes:
			waiting = false
		case more = <-ofOthers:
			ofOthers = nil
			if more.value != nil {
				enough = time.After(fetchWait)
			}
		case <-enough:
			waiting = false
		}
		if had.value != nil {
			return had.value, false
		}
		if more.sure {
			break
		}
	}
	if more.value != nil {
		return more.value, false
	}
	answered, asked := had.answered+more.answered, len(nodes)+len(others)
	m.cfg.Log.Warn("entry cannot be fetched", "map", m.cfg.Name, "answers", answered, "of", asked)
	return nil, answered == asked
}

// retrieve asks members for the value of an entry, any of whom is believed. It
// also returns how many have answered.
func (m *Map) retrieve(ctx context.Context, key any, from []tribes.Member) (value any, answered int) {
	all := m.inquire(ctx, key, from, from)
	return all.value, all.answered
}

// inquire asks members for the value of an entry. The first answer of one of sure
// counts; else it is of what comes within a moment what was used last.
func (m *Map) inquire(ctx context.Context, key any, from, sure []tribes.Member) (all inquiry) {
	if len(from) == 0 {
		return all
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var best javaserial.Node
	var late *time.Timer
	refused, _ := m.ask(ctx, m.about(msgRetrieveBackup, key), from, func(answer *message, who tribes.Member, limits javaserial.Limits) bool {
		all.answered++
		value, n := m.answered(key, answer, limits)
		if value == nil {
			return false
		}
		if all.sure = contains(sure, who.Key()); all.sure || best == nil || m.cfg.Owner.Later(n, best) {
			all.value, best = value, n
		}
		if late == nil {
			late = time.AfterFunc(fetchWait, cancel)
		}
		return all.sure
	})
	if late != nil {
		late.Stop()
	}
	all.answered += refused
	return all
}

// answered makes a value of what another node has answered, nil of nothing.
func (m *Map) answered(key any, answer *message, limits javaserial.Limits) (any, javaserial.Node) {
	if answer.value == nil {
		return nil, nil
	}
	n, err := javaserial.Decode(answer.value, limits)
	var v any
	if err == nil {
		v, err = m.read(key, n, answer.diffVal, limits)
	}
	if err != nil {
		m.cfg.Log.Error("value of an entry cannot be read", "map", m.cfg.Name, "err", err)
		return nil, nil
	}
	return v, n
}

// read makes a value of what another node has.
func (m *Map) read(key any, n javaserial.Node, extra []byte, limits javaserial.Limits) (any, error) {
	value, err := m.cfg.Values.Decode(key, n)
	if err == nil && extra != nil {
		err = m.cfg.Values.Apply(value, extra, limits)
	}
	return value, err
}
