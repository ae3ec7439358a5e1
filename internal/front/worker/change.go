package worker

import (
	"time"

	"github.com/catflap/catflap/internal/front/overlay"
)

// Settings are what the operator can change of a worker while it runs.
var Settings = overlay.Table[Config]{
	overlay.Text("host", func(c *Config) *string { return &c.Host }),
	port,
	overlay.Time("connection_pool_timeout", time.Second, -1, func(c *Config) *time.Duration { return &c.Pool.IdleTimeout }),
	overlay.Time("ping_timeout", time.Millisecond, 0, func(c *Config) *time.Duration { return &c.Ping.Timeout }),
	overlay.Time("connect_timeout", time.Millisecond, 0, func(c *Config) *time.Duration { return &c.Ping.Connect }),
	overlay.Time("prepost_timeout", time.Millisecond, 0, func(c *Config) *time.Duration { return &c.Ping.Prepost }),
	overlay.Time("reply_timeout", time.Millisecond, -1, func(c *Config) *time.Duration { return &c.ReplyTimeout }),
	overlay.Int("retries", func(c *Config) *int { return &c.Retries }),
	overlay.Time("retry_interval", time.Millisecond, 0, func(c *Config) *time.Duration { return &c.RetryInterval }),
	overlay.Time("connection_ping_interval", time.Second, 0, func(c *Config) *time.Duration { return &c.Ping.Interval }),
	overlay.Int("recovery_options", func(c *Config) *int { return (*int)(&c.Recovery) }),
	overlay.Int("busy_limit", func(c *Config) *int { return &c.BusyLimit }),
	overlay.Int("max_packet_size", func(c *Config) *int { return &c.MaxPacket }),
}

// port shows as 0 if it is to be provisioned.
var port = overlay.Setting[Config]{
	Key: "port",
	Get: func(c *Config) string { n := max(0, c.Port); return number.Get(&n) },
	Put: func(c *Config, text string) bool {
		if !number.Put(&c.Port, text) {
			return false
		}
		if c.Port == 0 {
			c.Port = -1
		}
		return true
	},
}

var number = overlay.Int("", func(n *int) *int { return n })

// Change lets values of the operator hold from the next request on, and
// returns what that changed. Another address or packet size leaves the
// connections of the old one to the requests that hold them. Changes are made
// by one goroutine at a time.
func (w *Worker) Change(values []overlay.Value) []overlay.Changed {
	old := w.now.Load()
	set, changed := Settings.Change(old.file, old.file.Lines, old.overlay, values)
	if len(changed) == 0 {
		return nil
	}
	next := &setup{file: old.file, overlay: set, cfg: Settings.Apply(old.file, set)}
	next.pool = w.poolFor(old, next)
	w.now.Store(next)
	if next.pool != old.pool {
		old.pool.close()
	}
	return changed
}

// Resume lets what the operator changed in another process hold, as far as the
// files say what they said then. It returns what ended. It is called before the
// first request.
func (w *Worker) Resume(was overlay.Overlay) (ended overlay.Overlay) {
	old := w.now.Load()
	next := &setup{file: old.file}
	next.overlay, ended = Settings.Carry(old.file.Lines, was)
	next.cfg = Settings.Apply(old.file, next.overlay)
	next.pool = w.poolFor(old, next)
	w.now.Store(next)
	if next.pool != old.pool {
		old.pool.close()
	}
	return ended
}

// poolFor returns the pool of old if the connections of next are the same, as
// large as next wants it, or another.
func (w *Worker) poolFor(old, next *setup) *pool {
	if old.cfg.key() != next.cfg.key() {
		return newPool(next.cfg, w.dial)
	}
	old.pool.resize(next.cfg.Pool)
	return old.pool
}

// Overlay returns what the operator set.
func (w *Worker) Overlay() overlay.Overlay { return w.now.Load().overlay }

// File returns the settings as the files have them, with defaults filled in.
func (w *Worker) File() Config { return w.now.Load().file }

// Reset counts anew. What is under way, and connected, stays.
func (w *Worker) Reset() {
	w.stats.reset()
	w.now.Load().pool.reset()
}
