package interceptor

import (
	"bytes"
	"context"
	"encoding/hex"
	"time"

	"github.com/catflap/catflap/tribes"
)

// PingConfig are Tomcat's attributes of TcpPingInterceptor. A zero field means
// its default.
type PingConfig struct {
	Base
	Interval   time.Duration // interval; default 1 s
	UseThread  bool          // useThread: each Interval, not with the channel's heartbeat
	StaticOnly bool          // staticOnly: only members that are configured
}

// A Ping sends to all members at regular times, so that who is gone is found
// out. Over a FailureDetector it lets that one probe all instead.
//
// Source: TcpPingInterceptor.
type Ping struct {
	tribes.Pass
	cfg      PingConfig
	detector *FailureDetector // below; may be nil
}

// NewPing returns a TcpPingInterceptor.
func NewPing(cfg PingConfig) *Ping {
	cfg.Base = cfg.withDefaults()
	if cfg.Interval == 0 {
		cfg.Interval = time.Second
	}
	return &Ping{cfg: cfg}
}

var pingMark, _ = hex.DecodeString("4fa7734879df43c99f6f8980a15b07147dd9525bebdf439ab77ebe8f81671eb6" +
	"3715be8745214ca8bf0a4d135338153255f694b73adf217891047dd77284c0d5")

// Check finds the failure detector among the interceptors below.
func (p *Ping) Check(below []tribes.Interceptor) error {
	for _, each := range below {
		if d, ok := each.(*FailureDetector); ok {
			p.detector = d
			break
		}
	}
	return nil
}

// Deliver implements tribes.Upper.
func (p *Ping) Deliver(m *tribes.Message) error {
	if bytes.HasPrefix(m.Data, pingMark) {
		return nil
	}
	return p.Above.Deliver(m)
}

// Run implements tribes.Interceptor.
func (p *Ping) Run(ctx context.Context) error {
	if !p.cfg.UseThread {
		return nil
	}
	tick := time.NewTicker(p.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.ping(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// Heartbeat implements tribes.Interceptor.
func (p *Ping) Heartbeat(ctx context.Context) {
	if !p.cfg.UseThread {
		p.ping(ctx)
	}
}

func (p *Ping) ping(ctx context.Context) {
	if p.detector != nil {
		p.detector.ProbeAll()
		return
	}
	var to []tribes.Member
	for _, m := range p.Below.Members() {
		if m.Static || !p.cfg.StaticOnly {
			to = append(to, m)
		}
	}
	if len(to) == 0 {
		return
	}
	m := &tribes.Message{Options: p.cfg.Flag, Timestamp: time.Now().UnixMilli(), ID: tribes.NewID(), From: p.Below.Local(), Data: pingMark}
	if err := p.Below.Send(ctx, to, m); err != nil {
		p.cfg.Log.Warn("ping", "err", err)
	}
}
