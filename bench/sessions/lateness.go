package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// each is how long a visitor waits for between clicks where it is measured how
// late the other node has them; all visitors of a node make about 500 a second.
const each = 32 * time.Millisecond

// A late is how long the second node takes to have what the first has answered:
// the median and the 99th percentile in µs.
type late struct{ p50, p99 float64 }

// latency measures that for a time.
func (p *pair) latency(length time.Duration) (late, error) {
	var clicking []*visitor
	for _, v := range p.visitors {
		if v.node == p.nodes[0] {
			clicking = append(clicking, v)
		}
	}
	time.Sleep(500 * time.Millisecond) // what was sent before has come
	if _, err := p.nodes[1].ask(fmt.Sprint("/record?n=", 2*len(clicking)*(2+int(length/each)))); err != nil {
		return late{}, err
	}
	for _, v := range clicking {
		for _, s := range v.sessions {
			s.told = nil
		}
	}
	count, _, err := forTime(clicking, length, func(v *visitor) error {
		time.Sleep(each)
		return v.click(true)
	})
	if err != nil {
		return late{}, err
	}
	arrived, err := p.arrivals(count)
	if err != nil {
		return late{}, err
	}
	var all []float64
	for _, v := range clicking {
		for _, s := range v.sessions {
			if len(arrived[s.id]) != len(s.told) {
				return late{}, fmt.Errorf("%s: of %d changes of a session %d arrived", p.kind, len(s.told), len(arrived[s.id]))
			}
			for i, told := range s.told {
				all = append(all, float64(arrived[s.id][i]-told)/1000)
			}
		}
	}
	slices.Sort(all)
	return late{all[len(all)/2], all[len(all)*99/100]}, nil
}

// arrivals waits until so many changes have come to the second node, and
// returns when those of each session did, in ns since 1970.
func (p *pair) arrivals(count int64) (map[string][]int64, error) {
	text := ""
	for end := time.Now().Add(5 * time.Second); int64(strings.Count(text, "\n")) < count && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if text, err = p.nodes[1].ask("/arrivals"); err != nil {
			return nil, err
		}
	}
	arrived := map[string][]int64{}
	for line := range strings.Lines(text) {
		id, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, err
		}
		arrived[id] = append(arrived[id], n)
	}
	return arrived, nil
}
