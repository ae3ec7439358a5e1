package interceptor

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/catflap/catflap/tribes"
)

// GzipConfig are Tomcat's attributes of GzipInterceptor. A zero field means its
// default.
type GzipConfig struct {
	Base         // Flag: what marks a compressed message; default 256
	MinSize  int // compressionMinSize: shorter messages are left as they are; default 0
	Level    int // of compress/gzip; default its own
	MaxTotal int // bytes of one message once it is inflated; default 32 MiB
}

// A Gzip compresses messages, and inflates those that are marked as compressed.
//
// Source: GzipInterceptor.
type Gzip struct {
	tribes.Pass
	cfg     GzipConfig
	writers sync.Pool
	readers sync.Pool
}

// NewGzip returns a GzipInterceptor.
func NewGzip(cfg GzipConfig) *Gzip {
	cfg.Base = cfg.withDefaults()
	if cfg.Flag == 0 {
		cfg.Flag = 256
	}
	if cfg.Level == 0 {
		cfg.Level = gzip.DefaultCompression
	}
	if cfg.MaxTotal == 0 {
		cfg.MaxTotal = 32 << 20
	}
	return &Gzip{cfg: cfg}
}

// Send implements tribes.Lower.
func (g *Gzip) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if len(m.Data) <= g.cfg.MinSize {
		return g.Below.Send(ctx, to, m)
	}
	var out bytes.Buffer
	w, ok := g.writers.Get().(*gzip.Writer)
	if ok {
		w.Reset(&out)
	} else {
		var err error
		if w, err = gzip.NewWriterLevel(&out, g.cfg.Level); err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
	}
	defer g.writers.Put(w)
	if _, err := w.Write(m.Data); err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	compressed := *m
	compressed.Data = out.Bytes()
	compressed.Options |= g.cfg.Flag
	return g.Below.Send(ctx, to, &compressed)
}

// Deliver implements tribes.Upper.
func (g *Gzip) Deliver(m *tribes.Message) error {
	if m.Options&g.cfg.Flag == 0 {
		return g.Above.Deliver(m)
	}
	data, err := g.inflate(m)
	if err != nil {
		g.cfg.Log.Warn("compressed message dropped", "from", m.From, "err", err)
		return fmt.Errorf("gunzip: %w", err)
	}
	m.Data = data
	return g.Above.Deliver(m)
}

// errInflated says that a message would become too long.
var errInflated = errors.New("it becomes too long: is it a bomb?")

// errNoRoom says that the receive budget is used up.
var errNoRoom = errors.New("no memory left in the receive budget")

// inflate returns what m's data is without compression. Memory is taken of the
// receive budget step by step: what a message becomes is not known before.
func (g *Gzip) inflate(m *tribes.Message) (data []byte, err error) {
	b := m.Data
	r, ok := g.readers.Get().(*gzip.Reader)
	if ok {
		err = r.Reset(bytes.NewReader(b))
	} else {
		r, err = gzip.NewReader(bytes.NewReader(b))
	}
	if err != nil {
		return nil, err
	}
	defer g.readers.Put(r)
	data = make([]byte, 0, min(4*len(b)+512, 16<<10))
	for {
		if len(data) == cap(data) {
			if cap(data) >= g.cfg.MaxTotal {
				return nil, errInflated
			}
			step := min(cap(data), g.cfg.MaxTotal-cap(data))
			if !m.Take(step) {
				return nil, errNoRoom
			}
			data = append(make([]byte, 0, cap(data)+step), data...)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
