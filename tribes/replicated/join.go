package replicated

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// join asks who has the map, takes over what is in it, and tells all that this
// node has it now. What others put while they did not know that yet is asked
// for afterwards.
func (m *Map) join(ctx context.Context) error {
	err := m.askOne(ctx, msgInit, m.d.Group().Members(), m.answeredInit)
	known := m.others()
	m.reading(func() {
		if len(known) > 0 {
			err = errors.Join(err, m.askOne(ctx, m.stateKind(), known[:1], m.takeState))
		}
		m.setState(stateTransferred)
		err = errors.Join(err, m.askAll(ctx, msgStart, m.d.Group().Members(), m.answeredInit))
	})
	m.setState(stateInitialized)
	if others := m.others(); len(others) > 0 {
		m.reading(func() { err = errors.Join(err, m.askOne(ctx, m.stateKind(), others[:1], m.takeState)) })
	}
	all, _ := m.Len()
	m.cfg.Log.Info("map joined", "map", m.cfg.Name, "members", len(m.others()), "entries", all)
	return err
}

func (m *Map) stateKind() kind {
	if m.cfg.Kind == Copy {
		return msgStateCopy
	}
	return msgState
}

func (m *Map) setState(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
}

// reading reads entries of other nodes with f. Keys that are removed meanwhile are
// not among what it takes.
func (m *Map) reading(f func()) {
	m.mu.Lock()
	if m.reads.count++; m.reads.buried == nil {
		m.reads.buried = map[any]bool{}
	}
	m.mu.Unlock()
	f()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reads.count--; m.reads.count == 0 {
		m.reads.buried = nil
	}
}

// restWait is how long the other answers may take that are waited for after the
// first one.
const restWait = 3 * time.Second

// askAll asks members of the group, and waits for all that answer soon.
func (m *Map) askAll(ctx context.Context, k kind, to []tribes.Member, take takeAnswer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := true
	return m.askSome(ctx, k, to, func(answer *message, from tribes.Member, limits javaserial.Limits) bool {
		take(answer, from, limits)
		if first {
			time.AfterFunc(restWait, cancel)
		}
		first = false
		return false
	})
}

// askOne asks members of the group; the first answer is enough.
func (m *Map) askOne(ctx context.Context, k kind, to []tribes.Member, take takeAnswer) error {
	return m.askSome(ctx, k, to, func(answer *message, from tribes.Member, limits javaserial.Limits) bool {
		take(answer, from, limits)
		return true
	})
}

type takeAnswer func(answer *message, from tribes.Member, limits javaserial.Limits)

// askSome asks members of the group about the map. The error is ErrNotJoined if
// no answer came, and somebody could have given one.
func (m *Map) askSome(ctx context.Context, k kind, to []tribes.Member, take func(*message, tribes.Member, javaserial.Limits) bool) error {
	if len(to) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RPCTimeout)
	defer cancel()
	question := &message{kind: k, noNodes: true}
	if k != msgState && k != msgStateCopy {
		question.primary = m.own()
	}
	answered := false
	refused, err := m.ask(ctx, question, to, func(answer *message, from tribes.Member, limits javaserial.Limits) bool {
		answered = true
		return take(answer, from, limits)
	})
	if answered || refused == len(to) || errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	m.cfg.Log.Warn("no answer about the map", "map", m.cfg.Name, "question", int(k), "err", err)
	return ErrNotJoined
}

// answeredInit takes who answers as a member of the map.
func (m *Map) answeredInit(answer *message, from tribes.Member, _ javaserial.Limits) {
	if answer.primary != nil {
		from = *answer.primary
	}
	m.heard(from)
}

// heard takes a sign that a node has the map. One that was not known is told of
// what has no backup. One that was lost for a while is asked what it has: if it
// had left the group both went on; if it did not, it stood still.
func (m *Map) heard(who tribes.Member) {
	if !m.addMember(who) {
		return
	}
	key := who.Key()
	m.mu.Lock()
	left, returned := m.former[key]
	delete(m.former, key)
	m.mu.Unlock()
	if returned && !left {
		m.Returned(who)
	}
	m.work(func(ctx context.Context) {
		if left && m.cfg.Kind == Lazy {
			m.reconcile(ctx, who)
		}
		m.publishAlone(ctx)
	})
}

// addMember adds a node to the map, if it is a member of the group. It reports
// whether it is a new one.
func (m *Map) addMember(who tribes.Member) bool {
	key := who.Key()
	if !contains(m.d.Group().Members(), key) {
		m.cfg.Log.Warn("node of the map is no member of the group", "map", m.cfg.Name, "member", who)
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.members[key]; known != nil {
		known.heard = time.Now()
		return false
	}
	m.members[key] = &mapMember{who, time.Now()}
	m.sorted = nil
	return true
}

// mostFormer bounds how many lost members are known.
const mostFormer = 1000

// removeMember removes a node from the map. m.mu is held.
func (m *Map) removeMember(key tribes.Key, returns bool) {
	delete(m.members, key)
	delete(m.places, key)
	m.sorted = nil
	if returns {
		if len(m.former) >= mostFormer {
			clear(m.former)
		}
		m.former[key] = false
	}
}

// takeState takes over the entries that another node told. Those that are known
// already are known better.
func (m *Map) takeState(answer *message, _ tribes.Member, limits javaserial.Limits) {
	for _, each := range m.stateOf(answer, limits) {
		m.mu.Lock()
		known := m.entries[each.key] != nil || m.reads.buried[each.key]
		m.mu.Unlock()
		if !known {
			m.change(each.key, &each.message, limits)
		}
	}
}

// An at says where an entry is, as another node knows it.
type at struct {
	key any
	message
}

// stateOf reads the entries that another node knows.
func (m *Map) stateOf(answer *message, limits javaserial.Limits) (all []at) {
	if answer.value == nil {
		return nil
	}
	n, err := javaserial.Decode(answer.value, limits)
	if err != nil {
		m.cfg.Log.Error("state of the map cannot be read: this node does not know where entries are; if it is too large raise the receive budget", "map", m.cfg.Name, "bytes", len(answer.value), "err", err)
		return nil
	}
	r := &reader{classes: &m.classes}
	for _, each := range elements(n) {
		var one at
		mine, err := r.message(each, &one.message)
		if mine && err == nil && (one.kind == msgProxy || one.kind == msgCopy) {
			one.key, err = m.keyOf(one.message.key, limits)
			all = append(all, one)
		}
		if !mine || err != nil {
			m.cfg.Log.Warn("entry of the map cannot be read", "map", m.cfg.Name, "err", err)
		}
	}
	return slices.DeleteFunc(all, func(each at) bool { return each.key == nil })
}

// elements are the objects in an ArrayList.
func elements(n javaserial.Node) []javaserial.Node {
	v, _ := javaserial.Go(n)
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	var all []javaserial.Node
	for _, each := range list {
		if o, ok := each.(javaserial.Opaque); ok {
			all = append(all, o.Node)
		}
	}
	return all
}
