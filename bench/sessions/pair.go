package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A pair is two nodes of one kind that share their sessions, with the visitors
// that half of them each have.
type pair struct {
	kind     string
	dir      string
	group    int // port
	make     func(dir string, s nodeSettings) ([]string, error)
	manager  manager
	nodes    []*process
	started  int // nodes, also such as have ended
	visitors []*visitor
	sessions int // that were made
}

// node starts a node more, and does not wait.
func (p *pair) node() (*process, error) {
	p.started++
	route := fmt.Sprintf("%s%d", p.kind, p.started)
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(p.dir, route)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	command, err := p.make(dir, nodeSettings{route, addr, p.group, p.manager})
	if err != nil {
		return nil, err
	}
	n, err := startProcess(command, addr, filepath.Join(dir, "log"))
	if err == nil {
		p.nodes = append(p.nodes, n)
	}
	return n, err
}

// startTime is how long a node may take to serve, with all sessions.
const startTime = 60 * time.Second

// start starts both nodes, and the visitors once they serve.
func (p *pair) start(visitors int) error {
	for range 2 {
		n, err := p.node()
		if err == nil {
			err = n.await(startTime)
		}
		if err != nil {
			return err
		}
	}
	for i := range visitors {
		v, err := newVisitor(p.nodes[i%2])
		if err != nil {
			return err
		}
		p.visitors = append(p.visitors, v)
	}
	return nil
}

func (p *pair) end() {
	for _, v := range p.visitors {
		v.conn.Close()
	}
	for _, n := range p.nodes {
		n.end()
	}
}

// sized makes sessions, with a text in place of a cart if that is wanted, and
// returns how many bytes one takes on a node, and how many were made a second.
func (p *pair) sized(count int, text bool) (bytes, rate float64, err error) {
	empty, err := p.memory()
	if err != nil {
		return 0, 0, err
	}
	if rate, err = p.fill(count, text); err != nil {
		return 0, 0, err
	}
	full, err := p.memory()
	return (full - empty) / float64(count), rate, err
}

// fill makes sessions, and waits until all nodes have them.
func (p *pair) fill(count int, text bool) (rate float64, err error) {
	took, err := fill(p.visitors, count, text)
	if err != nil {
		return 0, err
	}
	p.sessions += count
	for _, n := range p.nodes {
		if err := p.settled(n); err != nil {
			return 0, err
		}
	}
	return float64(count) / took.Seconds(), nil
}

// settled waits until n has all sessions. With one backup a session that is so
// once its request was answered, which waits for it.
func (p *pair) settled(n *process) error {
	if p.manager.backup {
		return nil
	}
	var has int64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if has, err = n.number("/sessions"); err != nil || has == int64(p.sessions) {
			return err
		}
	}
	return fmt.Errorf("%s: a node has %d sessions of %d", p.kind, has, p.sessions)
}

// warm lets the visitors do all that is measured for a time.
func (p *pair) warm(length time.Duration) error {
	count := 10 * len(p.visitors)
	if _, err := p.fill(count, false); err != nil {
		return err
	}
	if _, _, err := forTime(p.visitors, length/5, (*visitor).look); err != nil {
		return err
	}
	_, _, err := forTime(p.visitors, length*4/5, func(v *visitor) error { return v.click(false) })
	return err
}

// memory is the mean of the nodes' live heaps.
func (p *pair) memory() (float64, error) {
	var sum int64
	for _, n := range p.nodes {
		live, err := n.number("/memory")
		if err != nil {
			return 0, err
		}
		sum += live
	}
	return float64(sum) / float64(len(p.nodes)), nil
}

// A pace is what one round shows.
type pace struct {
	rate float64 // requests a second
	cpu  float64 // µs of all nodes for a request
}

// round lets the visitors do something as fast as they can.
func (p *pair) round(length time.Duration, do func(v *visitor) error) (pace, error) {
	before, err := p.cpu()
	if err != nil {
		return pace{}, err
	}
	count, took, err := forTime(p.visitors, length, do)
	if err != nil {
		return pace{}, err
	}
	after, err := p.cpu()
	return pace{float64(count) / took.Seconds(), float64((after - before).Microseconds()) / float64(count)}, err
}

func (p *pair) cpu() (sum time.Duration, err error) {
	for _, n := range p.nodes {
		each, err := n.cpu()
		if err != nil {
			return 0, err
		}
		sum += each
	}
	return sum, nil
}

// A taking is what it takes until a node that joins has all sessions.
type taking struct {
	took         time.Duration // as the node says: from its question on
	giver, taker int64         // bytes of memory at their peaks; of the giver beyond what it had before
}

// transfer lets a third node join.
func (p *pair) transfer() (t taking, err error) {
	giver := p.nodes[0]
	if err := giver.forgetPeak(); err != nil {
		return t, err
	}
	before, _, err := giver.resident()
	if err != nil {
		return t, err
	}
	taker, err := p.node()
	if err != nil {
		return t, err
	}
	if err = taker.await(startTime); err == nil {
		err = p.settled(taker)
	}
	if err != nil {
		taker.end()
		p.nodes = p.nodes[:len(p.nodes)-1]
		return t, err
	}
	_, peak, err := giver.resident()
	if err != nil {
		return t, err
	}
	t.giver = peak - before
	if _, t.taker, err = taker.resident(); err != nil {
		return t, err
	}
	log, err := os.ReadFile(taker.log)
	if err != nil {
		return t, err
	}
	t.took, err = tookOver(string(log))
	return t, err
}

// tookOver finds in a node's log how long it took to take the sessions over.
func tookOver(log string) (time.Duration, error) {
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if _, after, ok := strings.Cut(line, " took="); ok && strings.Contains(line, `msg="sessions taken over"`) {
			return time.ParseDuration(after)
		}
		// Manager [localhost#/shop]; session state sent at [date] received in [123] ms.
		if _, after, ok := strings.Cut(line, "received in ["); ok && strings.Contains(line, "session state") {
			ms, _, _ := strings.Cut(strings.ReplaceAll(after, ",", ""), "]")
			return time.ParseDuration(ms + "ms")
		}
	}
	return 0, errors.New("a node that joined does not say how long it took:\n" + log)
}

// median returns the middle of what is of all; the upper one of two.
func median[T any](all []T, of func(T) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}
