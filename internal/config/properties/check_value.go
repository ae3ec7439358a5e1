package properties

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// values reads the values of w that have an effect on it.
func (d *definer) values(w *Worker) {
	w.set = map[string]Value{}
	all := d.allOf(w.Name)
	for _, p := range properties {
		entries := all[p.name]
		if len(entries) == 0 || p.users&w.users() == 0 || p.now != "" && (all[p.now] != nil || w.has(p.now)) {
			continue
		}
		if v, ok := d.read(entries, p); ok {
			w.take(p, v)
		}
	}
	d.hostWithPort(w)
}

func (w *Worker) has(key string) bool {
	_, set := w.set[key]
	return set
}

// take puts v under the present name of p.
func (w *Worker) take(p property, v Value) {
	switch {
	case p.now == "":
		w.set[p.name] = v
	case p.now != "activation":
		w.set[p.now] = v
	default:
		if on, _ := readBool(v.Text); on {
			w.set["activation"] = Value{strings.ToUpper(p.name[:1]), v.Pos}
		}
	}
}

// hostWithPort parts host=NAME:PORT, which mod_jk cannot resolve.
func (d *definer) hostWithPort(w *Worker) {
	e, ok := d.last(w.Name, "host")
	name, port, found := strings.Cut(e.Value, ":")
	if _, err := strconv.ParseUint(port, 10, 16); !ok || !found || err != nil || name == "" || w.Type != AJP13 {
		return
	}
	w.set["host"] = Value{name, e.ValuePos}
	text := fmt.Sprintf("%s=%s holds a port, with which mod_jk resolves no host: port %s is used", e.Key, e.Value, port)
	if own, set := w.set["port"]; set {
		text = fmt.Sprintf("%s=%s holds a port, with which mod_jk resolves no host: worker.%s.port, %s, counts", e.Key, e.Value, w.Name, own.Text)
	} else {
		w.set["port"] = Value{port, e.ValuePos}
	}
	d.warn(e.ValuePos, e.Line, text, fmt.Sprintf("write worker.%s.host=%s and worker.%s.port=%s", w.Name, name, w.Name, port))
}

// read returns the value of the lines of one property.
func (d *definer) read(entries []Entry, p property) (Value, bool) {
	if !p.kind.list() {
		return d.value(entries[len(entries)-1], p)
	}
	var all []string
	for _, e := range entries {
		for _, part := range split(e.Value) {
			if _, ok := readInt(part); p.kind == numbers && !ok {
				d.warn(partPos(e, part), e.Line, fmt.Sprintf("%s: %q is no number: it is left out", e.Key, part), "")
				continue
			}
			if p.name == "mount" && !strings.HasPrefix(part, "/") {
				d.warn(partPos(e, part), e.Line, fmt.Sprintf("invalid context '%s': does not begin with '/': it is left out", part), slashed(part))
				continue
			}
			all = append(all, part)
		}
	}
	return Value{strings.Join(all, ","), entries[0].ValuePos}, len(all) > 0
}

// value reads the value of e; not ok is the default.
func (d *definer) value(e Entry, p property) (v Value, ok bool) {
	v = Value{e.Value, e.ValuePos}
	switch p.kind {
	case integer, seconds, milliseconds:
		return d.number(e, p)
	case boolean:
		if _, ok := readBool(e.Value); !ok {
			d.useless(e, "is neither true nor false", "write 1 or 0")
			return v, false
		}
	case activation:
		return d.choice(e, "ADS", "012", "write active, disabled or stopped")
	case method:
		return d.choice(e, "RTBSN", "01234", "write Request, Traffic, Busyness, Session or Next")
	case lock:
		return d.choice(e, "OP", "01", "write Optimistic or Pessimistic")
	case pingMode:
		v.Text = strings.Map(func(c rune) rune {
			if strings.ContainsRune("CPIA", c&^0x20) && c < 0x80 {
				return c &^ 0x20
			}
			return -1
		}, e.Value)
		if v.Text != strings.ToUpper(e.Value) {
			d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s: only the letters C, P, I and A mean something", e.Key, e.Value), "C pings after connecting, P before each request, I idle connections, A all of these")
		}
	}
	return v, true
}

// number reads an integer and holds it to its range.
func (d *definer) number(e Entry, p property) (Value, bool) {
	n, ok := readInt(e.Value)
	if begin, more := leading(e.Value); !ok && more {
		d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s is no number: what it begins with, %d, is used", e.Key, e.Value, begin), "")
		n, ok = begin, true
	}
	if !ok {
		fix := "write a number"
		switch p.kind {
		case seconds:
			fix = "write a number of seconds, without a unit"
		case milliseconds:
			fix = "write a number of milliseconds, without a unit"
		}
		d.useless(e, "is no number", fix)
		return Value{}, false
	}
	v := Value{strconv.Itoa(n), e.ValuePos}
	switch {
	case p.name == "max_packet_size":
		v.Text = strconv.Itoa(d.packetSize(e, n))
	case p.name == "port" && (n < 0 || n > p.max):
		d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s is no port: the worker is not used", e.Key, e.Value), "write 1 to 65535")
		v.Text = "0"
	case n < 0 && p.min == 0:
		d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s is negative: it is taken as 0", e.Key, e.Value), "")
		v.Text = "0"
	case n < p.min && p.kind == integer && p.min == 1 && p.users == ofAJP: // the size of the pool
		d.useless(e, "is less than 1", "take it out: without it the pool grows as needed")
		return Value{}, false
	case n < p.min:
		d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s is less than %d: %d is used", e.Key, e.Value, p.min, p.min), "")
		v.Text = strconv.Itoa(p.min)
	}
	return v, true
}

// packetSize brings n to what mod_jk makes of it.
func (d *definer) packetSize(e Entry, n int) int {
	size := (min(max(n, 8192), 65536) + 1023) / 1024 * 1024
	if size != n {
		d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s: %d is used", e.Key, e.Value, size), "write a multiple of 1024 from 8192 to 65536, the same as packetSize of Tomcat's connector")
	}
	return size
}

// choice reads a word of which the first letter decides, or its number.
func (d *definer) choice(e Entry, letters, digits, fix string) (Value, bool) {
	first := strings.ToUpper(e.Value[:1])
	if i := strings.Index(digits, first); i >= 0 {
		first = letters[i : i+1]
	}
	if !slices.Contains(strings.Split(letters, ""), first) {
		d.useless(e, "is none of what it may be", fix)
		return Value{}, false
	}
	return Value{first, e.ValuePos}, true
}

// useless reports a value in place of which the default is taken.
func (d *definer) useless(e Entry, why, fix string) {
	d.warn(e.ValuePos, e.Line, fmt.Sprintf("%s=%s %s: the default is used", e.Key, e.Value, why), fix)
}
