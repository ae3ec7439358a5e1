package properties_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/golden"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/mistake"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// options are those of all cases: HOME is in the environment, ServerRoot is
// predefined, and each line of before is a JkWorkerProperty.
func options(before string) properties.Options {
	o := properties.Options{
		Predefined: map[string]string{"ServerRoot": "/srv/root"},
		Env: func(name string) (string, bool) {
			return map[string]string{"HOME": "/home/me"}[name], name == "HOME"
		},
	}
	for i, line := range strings.Split(strings.TrimSuffix(before, "\n"), "\n") {
		if before != "" {
			o.Before = append(o.Before, properties.Line{Pos: mistake.Pos{File: "httpd.conf", Line: i + 1, Col: 18}, Text: line})
		}
	}
	return o
}

// TestWorkers reads workers.properties, after the lines of httpd.conf, and
// wants each worker with its values and every mistake in full.
func TestWorkers(t *testing.T) {
	golden.Run(t, "testdata/workers", func(_ *testing.T, c golden.Case) string {
		return workers(c.Files["workers.properties"], c.Files["httpd.conf"])
	})
}

// TestScenario reads the scenario's file as it is: five warnings, no error.
func TestScenario(t *testing.T) {
	golden.Run(t, "testdata/scenario", func(t *testing.T, _ golden.Case) string {
		text, err := os.ReadFile("testdata/scenario/workers.properties")
		if err != nil {
			t.Fatal(err)
		}
		return workers(string(text), "")
	})
}

func workers(text, before string) string {
	file, found := properties.Parse("workers.properties", []byte(text), options(before))
	d, more := properties.Workers(file)
	return mistakes(append(found, more...)) + definitions(d)
}

func mistakes(found mistake.List) string {
	if len(found) == 0 {
		return ""
	}
	return found.Error() + "\n\n"
}

func definitions(d *properties.Definitions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listed: %s\n", strings.Join(d.Listed, ", "))
	if len(d.Unused) > 0 {
		fmt.Fprintf(&b, "unused: %s\n", strings.Join(d.Unused, ", "))
	}
	if v, pos, set := d.Global.Duration("maintain"); set {
		fmt.Fprintf(&b, "maintain: %v (%s)\n", v, pos)
	}
	for _, w := range d.Workers {
		fmt.Fprintf(&b, "\n%s %s (%s)", w.Type, w.Name, w.Pos)
		if len(w.Members) > 0 {
			fmt.Fprintf(&b, " members %s", strings.Join(w.Members, ", "))
		}
		if len(w.Balancers) > 0 {
			fmt.Fprintf(&b, " member of %s", strings.Join(w.Balancers, ", "))
		}
		b.WriteString("\n" + values(w.Values))
	}
	return b.String()
}

func values(v properties.Values) string {
	var b strings.Builder
	for _, key := range v.Keys() {
		text, pos, _ := v.String(key)
		fmt.Fprintf(&b, "\t%s = %s (%s)\n", key, text, pos)
	}
	return b.String()
}

// TestMap reads uriworkermap.properties.
func TestMap(t *testing.T) {
	golden.Run(t, "testdata/map", func(_ *testing.T, c golden.Case) string {
		mounts, found := properties.ParseMap("uriworkermap.properties", []byte(c.Files["uriworkermap.properties"]), options(""))
		var b strings.Builder
		b.WriteString(mistakes(found))
		for _, m := range mounts {
			flags := map[bool]string{true: "-"}[m.Disabled] + map[bool]string{true: "!"}[m.Exclude]
			fmt.Fprintf(&b, "%s%s → %s (%s, %s)\n%s", flags, m.Pattern, m.Target.Worker, m.Pos, m.Target.Pos, values(m.Target.Extensions))
		}
		return b.String()
	})
}
