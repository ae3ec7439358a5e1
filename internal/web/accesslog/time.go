package accesslog

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/web/strftime"
)

// timestamp is %t: the time at which the request began, or ended.
func timestamp(layout string) appender {
	ended := false
	if rest, ok := strings.CutPrefix(layout, "begin:"); ok {
		layout = rest
	} else if rest, ok := strings.CutPrefix(layout, "end:"); ok {
		layout, ended = rest, true
	}
	of := func(e *Entry) time.Time {
		if ended {
			return e.Ended
		}
		return e.X.Began
	}
	switch layout {
	case "":
		return cached("[%d/%b/%Y:%H:%M:%S %z]", of)
	case "sec":
		return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, of(e).Unix(), 10) }
	case "msec":
		return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, of(e).UnixMilli(), 10) }
	case "usec":
		return func(b []byte, e *Entry) []byte { return strconv.AppendInt(b, of(e).UnixMicro(), 10) }
	case "msec_frac":
		return func(b []byte, e *Entry) []byte { return digits(b, of(e).Nanosecond()/1e6, 3) }
	case "usec_frac":
		return func(b []byte, e *Entry) []byte { return digits(b, of(e).Nanosecond()/1e3, 6) }
	}
	return cached(layout, of)
}

// second is a text that holds for one second.
type second struct {
	unix int64
	text string
}

// cached writes a time by a layout in seconds, which is formatted once a
// second.
func cached(layout string, of func(*Entry) time.Time) appender {
	var last atomic.Pointer[second]
	return func(b []byte, e *Entry) []byte {
		at := of(e)
		s := last.Load()
		if s == nil || s.unix != at.Unix() {
			s = &second{at.Unix(), string(strftime.Append(nil, layout, at))}
			last.Store(s)
		}
		return append(b, s.text...)
	}
}

// digits appends n with leading zeros.
func digits(b []byte, n, width int) []byte {
	for unit := pow10(width - 1); unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
