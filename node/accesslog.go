package node

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/catflap/catflap/internal/web/strftime"
	"github.com/catflap/catflap/node/internal/layout"
)

// An accessLog is a file of requests. Lines leave in batches. Many goroutines
// may use it.
type accessLog struct {
	folder, prefix, suffix, format string
	pattern                        pattern
	log                            *slog.Logger

	mu    sync.Mutex
	batch []byte
	file  *os.File
	name  string
	told  time.Time // when trouble was told of last
}

// openLogs makes access logs; none is open yet.
func (n *Node) openLogs(all []AccessLog) []*accessLog {
	var made []*accessLog
	for _, cfg := range all {
		p, err := parsePattern(cmp.Or(cfg.Pattern, "common"))
		if err != nil {
			n.faults.add(cfg.Line, fmt.Sprintf("AccessLogValve pattern=%q: %v", cfg.Pattern, err), "")
			continue
		}
		made = append(made, &accessLog{
			folder: layout.Under(n.cfg.Base, cmp.Or(cfg.Directory, "logs")), prefix: cmp.Or(cfg.Prefix, "access_log"), suffix: cfg.Suffix,
			format: cfg.DateFormat, pattern: p, log: n.log,
		})
	}
	n.logs = append(n.logs, made...)
	return made
}

// log writes the line of an answered request to all logs that are to have it.
// host is what the client has asked for.
func (e *engine) log(x *call, r *http.Request, host string) {
	h := x.host
	if h == nil {
		h = e.find(r.Host)
	}
	if len(e.logs) == 0 && len(h.logs) == 0 {
		return
	}
	told := entry{call: x, r: r, host: host, ended: time.Now()}
	for _, logs := range [][]*accessLog{e.logs, h.logs} {
		for _, l := range logs {
			l.write(&told)
		}
	}
}

// full is how large a batch gets before its writer takes it to the file.
const full = 64 << 10

// write adds the line of e to the batch.
func (l *accessLog) write(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch = l.pattern.append(l.batch, e)
	if len(l.batch) >= full {
		l.flush(e.ended)
	}
}

// flush writes the batch to the file of now. It is called with mu held.
func (l *accessLog) flush(now time.Time) {
	if len(l.batch) == 0 {
		return
	}
	err := l.open(now)
	if err == nil {
		_, err = l.file.Write(l.batch)
	}
	l.batch = l.batch[:0]
	if err != nil && now.Sub(l.told) > time.Minute {
		l.told = now
		l.log.Error("lines of an access log are lost", "err", err)
	}
}

// open opens the file of now, if it is another one than that which is open.
func (l *accessLog) open(now time.Time) error {
	name := filepath.Join(l.folder, l.prefix+string(strftime.Append(nil, l.format, now))+l.suffix)
	if name == l.name && l.file != nil {
		return nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
			file, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
		}
	}
	if err != nil {
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.name = file, name
	return nil
}

// run lets batches leave every second until ctx is done, and closes the file.
func (l *accessLog) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		l.mu.Lock()
		l.flush(time.Now())
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	return nil
}
