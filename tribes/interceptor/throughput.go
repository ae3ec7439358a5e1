package interceptor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes"
)

// ThroughputConfig are Tomcat's attributes of ThroughputInterceptor.
type ThroughputConfig struct {
	Base
	Interval int64 // interval: every so many messages a line is logged; default 10000
}

// A Throughput counts, and lets everything through.
//
// Source: ThroughputInterceptor.
type Throughput struct {
	tribes.Pass
	cfg                            ThroughputConfig
	sent, sentBytes, got, gotBytes atomic.Int64
	sending, failed                atomic.Int64 // sending: in ns
	began                          time.Time
}

// NewThroughput returns a ThroughputInterceptor.
func NewThroughput(cfg ThroughputConfig) *Throughput {
	cfg.Base = cfg.withDefaults()
	if cfg.Interval == 0 {
		cfg.Interval = 10000
	}
	return &Throughput{cfg: cfg, began: time.Now()}
}

// Send implements tribes.Lower.
func (t *Throughput) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if !t.cfg.mine(m) {
		return t.Below.Send(ctx, to, m)
	}
	began := time.Now()
	err := t.Below.Send(ctx, to, m)
	t.sending.Add(int64(time.Since(began)))
	t.sentBytes.Add(int64(len(m.Data) * len(to)))
	if err != nil {
		t.failed.Add(1)
	}
	if t.sent.Add(1)%t.cfg.Interval == 0 {
		t.tell()
	}
	return err
}

// Deliver implements tribes.Upper.
func (t *Throughput) Deliver(m *tribes.Message) error {
	if t.cfg.mine(m) {
		t.gotBytes.Add(int64(len(m.Data)))
		if t.got.Add(1)%t.cfg.Interval == 0 {
			t.tell()
		}
	}
	return t.Above.Deliver(m)
}

// Counts are what a Throughput has counted.
type Counts struct {
	Sent, SentBytes, Failed, Received, ReceivedBytes int64
}

// Counts returns what was counted so far.
func (t *Throughput) Counts() Counts {
	return Counts{t.sent.Load(), t.sentBytes.Load(), t.failed.Load(), t.got.Load(), t.gotBytes.Load()}
}

// tell logs the counts.
func (t *Throughput) tell() {
	c := t.Counts()
	sending := time.Duration(t.sending.Load())
	t.cfg.Log.Info("throughput", "sent", c.Sent, "sent_bytes", c.SentBytes, "failed", c.Failed, "received", c.Received,
		"received_bytes", c.ReceivedBytes, "sending", sending.Round(time.Millisecond), "since", time.Since(t.began).Round(time.Second))
}
