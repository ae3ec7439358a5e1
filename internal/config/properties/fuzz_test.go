package properties_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/mistake"
)

// placed fails if a mistake has no place, and reports whether there is none.
func placed(t *testing.T, found mistake.List) {
	t.Helper()
	for _, m := range found {
		if m.Pos.File == "" || m.Text == "" || m.Pos.Col < 0 || m.Line != "" && m.Pos.Col > len(m.Line)+1 {
			t.Errorf("a mistake without a place: %+v", m)
		}
	}
}

// FuzzWorkers reads any text, after a line of httpd.conf: every mistake has a
// place, every worker is consistent, and what was read is the same after
// writing and reading it again.
func FuzzWorkers(f *testing.F) {
	f.Add("worker.list=a\nworker.a.host=$(h)\n", "h=x")
	f.Fuzz(func(t *testing.T, text, before string) {
		o := options(strings.ReplaceAll(before, "\n", " "))
		file, found := properties.Parse("workers.properties", []byte(text), o)
		d, more := properties.Workers(file)
		properties.Meant([]byte(text))
		placed(t, append(found, more...))
		for _, w := range d.Workers {
			if d.Worker(w.Name) != w || more.Errors() == 0 && !w.Listed && len(w.Balancers) == 0 {
				t.Errorf("%s is neither listed nor a member", w.Name)
			}
			for _, m := range w.Members {
				if member := d.Worker(m); member == nil || member.Type != properties.AJP13 {
					t.Errorf("%s has the member %s: %+v", w.Name, m, member)
				}
			}
		}
		var written strings.Builder
		for _, e := range file.Entries {
			if strings.Contains(e.Value, "$(") { // would be replaced now
				return
			}
			written.WriteString(e.Key + "=" + e.Value + "\n")
		}
		again, _ := properties.Parse("workers.properties", []byte(written.String()), properties.Options{})
		d2, _ := properties.Workers(again)
		if diff := cmp.Diff(texts(d), texts(d2)); diff != "" {
			t.Errorf("reading what was written (-first +second):\n%s\nwritten:\n%s", diff, written.String())
		}
	})
}

// texts returns definitions without places.
func texts(d *properties.Definitions) []string {
	all := append([]string{"listed"}, d.Listed...)
	all = append(append(all, "unused"), d.Unused...)
	for _, w := range d.Workers {
		all = append(all, w.Name, string(w.Type))
		all = append(append(all, w.Members...), w.Balancers...)
		for _, key := range w.Keys() {
			text, _, _ := w.String(key)
			all = append(all, key+"="+text)
		}
	}
	return all
}

// FuzzMap reads any text: every mistake has a place, and every rule can be
// mounted.
func FuzzMap(f *testing.F) {
	f.Add("/a|/*=w;reply_timeout=1\n!/b=*")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, found := properties.ParseMap("map", []byte(text), options(""))
		placed(t, found)
		for _, m := range mounts {
			if !strings.HasPrefix(m.Pattern, "/") || m.Target.Worker == "" || m.Pos.Line == 0 || m.Target.Pos.Line != m.Pos.Line {
				t.Errorf("%+v", m)
			}
			for name, state := range m.Target.Activation() {
				if name == "" || !strings.ContainsRune("ADS", rune(state)) {
					t.Errorf("%s is %c", name, state)
				}
			}
			for _, key := range m.Target.Extensions.Keys() {
				if _, pos, _ := m.Target.Extensions.String(key); pos.Col < m.Target.Pos.Col {
					t.Errorf("%s is at %s, the worker at %s", key, pos, m.Target.Pos)
				}
			}
		}
	})
}
