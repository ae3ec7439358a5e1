// Package overlay keeps what the operator changes while the server runs. What
// comes in are settings as the files have them and values that are to hold
// over them, what goes out are the settings that hold, and what each change
// was.
//
// A value lies over the lines of the file that set its key. It ends once those
// lines are others.
package overlay

import "strings"

// A Value is one setting of the operator.
type Value struct {
	Key  string `json:"key"`            // its workers.properties key
	Text string `json:"text"`           // as the status page shows it
	Over string `json:"over,omitempty"` // the lines of the file when it was set; Change sets it
}

// An Overlay is all that the operator set for one worker, balancer or member.
// It never changes; nil is nothing.
type Overlay []Value

// Get returns what the operator set for key.
func (o Overlay) Get(key string) (text string, set bool) {
	for _, v := range o {
		if v.Key == key {
			return v.Text, true
		}
	}
	return "", false
}

// Lines are the properties that a file sets for a worker, by key.
type Lines map[string]string

// A Setting is one property of settings of type C that can be changed.
type Setting[C any] struct {
	Key   string   // its workers.properties key
	Older []string // other keys of the file that set it
	Get   func(*C) string
	// Put sets what Get would show as text, and reports whether it can be
	// read.
	Put func(cfg *C, text string) bool
}

// over is what a file says about s, to tell whether it says something else.
func (s *Setting[C]) over(lines Lines) string {
	var b strings.Builder
	for _, key := range append([]string{s.Key}, s.Older...) {
		if text, set := lines[key]; set {
			b.WriteString(key + "=" + text + "\n")
		}
	}
	return b.String()
}

// A Table holds all settings that can be changed in a C.
type Table[C any] []Setting[C]

func (t Table[C]) row(key string) *Setting[C] {
	for i := range t {
		if t[i].Key == key {
			return &t[i]
		}
	}
	return nil
}

// Apply returns file with o over it.
func (t Table[C]) Apply(file C, o Overlay) C {
	for _, v := range o {
		if row := t.row(v.Key); row != nil {
			row.Put(&file, v.Text)
		}
	}
	return file
}

// Shown returns what the setting called key is in cfg.
func (t Table[C]) Shown(cfg *C, key string) string {
	if row := t.row(key); row != nil {
		return row.Get(cfg)
	}
	return ""
}

// A Changed is one change as it was made.
type Changed struct{ Key, From, To string }

// Change returns o with values over file, and what that changes. A value that
// the settings have already changes nothing; one that the file has ends what
// the operator set before. Keys that are not in t, and texts that cannot be
// read, are passed over.
func (t Table[C]) Change(file C, lines Lines, o Overlay, values []Value) (Overlay, []Changed) {
	now := t.Apply(file, o)
	var all []Changed
	for _, v := range values {
		row := t.row(v.Key)
		if row == nil {
			continue
		}
		from := row.Get(&now)
		if !row.Put(&now, v.Text) {
			continue
		}
		to := row.Get(&now)
		if from == to {
			continue
		}
		all = append(all, Changed{v.Key, from, to})
		o, _ = o.Split(v.Key)
		if to != row.Get(&file) {
			o = append(o, Value{Key: v.Key, Text: to, Over: row.over(lines)})
		}
	}
	return o, all
}

// Split returns o without key, and what it has for key.
func (o Overlay) Split(key string) (rest, of Overlay) {
	for _, v := range o {
		if v.Key == key {
			of = append(of, v)
		} else {
			rest = append(rest, v)
		}
	}
	return rest, of
}

// Carry returns what of o holds over a file with other lines, and what has
// ended since its lines are others.
func (t Table[C]) Carry(lines Lines, o Overlay) (kept, ended Overlay) {
	for _, v := range o {
		if row := t.row(v.Key); row != nil && row.over(lines) == v.Over {
			kept = append(kept, v)
		} else {
			ended = append(ended, v)
		}
	}
	return kept, ended
}
