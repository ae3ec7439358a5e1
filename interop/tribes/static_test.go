package tribes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/static"
)

// staticMembers is the membership that text describes, put into cfg; nil for
// none.
func staticMembers(text string, cfg *tribes.Config) (*static.Service, error) {
	if text == "" {
		return nil, nil
	}
	words := strings.Split(text, ",")
	id := func(text string) tribes.ID {
		var n byte
		fmt.Sscan(text, &n)
		return tribes.ID{15: n}
	}
	fixed := static.Config{ChannelName: words[0], Log: cfg.Log}
	for _, w := range words[2:] {
		host, number, _ := strings.Cut(w, ":")
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return nil, err
		}
		fixed.Members = append(fixed.Members, tribes.Member{Host: addr, Port: 4000, ID: id(number)})
	}
	s, err := static.New(fixed)
	if err != nil {
		return nil, err
	}
	cfg.NoMembership, cfg.ID = true, id(words[1])
	cfg.Interceptors = append(cfg.Interceptors, s)
	return s, nil
}

// Members that are configured find each other by Tomcat's
// StaticMembershipService, with multicast cut: Go first, Tomcat's library first,
// and who stops has left at once.
func TestStaticMembership(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 3)
	configured := func(own int) string {
		text := fmt.Sprintf("test-Channel,%d", own+1)
		for i, h := range net.Hosts {
			if i != own {
				text += fmt.Sprintf(",%s:%d", h.Addr, i+1)
			}
		}
		return text
	}
	for _, h := range net.Hosts {
		h.Filter(t, "meta l4proto udp")
	}
	goStatic := func(own int) *goMember {
		return startMember(t, net.Hosts[own], memberConfig{Static: configured(own)})
	}
	first := goStatic(0)
	java := startJava(t, net.Hosts[1], "dispatch detector static="+configured(1))
	first.await(t, "joined "+net.Hosts[1].Addr, 1, 10*time.Second)
	java.await(t, "joined "+net.Hosts[0].Addr, 1, 10*time.Second)
	last := goStatic(2)
	last.await(t, "joined ", 2, 10*time.Second)
	java.await(t, "joined ", 2, 10*time.Second)
	first.await(t, "joined ", 2, 10*time.Second)
	if got := last.answer(t, "ask hello", "answers", 10*time.Second); got != "go:hello, java:hello" {
		t.Errorf("answers %q", got)
	}
	time.Sleep(7 * time.Second) // longer than expirationTime: all ask each other
	for _, m := range []*goMember{first, java, last} {
		if n := m.count("left "); n != 0 {
			t.Errorf("%d members left %s although none did", n, m.host.Addr)
		}
	}
	last.stop(t)
	for _, m := range []*goMember{first, java} {
		m.await(t, "left "+net.Hosts[2].Addr, 1, 3*time.Second)
	}
	java.stop(t)
	first.await(t, "left "+net.Hosts[1].Addr, 1, 3*time.Second)
}
