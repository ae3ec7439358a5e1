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
	for interval, lines := range map[int64]int{0: 3, 1: 250, 10: 25} {
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
		for range 250 {
			deliver(t, d, tribes.Message{From: below.members[1]})
		}
		if n := strings.Count(log.String(), "another domain refused"); n != lines || len(u.got) != 0 {
			t.Errorf("logInterval %d: %d lines for 250 messages, want %d", interval, n, lines)
		}
	}
}
