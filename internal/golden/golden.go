// Package golden runs the test cases of a folder: what comes in is a folder of
// .txtar files, one a case, titled by its rule, and a function from the files
// of a case to text; what goes out is a failure for each case whose file
// "want" is not that text. With -update the text becomes the file.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Want is the file of a case that says what comes out.
const Want = "want"

// A Case is one rule with its files.
type Case struct {
	Title string            // the text above the first file, trimmed
	Files map[string]string // by name, without Want
	Names []string          // of Files, in order
}

var update = flag.Bool("update", false, "write what comes out into the golden files; read the diff")

// Run runs every *.txtar of folder as a subtest named for the file. A folder
// without cases and a case without a title fail.
func Run(t *testing.T, folder string, out func(t *testing.T, c Case) string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no *.txtar in %s: %v", folder, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { run(t, name, out) })
	}
}

func run(t *testing.T, name string, out func(t *testing.T, c Case) string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := Case{Title: strings.TrimSpace(string(archive.Comment)), Files: map[string]string{}}
	if c.Title == "" {
		t.Errorf("%s: no title that says the rule", name)
	}
	want, at := "", -1
	for i, file := range archive.Files {
		if file.Name == Want {
			want, at = string(file.Data), i
			continue
		}
		c.Files[file.Name] = string(file.Data)
		c.Names = append(c.Names, file.Name)
	}
	got := out(t, c)
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	if *update && got != want {
		if at < 0 {
			archive.Files, at = append(archive.Files, txtar.File{Name: Want}), len(archive.Files)
		}
		archive.Files[at].Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", c.Title, diff)
	}
}
