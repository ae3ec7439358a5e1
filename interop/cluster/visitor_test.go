package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// A state is the answer of the demonstration application.
type state struct {
	Node    string
	Session *struct {
		ID    string
		IsNew bool
	}
	Count      int
	Attributes map[string]attribute
}

type attribute struct{ Type, Value string }

func (a attribute) String() string { return a.Type + ":" + a.Value }

// id is the session's id without route, "" without session.
func (s state) id() string {
	if s.Session == nil {
		return ""
	}
	id, _, _ := strings.Cut(s.Session.ID, ".")
	return id
}

// A visitor is a browser: one request at a time, and one cookie.
type visitor struct {
	host   netns.Host
	client *http.Client
	cookie string
}

func newVisitor(host netns.Host) *visitor {
	return &visitor{host: host, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return host.Dial(network, addr, 5*time.Second)
		}},
	}}
}

// ask asks a server for /demo/api: GET without form, else POST.
func (v *visitor) ask(addr string, form ...string) (state, error) {
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	method, body := http.MethodGet, io.Reader(nil)
	if len(form) > 0 {
		method, body = http.MethodPost, strings.NewReader(values.Encode())
	}
	r, err := http.NewRequest(method, "http://"+addr+"/demo/api", body)
	if err != nil {
		return state{}, err
	}
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if v.cookie != "" {
		r.Header.Set("Cookie", "JSESSIONID="+v.cookie)
	}
	answer, err := v.client.Do(r)
	if err != nil {
		return state{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return state{}, err
	}
	for _, c := range answer.Cookies() {
		if c.Name == "JSESSIONID" {
			v.cookie = c.Value
		}
	}
	if answer.StatusCode != http.StatusOK {
		return state{}, fmt.Errorf("status %d", answer.StatusCode)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, fmt.Errorf("%w: %s", err, text)
	}
	return s, nil
}

func (n *node) http() string { return n.host.Addr + ":8080" }

// A clicker is a visitor who adds 1 to the count of one session, again and
// again, through the front.
type clicker struct {
	*visitor
	id                 string // of the session, without route
	attempts, answered int    // of op=count, all in all
	lost               int    // sessions that it had, and has no more
	clicks             []click
}

type click struct {
	at   time.Time
	took time.Duration
	node string
	err  error
}

// pace is the time from one click to the next, if the answer came meanwhile.
const pace = 50 * time.Millisecond

// click clicks until stop is closed.
func (c *clicker) click(addr string, stop <-chan struct{}) {
	for {
		began := time.Now()
		c.attempts++
		s, err := c.ask(addr, "op", "count")
		c.clicks = append(c.clicks, click{began, time.Since(began), s.Node, err})
		if err == nil {
			if c.id != "" && s.id() != c.id {
				c.lost++
				c.attempts, c.answered = 1, 0 // of a session that begins now
			}
			c.id = s.id()
			c.answered++
		}
		select {
		case <-stop:
			return
		case <-time.After(max(0, pace-time.Since(began))):
		}
	}
}

// way tells where the last clicks were answered: when c came to each node, and
// what failed.
func (c *clicker) way() string {
	var text strings.Builder
	last := ""
	for _, k := range c.clicks {
		at := k.at.Format("15:04:05.000")
		switch {
		case k.err != nil:
			fmt.Fprintf(&text, " %s+%v %v;", at, k.took.Round(time.Millisecond), k.err)
		case k.node != last || k.took > slow:
			fmt.Fprintf(&text, " %s+%v %s;", at, k.took.Round(time.Millisecond), k.node)
			last = k.node
		}
	}
	return text.String()
}

// A crowd is 20 visitors.
type crowd struct{ all []*clicker }

func newCrowd(host netns.Host, n int) *crowd {
	c := &crowd{}
	for range n {
		c.all = append(c.all, &clicker{visitor: newVisitor(host)})
	}
	return c
}

// during has everybody click while f runs.
func (c *crowd) during(addr string, f func()) {
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, each := range c.all {
		each.clicks = nil
		running.Go(func() { each.click(addr, stop) })
	}
	defer running.Wait()
	defer close(stop)
	f()
}

// slow is what counts as a slow answer.
const slow = time.Second

// String tells how the last clicks went.
func (c *crowd) String() string {
	clicks, late := 0, 0
	var longest time.Duration
	failures, nodes := map[string]int{}, map[string]int{}
	for _, each := range c.all {
		for _, k := range each.clicks {
			clicks++
			if longest = max(longest, k.took); k.took > slow {
				late++
			}
			if k.err != nil {
				failures[k.err.Error()]++
			} else {
				nodes[k.node]++
			}
		}
	}
	text := fmt.Sprintf("%d clicks, %d slow, longest %v;", clicks, late, longest.Round(time.Millisecond))
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		text += fmt.Sprintf(" %s %d", name, nodes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		text += fmt.Sprintf("; %d× %s", failures[name], name)
	}
	return text
}
