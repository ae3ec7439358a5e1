package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A runner is what is known of a package as far as its tests go.
type runner struct {
	starts bool     // its code starts goroutines
	tests  bool     // it has tests
	looks  bool     // they look for goroutines that are left
	fuzz   []string // its fuzz targets
}

// runs notes what one file of a package says about that.
func (t *tree) runs(pkg string, test bool, file *ast.File) {
	r := t.runners[pkg]
	if r == nil {
		r = &runner{}
		t.runners[pkg] = r
	}
	if !test {
		ast.Inspect(file, func(n ast.Node) bool {
			r.starts = r.starts || startsGoroutine(n)
			return true
		})
		return
	}
	r.tests = true
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		r.looks = r.looks || path == Module+"/internal/leaktest"
	}
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
			r.fuzz = append(r.fuzz, f.Name.Name)
		}
	}
}

// startsGoroutine reports whether n is a go statement, or a call of the Go of
// a group.
func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		called, ok := n.Fun.(*ast.SelectorExpr)
		return ok && called.Sel.Name == "Go"
	}
	return false
}

// checkRuns holds the packages to two rules: where code starts goroutines, the
// tests look for those that are left, and a fuzz target has a committed
// corpus.
func (t *tree) checkRuns() {
	for pkg, r := range t.runners {
		if r.starts && r.tests && !r.looks {
			t.complain("package %s starts goroutines, and its tests do not look for those that are left: let a TestMain call leaktest.Main", pkg)
		}
		for _, name := range r.fuzz {
			corpus, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(pkg), "testdata/fuzz", name))
			if (err != nil || len(corpus) == 0) && !t.excuse(pkg+":"+name) {
				t.complain("%s of package %s has no corpus in testdata/fuzz", name, pkg)
			}
		}
	}
}
