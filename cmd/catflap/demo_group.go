package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes"
)

// A demoGroup is the nodes of a demonstration with what they have in common.
type demoGroup struct {
	nodes  []*demoNode
	ground *demoGround
	secret string // of their AJP connectors
	key    string // that messages in the group are encrypted with
	dir    string // of the demonstration

	mu   sync.Mutex
	out  io.Writer // is told what happens; nil is nobody
	told []happening
}

// A happening is something that was told of the group.
type happening struct {
	At   time.Time
	Text string
}

// newDemoGroup returns a group whose nodes have ports, and do not run.
func newDemoGroup(dir string, names ...string) (*demoGroup, error) {
	var key [16]byte
	rand.Read(key[:])
	g := &demoGroup{
		ground: &demoGround{takes: map[netip.AddrPort]bool{}},
		secret: rand.Text(), key: hex.EncodeToString(key[:]), dir: dir,
	}
	for _, name := range names {
		n := &demoNode{name: name, group: g, id: tribes.NewID()}
		n.life.Store(&nodeLife{how: lifeStopped})
		g.nodes = append(g.nodes, n)
	}
	for _, n := range g.nodes {
		if err := n.open(); err != nil {
			g.end()
			return nil, err
		}
	}
	return g, nil
}

// end ends all nodes.
func (g *demoGroup) end() {
	for _, n := range g.nodes {
		n.stop(time.Nanosecond)
		if n.link != nil {
			n.link.cut()
		}
	}
}

// named returns the node of that name, nil if there is none.
func (g *demoGroup) named(name string) *demoNode {
	for _, n := range g.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// nameOf returns the name of a member.
func (g *demoGroup) nameOf(id tribes.ID) string {
	for _, n := range g.nodes {
		if n.id == id {
			return n.name
		}
	}
	return "a stranger"
}

// logFile is where a node logs.
func (g *demoGroup) logFile(name string) string { return filepath.Join(g.dir, "logs", name+".log") }

// maxTold is how much of what happened is kept.
const maxTold = 8

// tell says what has happened in the group.
func (g *demoGroup) tell(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = append(g.told, happening{time.Now(), text})
	if len(g.told) > maxTold {
		g.told = slices.Delete(g.told, 0, len(g.told)-maxTold)
	}
	if g.out != nil {
		fmt.Fprintln(g.out, text)
	}
}

// tellTo has what happens from now on told to out, too.
func (g *demoGroup) tellTo(out io.Writer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out = out
}

// latest returns what has happened, the last first.
func (g *demoGroup) latest() []happening {
	g.mu.Lock()
	defer g.mu.Unlock()
	latest := slices.Clone(g.told)
	slices.Reverse(latest)
	return latest
}
