package properties

import (
	"fmt"
	"strings"
)

// maxMacros is how many $(NAME) of one value are replaced.
const maxMacros = 20

// expand returns the value of e with each $(NAME) replaced by the earlier
// property NAME, what is predefined or the environment's variable, in this
// order. What it is replaced by is not looked at again. A NAME that nothing
// knows stays as it is written.
//
// Source: mod_jk common/jk_map.c, jk_map_replace_properties, as seen at work.
func (r *reader) expand(e Entry) string {
	var b strings.Builder
	rest, count := e.Value, 0
	for {
		start := strings.Index(rest, "$(")
		if start < 0 {
			break
		}
		length := strings.IndexByte(rest[start:], ')')
		if length < 0 {
			break
		}
		if count++; count > maxMacros {
			r.warn(e.ValuePos, e.Line, fmt.Sprintf("more than %d macros in one value: the rest stays as it is written", maxMacros), "")
			break
		}
		macro := rest[start : start+length+1]
		value, known := r.meaning(macro[2 : len(macro)-1])
		if !known {
			pos := e.ValuePos
			pos.Col += len(e.Value) - len(rest) + start
			r.warn(pos, e.Line, fmt.Sprintf("%s: no earlier property and no environment variable is called so: it stays as it is written", macro), "")
			value = macro
		}
		b.WriteString(rest[:start])
		b.WriteString(value)
		rest = rest[start+length+1:]
	}
	b.WriteString(rest)
	if b.Len() > maxLine {
		r.warn(e.ValuePos, e.Line, fmt.Sprintf("with its macros the value has more than %d bytes: they stay as they are written", maxLine), "")
		return e.Value
	}
	return b.String()
}

func (r *reader) meaning(name string) (string, bool) {
	if v, ok := r.values[name]; ok {
		return v, true
	}
	if v, ok := r.options.Predefined[name]; ok {
		return v, true
	}
	if r.options.Env == nil {
		return "", false
	}
	return r.options.Env(name)
}
