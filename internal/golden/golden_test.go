package golden

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestRun runs a folder of two cases: what comes out are the files in order.
func TestRun(t *testing.T) {
	var titles []string
	Run(t, "testdata", func(_ *testing.T, c Case) string {
		titles = append(titles, c.Title)
		var b strings.Builder
		for _, name := range c.Names {
			b.WriteString(name + ": " + c.Files[name])
		}
		return b.String()
	})
	if diff := cmp.Diff([]string{"Nothing in, nothing out.", "The files of a case keep their order."}, titles); diff != "" {
		t.Errorf("titles (-want +got):\n%s", diff)
	}
}

// TestWithWant keeps title and files, and puts what came out last.
func TestWithWant(t *testing.T) {
	archive := txtar.Parse([]byte("A rule.\n-- want --\nold\n-- a --\n1\n"))
	if diff := cmp.Diff("A rule.\n-- a --\n1\n-- want --\nnew\n", string(withWant(archive, "new\n"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
