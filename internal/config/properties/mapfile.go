package properties

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A Mount is one rule of uriworkermap.properties.
type Mount struct {
	Pos      mistake.Pos // of the pattern, with its flags
	Pattern  string      // begins with "/"
	Exclude  bool        // "!": these paths do not go to the worker; "*" is every worker
	Disabled bool        // "-"
	Target   Target
}

// ParseMap reads a uriworkermap.properties called name. A line that mod_jk
// does not take is a warning and no rule; a pattern of the form X|Y is two, X
// and XY. Of several lines with one pattern the last counts, and is the only
// one that is returned. Nothing here keeps the server from starting.
//
// Source: mod_jk common/jk_uri_worker_map.c, uri_worker_map_load, as seen at
// work.
func ParseMap(name string, text []byte, o Options) ([]Mount, mistake.List) {
	r := reader{options: o, file: &File{Name: name}, values: map[string]string{}}
	r.read(text)
	m := mapper{found: r.found, last: map[mountKey]int{}}
	for _, e := range r.file.Entries {
		m.entry(e)
	}
	var mounts []Mount
	for i, mount := range m.mounts {
		if m.last[keyOf(mount)] == i {
			mounts = append(mounts, mount)
		}
	}
	m.found.Sort()
	return mounts, m.found
}

// mountKey is what two rules may not share.
type mountKey struct {
	pattern  string
	exclude  bool
	disabled bool   // it hides no rule that is not
	worker   string // of an exclusion: those of several workers stand side by side
}

func keyOf(m Mount) mountKey {
	k := mountKey{m.Pattern, m.Exclude, m.Disabled, ""}
	if m.Exclude {
		k.worker = m.Target.Worker
	}
	return k
}

// mapper carries one reading.
type mapper struct {
	mounts []Mount
	last   map[mountKey]int
	found  mistake.List
}

// entry reads one line.
func (m *mapper) entry(e Entry) {
	mount := Mount{Pos: e.Pos}
	pattern := e.Key
	pattern, mount.Disabled = strings.CutPrefix(pattern, "-")
	pattern, mount.Exclude = strings.CutPrefix(pattern, "!")
	if !strings.HasPrefix(pattern, "/") {
		m.warn(e, fmt.Sprintf("invalid context '%s': does not begin with '/': the line is ignored", pattern), slashed(e.Key))
		return
	}
	target, found := ParseTarget(e.Value, e.ValuePos, e.Line)
	m.found = append(m.found, found...)
	if target.Worker == "" {
		m.warn(e, fmt.Sprintf("%s names no worker: the line is ignored", e.Key), "")
		return
	}
	mount.Target = target
	for _, mount.Pattern = range Patterns(pattern) {
		m.add(mount, e)
	}
}

// Patterns returns the patterns of a mount: of X|Y they are X and XY.
func Patterns(pattern string) []string {
	first, second, double := strings.Cut(pattern, "|")
	if !double || second == "" {
		return []string{first}
	}
	return []string{first, first + second}
}

// slashed guesses what a pattern without a slash means.
func slashed(key string) string {
	flags := key[:len(key)-len(strings.TrimLeft(key, "-!"))]
	rest := key[len(flags):]
	switch {
	case strings.HasPrefix(rest, "/"):
		return "write " + strings.Repeat("-", min(1, strings.Count(flags, "-"))) + strings.Repeat("!", min(1, strings.Count(flags, "!"))) + rest + ": \"-\" stands before \"!\""
	case rest == "":
		return ""
	}
	return "write " + flags + "/" + rest
}

// add takes in one rule.
func (m *mapper) add(mount Mount, e Entry) {
	key := keyOf(mount)
	if i, again := m.last[key]; again {
		m.warn(e, fmt.Sprintf("%s%s again (first line %d); the last, %s, counts", map[bool]string{true: "!"}[mount.Exclude], mount.Pattern, m.mounts[i].Pos.Line, mount.Target.Worker), "take out the line that does not count")
	}
	m.last[key] = len(m.mounts)
	m.mounts = append(m.mounts, mount)
}

func (m *mapper) warn(e Entry, text, fix string) {
	m.found.Add(mistake.Mistake{Pos: e.Pos, Severity: mistake.Warning, Text: text, Line: e.Line, Fix: fix})
}
