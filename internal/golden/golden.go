// Package golden runs the test cases of a folder: what comes in is a folder of
// .txtar files, one a case, titled by its rule, and a function from the files
// of a case to text; what goes out is a failure for each case whose file
// "want" is not that text. With -update the text becomes the file.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
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
	c, want := caseOf(archive)
	if c.Title == "" {
		t.Errorf("%s: no title that says the rule", name)
	}
	got := out(t, c)
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	switch {
	case got == want:
	case *update:
		if err := os.WriteFile(name, withWant(archive, got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-want +got):\n%s", c.Title, cmp.Diff(want, got))
	}
}

// caseOf returns what archive holds.
func caseOf(archive *txtar.Archive) (c Case, want string) {
	c = Case{Title: strings.TrimSpace(string(archive.Comment)), Files: map[string]string{}}
	for _, file := range archive.Files {
		if file.Name == Want {
			want = string(file.Data)
			continue
		}
		c.Files[file.Name] = string(file.Data)
		c.Names = append(c.Names, file.Name)
	}
	return c, want
}

// withWant returns archive as text, with got for what comes out.
func withWant(archive *txtar.Archive, got string) []byte {
	files := slices.DeleteFunc(slices.Clone(archive.Files), func(f txtar.File) bool { return f.Name == Want })
	return txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: append(files, txtar.File{Name: Want, Data: []byte(got)})})
}
