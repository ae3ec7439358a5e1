package interceptor_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// Members of other domains are not there, and do not come or go; refused
// messages are told at each interval.
func TestDomainFilterMembers(t *testing.T) {
	for interval, refused := range map[int64]int{0: 250, 1: 7, 10: 60} {
		lines := map[int64]int{0: 3, 1: 7, 10: 6}[interval]
		var log bytes.Buffer
		d := interceptor.NewDomainFilter(interceptor.DomainFilterConfig{
			Domain: []byte("ours"), LogInterval: interval, Base: interceptor.Base{Log: slog.New(slog.NewTextHandler(&log, nil))},
		})
		u, below := &user{}, &crowd{}
		d.Link(u, below)
		for i, domain := range []string{"ours", "theirs", "", "ours!"} {
			m := member(fmt.Sprint("10.0.0.", i+2))
			m.Domain = []byte(domain)
			below.members = append(below.members, m)
			d.Joined(m)
			d.Left(m)
		}
		if all := d.Members(); len(all) != 1 || string(all[0].Domain) != "ours" {
			t.Errorf("members %v", all)
		}
		if got := fmt.Sprint(u.told); got != "[joined 10.0.0.2 left 10.0.0.2]" {
			t.Errorf("told %s", got)
		}
		for range refused {
			deliver(t, d, tribes.Message{From: below.members[1]})
		}
		if n := strings.Count(log.String(), "another domain refused"); n != lines || len(u.got) != 0 {
			t.Errorf("logInterval %d: %d lines for %d messages, want %d", interval, n, refused, lines)
		}
	}
}
