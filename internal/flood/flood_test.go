package flood

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A page is a log without times.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// read returns what was written since it was called last.
func (p *page) read() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.text.Reset()
	return p.text.String()
}

// want looks what was written since it was called last.
func (p *page) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := p.read(), strings.Join(append(lines, ""), "\n"); got != want {
		t.Errorf("written was\n%swant\n%s", got, want)
	}
}

// known is of how many kinds lines are counted.
func known(log *slog.Logger) int {
	synctest.Wait()
	all := log.Handler().(*handler).counts
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.of)
}

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// The same line is written once, then counted once a minute while it comes.
func TestSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p page
		log := Limit(logger(&p))
		for range 413 {
			log.Warn("not here", "context", "/shop")
		}
		p.want(t, `level=WARN msg="not here" context=/shop`)
		time.Sleep(period)
		p.want(t, `level=WARN msg="not here" context=/shop more=412 within=1m0s`)
		log.Warn("not here", "context", "/shop")
		p.want(t)
		time.Sleep(period)
		p.want(t, `level=WARN msg="not here" context=/shop more=1 within=1m0s`)
		time.Sleep(period)
		p.want(t)
		log.Warn("not here", "context", "/shop")
		p.want(t, `level=WARN msg="not here" context=/shop`)
		time.Sleep(time.Hour)
		p.want(t)
	})
}

// Of lines that differ ten are written, and the last one with the count.
func TestDifferent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p page
		log := Limit(logger(&p))
		var want []string
		for i := range 500 {
			log.Error("unreadable", "err", errors.New(fmt.Sprint("byte ", i)))
			if i < several {
				want = append(want, fmt.Sprintf(`level=ERROR msg=unreadable err="byte %d"`, i))
			}
		}
		p.want(t, want...)
		time.Sleep(period)
		p.want(t, `level=ERROR msg=unreadable err="byte 499" more=490 within=1m0s`)
	})
}

// What tells of a change is written each time, until it is a flood.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p page
		log := Limit(logger(&p))
		for range 250 {
			log.Info("joined", "member", "a")
		}
		if text := p.read(); strings.Count(text, "\n") != many {
			t.Errorf("written was\n%s", text)
		}
		time.Sleep(period)
		p.want(t, "level=INFO msg=joined member=a more=150 within=1m0s")
	})
}

// What is not the same is not counted together.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p page
		log := Limit(logger(&p))
		shop, group := log.With("context", "/shop"), log.WithGroup("g")
		for range 2 {
			log.Info("joined")
			log.Debug("heard")
			log.Warn("late")
			log.Error("late")
			shop.Warn("late")
			group.Warn("late", "n", 1)
			Limit(shop).Warn("late")
			log.With("context", "/shop").Warn("late")
		}
		p.want(t, "level=INFO msg=joined", "level=WARN msg=late", "level=ERROR msg=late", "level=WARN msg=late context=/shop", "level=WARN msg=late g.n=1", "level=INFO msg=joined")
		time.Sleep(period)
		if text := p.read(); strings.Count(text, "more=") != 4 {
			t.Errorf("not 4 counts:\n%s", text)
		}
	})
}

// However many messages somebody brings about, few are known, and written.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p page
		log := Limit(logger(&p))
		for i := range 3 * maxMessages {
			log.Warn(fmt.Sprint("message ", i))
		}
		if n := strings.Count(p.read(), "\n"); n > maxMessages+several {
			t.Errorf("%d lines", n)
		}
		if n := known(log); n > maxMessages+1 {
			t.Errorf("%d counts", n)
		}
		time.Sleep(2 * period)
		if n := known(log); n != 0 {
			t.Errorf("%d counts are left", n)
		}
	})
}

// A logger that is none writes nothing; one is limited once.
func TestLimit(t *testing.T) {
	Limit(nil).Error("nobody reads that")
	if log := Limit(logger(io.Discard)); Limit(log) != log {
		t.Error("limited twice")
	}
	if log := slog.New(slog.DiscardHandler); Limit(log) != log {
		t.Error("what writes nothing is limited")
	}
}
