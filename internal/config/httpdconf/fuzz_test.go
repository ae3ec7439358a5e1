package httpdconf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// A plain is a directive without its places.
type plain struct {
	Name    string
	Args    []string
	Section bool
	Body    []plain
}

func plainOf(directives []httpdconf.Directive) []plain {
	var all []plain
	for _, d := range directives {
		one := plain{Name: d.Name, Section: d.Section, Body: plainOf(d.Body)}
		for _, arg := range d.Args {
			one.Args = append(one.Args, arg.Text)
		}
		all = append(all, one)
	}
	return all
}

// FuzzParse reads any text, with a second file to include: the time and memory
// for it are bounded, every mistake has a place in a file, and what was read
// is the same after writing and reading it again.
func FuzzParse(f *testing.F) {
	f.Add("Include other\nUse M 1", "<Macro M $a>\nListen $a\n</Macro>")
	f.Fuzz(func(t *testing.T, text, other string) {
		for _, known := range []func(string) bool{nil, known} {
			o := options(map[string]string{"httpd.conf": text, "other": other, "conf/extra/http_jk.conf": other})
			o.MaxBytes, o.MaxLines, o.MaxFiles, o.MaxDepth, o.Known = 1<<18, 5000, 100, 20, known
			got, found := httpdconf.Parse(o)
			for _, m := range found {
				if m.Pos.File == "" || m.String() == "" {
					t.Errorf("a mistake without a place: %+v", m)
				}
			}
			written := inQuotes(got.Directives)
			o = options(map[string]string{"httpd.conf": written})
			o.MaxDepth, o.Known = 1000, known
			again, _ := httpdconf.Parse(o)
			if diff := cmp.Diff(plainOf(got.Directives), plainOf(again.Directives)); diff != "" {
				t.Errorf("reading what was written (-first +second):\n%s\nwritten:\n%s", diff, written)
			}
		}
	})
}
