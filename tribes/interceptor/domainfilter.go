package interceptor

import (
	"bytes"
	"sync/atomic"

	"github.com/catflap/catflap/tribes"
)

// DomainFilterConfig are Tomcat's attributes of DomainFilterInterceptor.
type DomainFilterConfig struct {
	Base
	Domain      []byte
	LogInterval int64 // logInterval: every so many refused messages one is logged; default 100
}

// A DomainFilter knows only members of its own domain.
//
// Source: DomainFilterInterceptor.
type DomainFilter struct {
	tribes.Pass
	cfg     DomainFilterConfig
	refused atomic.Int64
}

// NewDomainFilter returns a DomainFilterInterceptor.
func NewDomainFilter(cfg DomainFilterConfig) *DomainFilter {
	cfg.Base = cfg.withDefaults()
	if cfg.LogInterval == 0 {
		cfg.LogInterval = 100
	}
	return &DomainFilter{cfg: cfg}
}

func (d *DomainFilter) ours(m *tribes.Member) bool { return bytes.Equal(m.Domain, d.cfg.Domain) }

// Deliver implements tribes.Upper.
func (d *DomainFilter) Deliver(m *tribes.Message) error {
	if d.ours(&m.From) {
		return d.Above.Deliver(m)
	}
	if n := d.refused.Add(1); n%d.cfg.LogInterval == 1 || d.cfg.LogInterval == 1 {
		d.cfg.Log.Warn("messages of another domain refused", "from", m.From, "refused", n)
	}
	return nil
}

// Joined implements tribes.Upper.
func (d *DomainFilter) Joined(m tribes.Member) {
	if d.ours(&m) {
		d.Above.Joined(m)
	} else {
		d.cfg.Log.Info("member of another domain ignored", "member", m)
	}
}

// Left implements tribes.Upper.
func (d *DomainFilter) Left(m tribes.Member) {
	if d.ours(&m) {
		d.Above.Left(m)
	}
}

// Returned implements tribes.Returner.
func (d *DomainFilter) Returned(m tribes.Member) {
	if d.ours(&m) {
		d.Pass.Returned(m)
	}
}

// Members implements tribes.Lower.
func (d *DomainFilter) Members() []tribes.Member {
	var all []tribes.Member
	for _, m := range d.Below.Members() {
		if d.ours(&m) {
			all = append(all, m)
		}
	}
	return all
}
