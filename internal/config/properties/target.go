package properties

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A Target is what a path is mounted to: worker;name=value;….
type Target struct {
	Worker     string
	Pos        mistake.Pos
	Extensions Values
}

// extensions are what may follow a worker; the kinds of member lists are
// checked against the balancer by the caller.
//
// Source: mod_jk common/jk_uri_worker_map.c, extension handling, as seen at
// work; uriworkermap reference, "Rule extensions".
var extensions = []property{
	{name: "reply_timeout", kind: milliseconds},
	{name: "sticky_ignore", kind: boolean},
	{name: "stateless", kind: boolean},
	{name: "active", kind: names},
	{name: "disabled", kind: names},
	{name: "stopped", kind: names},
	{name: "fail_on_status", kind: numbers},
	{name: "use_server_errors", kind: integer},
	{name: "session_cookie"},
	{name: "session_path"},
	{name: "set_session_cookie", kind: boolean},
	{name: "session_cookie_path"},
}

// balancerExtensions have an effect only if the worker is a balancer.
var balancerExtensions = []string{"sticky_ignore", "stateless", "active", "disabled", "stopped",
	"session_cookie", "session_path", "set_session_cookie", "session_cookie_path"}

// BalancerExtensions returns the names of the rule extensions that have an
// effect only if the worker is a balancer.
func BalancerExtensions() []string { return slices.Clone(balancerExtensions) }

// ParseTarget reads the worker of a mount with its extensions: the right side
// of uriworkermap.properties, the last argument of JkMount. pos is the place
// of its first byte, line the text of its line for the caret, or "". All
// mistakes are warnings: what cannot be read is left out.
func ParseTarget(s string, pos mistake.Pos, line string) (Target, mistake.List) {
	var d definer // for its readers of values
	worker, rest, more := strings.Cut(s, ";")
	t := Target{Worker: strings.TrimRight(worker, blanks), Pos: pos}
	if t.Worker != worker && more {
		d.warn(pos, line, fmt.Sprintf("a blank after %q: mod_jk takes it as part of the worker's name", t.Worker), "take out the blank")
	}
	seen := map[string]bool{}
	for more {
		at := pos
		at.Col += len(s) - len(rest)
		var part string
		part, rest, more = strings.Cut(rest, ";")
		if name, _, _ := strings.Cut(part, "="); name != strings.Trim(name, blanks) {
			d.warn(at, line, fmt.Sprintf("a blank beside %q: mod_jk takes it as part of the name and does not know the extension", strings.Trim(name, blanks)), "take out the blank")
		}
		// The value of session_path begins with a semicolon of its own.
		if name, value, _ := strings.Cut(part, "="); strings.Trim(name, blanks) == "session_path" && strings.Trim(value, blanks) == "" && more {
			var path string
			path, rest, more = strings.Cut(rest, ";")
			part += ";" + path
		}
		d.extension(&t, part, at, line, seen)
	}
	d.inconsistent(t, line)
	if line != "" && (pos.Col < 1 || pos.Col > len(line) || !strings.HasPrefix(line[pos.Col-1:], s)) {
		d.together(&t)
	}
	return t, d.mistakes
}

// together moves all places of t to its first byte, because the text is not
// in the line as it is: macros were replaced, or quotes taken off.
func (d *definer) together(t *Target) {
	for i := range d.mistakes {
		d.mistakes[i].Pos = t.Pos
	}
	for key, v := range t.Extensions.set {
		v.Pos = t.Pos
		t.Extensions.set[key] = v
	}
}

// extension reads one name=value into t.
func (d *definer) extension(t *Target, part string, at mistake.Pos, line string, seen map[string]bool) {
	name, value, pair := strings.Cut(part, "=")
	at.Col += len(name) - len(strings.TrimLeft(name, blanks))
	name = strings.Trim(name, blanks)
	if name == "" && !pair {
		return
	}
	i := slices.IndexFunc(extensions, func(p property) bool { return p.name == name })
	if i < 0 {
		d.warn(at, line, fmt.Sprintf("unknown rule extension '%s'", name), meant(name, extensionNames()))
		return
	}
	e := Entry{Pos: at, Key: name, Value: strings.Trim(value, blanks), ValuePos: at, Line: line}
	e.ValuePos.Col += strings.Index(part[len(part)-len(strings.TrimLeft(part, blanks)):], "=") + 1 + len(value) - len(strings.TrimLeft(value, blanks))
	if e.Value == "" {
		d.warn(at, line, fmt.Sprintf("the rule extension %s has no value: it is left out", name), "write "+name+"=VALUE")
		return
	}
	if seen[name] && extensions[i].kind == names {
		d.warn(at, line, fmt.Sprintf("rule extension '%s=' only allowed once", name), "name all members in the first, parted by commas")
		return
	}
	if seen[name] {
		d.warn(at, line, fmt.Sprintf("the rule extension %s again; the last, %s, counts", name, e.Value), "")
	}
	seen[name] = true
	v, ok := d.read([]Entry{e}, extensions[i])
	if !ok {
		delete(t.Extensions.set, name)
		return
	}
	if t.Extensions.set == nil {
		t.Extensions.set = map[string]Value{}
	}
	t.Extensions.set[name] = v
}

// Activation returns what the extensions active, disabled and stopped make of
// members: 'A', 'D' or 'S' by name. A member that is named by several is as
// the last of this order says.
func (t Target) Activation() map[string]byte {
	var all map[string]byte
	for _, key := range []string{"active", "disabled", "stopped"} {
		members, _, _ := t.Extensions.List(key)
		for _, m := range members {
			if all == nil {
				all = map[string]byte{}
			}
			all[m] = key[0] &^ 0x20
		}
	}
	return all
}

// inconsistent reports members that are to be in two activations.
func (d *definer) inconsistent(t Target, line string) {
	words := map[byte]string{'A': "ACT", 'D': "DIS", 'S': "STP"}
	before := map[string]byte{}
	for _, key := range []string{"active", "disabled", "stopped"} {
		members, pos, _ := t.Extensions.List(key)
		for _, m := range members {
			to := key[0] &^ 0x20
			if from, again := before[m]; again && from != to {
				d.warn(pos, line, fmt.Sprintf("inconsistent activation overwrite for member %s of load balancer %s: '%s' replaced by '%s'", m, t.Worker, words[from], words[to]), "")
			}
			before[m] = to
		}
	}
}

func extensionNames() []string {
	var all []string
	for _, p := range extensions {
		all = append(all, p.name)
	}
	return all
}
