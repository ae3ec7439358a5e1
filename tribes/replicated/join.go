package replicated

import (
	"context"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// join asks who has the map, takes over what is in it, and tells all that this
// node has it now.
func (m *Map) join(ctx context.Context) {
	m.ask(ctx, msgInit, m.d.Group().Members(), m.answeredInit)
	if others := m.others(); len(others) > 0 {
		m.ask(ctx, m.stateKind(), others[:1], func(answer *message, _ tribes.Member) { m.takeState(answer) })
	}
	m.setState(stateTransferred)
	m.ask(ctx, msgStart, m.d.Group().Members(), m.answeredInit)
	m.setState(stateInitialized)
	m.cfg.Log.Info("map joined", "map", m.cfg.Name, "members", len(m.others()), "entries", len(m.Entries()))
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

// ask asks members of the group; the first answer is enough.
func (m *Map) ask(ctx context.Context, k kind, to []tribes.Member, take func(*message, tribes.Member)) {
	if len(to) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RPCTimeout)
	defer cancel()
	question := &message{kind: k, mapName: m.cfg.Name, noNodes: true}
	if k != msgState && k != msgStateCopy {
		question.primary = m.own()
	}
	answers, err := m.channel.Ask(ctx, to, question.object(&m.classes, m.isOwn), rpc.First, m.cfg.SendOptions)
	if len(answers.Replies) == 0 && len(answers.Refused) < len(to) {
		m.cfg.Log.Warn("no answer about the map", "map", m.cfg.Name, "question", int(k), "err", err)
	}
	for _, r := range answers.Replies {
		var answer message
		if mine, err := answer.parse(r.Content, &m.classes); mine && err == nil {
			take(&answer, r.From)
		}
	}
}

// answeredInit takes who answers as a member of the map.
func (m *Map) answeredInit(answer *message, from tribes.Member) {
	if answer.primary != nil {
		from = *answer.primary
	}
	m.addMember(from)
}

// addMember adds a node to the map, if it is a member of the group. It reports
// whether it is a new one.
func (m *Map) addMember(who tribes.Member) bool {
	key := who.Key()
	there := slices.ContainsFunc(m.d.Group().Members(), func(each tribes.Member) bool { return each.Key() == key })
	if !there {
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
	return true
}

// takeState takes over the entries that another node told.
func (m *Map) takeState(answer *message) {
	if answer.value == nil {
		return
	}
	n, err := javaserial.Decode(answer.value, m.cfg.Limits)
	if err != nil {
		m.cfg.Log.Error("state of the map cannot be read", "map", m.cfg.Name, "err", err)
		return
	}
	for _, each := range elements(n) {
		var msg message
		if mine, err := msg.parse(each, &m.classes); !mine || err != nil {
			m.cfg.Log.Warn("entry of the map cannot be read", "map", m.cfg.Name, "err", err)
			continue
		}
		m.receive(&msg, m.cfg.Limits)
	}
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

// ping asks all nodes whether they still have the map, and forgets those that
// were not heard of for AccessTimeout.
func (m *Map) ping(ctx context.Context) {
	to := m.d.Group().Members()
	if len(to) > 0 {
		asking, cancel := context.WithTimeout(ctx, m.cfg.AccessTimeout)
		question := &message{kind: msgPing, mapName: m.cfg.Name, noNodes: true, primary: m.own()}
		answers, err := m.channel.Ask(asking, to, question.object(&m.classes, m.isOwn), rpc.All, m.cfg.SendOptions)
		cancel()
		for _, r := range answers.Replies {
			m.ponged(r)
		}
		if failed, ok := err.(*tribes.SendError); ok {
			for _, f := range failed.Faulty {
				m.lost(ctx, f.Member)
			}
		}
	}
	m.mu.Lock()
	var silent []tribes.Member
	for _, each := range m.members {
		if time.Since(each.heard) > 2*m.cfg.AccessTimeout {
			silent = append(silent, each.Member)
		}
	}
	m.mu.Unlock()
	for _, each := range silent {
		m.cfg.Log.Warn("node of the map does not answer", "map", m.cfg.Name, "member", each)
		m.lost(ctx, each)
	}
}

// ponged takes the answer to a ping.
func (m *Map) ponged(r rpc.Reply) {
	var answer message
	if mine, err := answer.parse(r.Content, &m.classes); !mine || err != nil {
		return
	}
	from := r.From
	if answer.primary != nil {
		from = *answer.primary
	}
	switch stateOf(answer.value, m.cfg.Limits) {
	case stateInitialized:
		m.addMember(from)
	case stateTransferred:
		m.mu.Lock()
		defer m.mu.Unlock()
		if known := m.members[from.Key()]; known != nil {
			known.heard = time.Now()
		}
	}
}
