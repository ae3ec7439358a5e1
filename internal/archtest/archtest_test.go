package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTree(t *testing.T) {
	broken, err := Check(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, sentence := range broken {
		t.Error(sentence)
	}
}

// TestRules breaks each rule once in a small tree of its own.
func TestRules(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"a new arrow", "ajp/x.go", "// Package ajp is.\npackage ajp\nimport _ \"" + Module + "/internal/front\"", "ajp imports internal/front"},
		{"an unknown package", "internal/helpers/x.go", "// Package helpers is.\npackage helpers\nimport _ \"" + Module + "/ajp\"", "no row"},
		{"front meets tribes", "internal/front/x.go", "// Package front is.\npackage front\nimport _ \"" + Module + "/tribes\"", "internal/front imports tribes"},
		{"a public package with a dependency", "ajp/x.go", "// Package ajp is.\npackage ajp\nimport _ \"go.uber.org/zap\"", "imports go.uber.org/zap"},
		{"no package comment", "ajp/x.go", "package ajp", "has 0 package comments"},
		{"two package comments", "ajp/x.go", "// Package ajp is.\npackage ajp", "has 2 package comments"},
		{"a long file", "ajp/x.go", "// Package ajp is.\npackage ajp\n" + strings.Repeat("\n", 500), "has 502 lines"},
		{"a long function", "ajp/x.go", "// Package ajp is.\npackage ajp\nfunc f() {" + strings.Repeat("\n", 80) + "}\n", "x.go:f has 81 lines"},
		{"a wide struct", "ajp/x.go", "// Package ajp is.\npackage ajp\ntype t struct{" + strings.Repeat("a int\n", 21) + "}\n", "x.go:t has 21 fields"},
		{"goroutines that nobody looks for", "ajp/x.go", "// Package ajp is.\npackage ajp\nfunc f() { go f() }\n", "its tests do not look for those that are left"},
		{"goroutines of a group", "ajp/x.go", "// Package ajp is.\npackage ajp\nfunc f(g interface{ Go(func()) }) { g.Go(nil) }\n", "its tests do not look for those that are left"},
		{"a fuzz target without a corpus", "ajp/x.go", "// Package ajp is.\npackage ajp\n", "FuzzX of package ajp has no corpus"},
		{"Go that nobody compiles", "docs/x.md", "As in\n\n```go\npackage x\n```\n", "docs/x.md has Go that nobody compiles"},
		{"a quotation that is none", "docs/x.md", "As in\n\n```go ajp/x_test.go\npackage x\n```\n", "docs/x.md quotes ajp/x_test.go, which does not say so"},
		{"an exit below main", "ajp/x.go", "// Package ajp is.\npackage ajp\nimport \"os\"\nfunc f() { os.Exit(1) }\n", "only a command ends the process"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, test.file), test.text)
			write(t, filepath.Join(root, "ajp/x_test.go"), "package ajp\nimport \"testing\"\nfunc FuzzX(f *testing.F) {}\n")
			if test.name == "two package comments" {
				write(t, filepath.Join(root, "ajp/y.go"), test.text)
			}
			broken, err := Check(root)
			if err != nil {
				t.Fatal(err)
			}
			for _, sentence := range broken {
				if strings.Contains(sentence, test.want) {
					return
				}
			}
			t.Errorf("nothing said %q, only %q", test.want, broken)
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
