package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits of style.md.
const (
	fileLines     = 500
	functionLines = 80
	structFields  = 20
)

// exceptions are places that may be larger, each with its reason.
var exceptions = map[string]string{}

// Check reads every Go file below root and returns what breaks a rule.
func Check(root string) ([]string, error) {
	t := &tree{root: root, files: token.NewFileSet(), packages: map[string]bool{}, comments: map[string][]string{}, runners: map[string]*runner{}}
	err := filepath.WalkDir(root, t.visit)
	if err != nil {
		return nil, err
	}
	for pkg := range t.packages {
		if n := len(t.comments[pkg]); n != 1 {
			t.complain("package %s has %d package comments, not one: %v", pkg, n, t.comments[pkg])
		}
	}
	t.checkRuns()
	t.broken = append(t.broken, unusedRows(t.packages)...)
	for place := range exceptions {
		if !slices.Contains(t.excused, place) {
			t.complain("internal/archtest: the exception for %s is not needed", place)
		}
	}
	wrong, err := quotes(root)
	if err != nil {
		return nil, err
	}
	t.broken = append(t.broken, wrong...)
	slices.Sort(t.broken)
	return t.broken, nil
}

// A tree is the state of one Check.
type tree struct {
	root     string
	files    *token.FileSet
	packages map[string]bool
	comments map[string][]string // package → files with a package comment
	runners  map[string]*runner  // by package
	excused  []string
	broken   []string
}

func (t *tree) complain(format string, args ...any) {
	t.broken = append(t.broken, fmt.Sprintf(format, args...))
}

func (t *tree) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if entry.IsDir() {
		if base := entry.Name(); base == "testdata" || base == "bin" || name != t.root && strings.HasPrefix(base, ".") {
			return fs.SkipDir
		}
		return nil
	}
	if !strings.HasSuffix(name, ".go") {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(t.root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(t.files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.check(filepath.ToSlash(relative), text, file)
	return nil
}

// check holds one file against all rules.
func (t *tree) check(name string, text []byte, file *ast.File) {
	pkg := filepath.ToSlash(filepath.Dir(name))
	test := strings.HasSuffix(name, "_test.go")
	t.imports(name, pkg, test, file)
	t.runs(pkg, test, file)
	if test {
		return
	}
	t.packages[pkg] = true
	if file.Doc != nil {
		t.comments[pkg] = append(t.comments[pkg], name)
	}
	if lines := strings.Count(string(text), "\n"); lines > fileLines && !t.excuse(name) {
		t.complain("%s has %d lines, more than %d: split what is a second idea", name, lines, fileLines)
	}
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Body != nil {
			lines := t.files.Position(f.End()).Line - t.files.Position(f.Pos()).Line + 1
			if place := name + ":" + f.Name.Name; lines > functionLines && !t.excuse(place) {
				t.complain("%s has %d lines, more than %d", place, lines, functionLines)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool { return t.inspect(name, n) })
}

func (t *tree) inspect(name string, n ast.Node) bool {
	switch n := n.(type) {
	case *ast.TypeSpec:
		if s, ok := n.Type.(*ast.StructType); ok {
			if fields := s.Fields.NumFields(); fields > structFields && !t.excuse(name+":"+n.Name.Name) {
				t.complain("%s:%s has %d fields, more than %d", name, n.Name.Name, fields, structFields)
			}
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && !isCommand(name) {
			if call := x.Name + "." + n.Sel.Name; call == "os.Exit" || strings.HasPrefix(call, "log.Fatal") || call == "syscall.Exit" {
				t.complain("%s: %s: only a command ends the process", t.files.Position(n.Pos()), call)
			}
		}
	}
	return true
}

// isCommand tells whether name is of a package main.
func isCommand(name string) bool {
	return strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "bench/") || strings.HasPrefix(name, "interop/scenario/serve/") || strings.HasPrefix(name, "interop/migrate/cart/")
}

func (t *tree) excuse(place string) bool {
	_, ok := exceptions[place]
	if ok {
		t.excused = append(t.excused, place)
	}
	return ok
}

// imports holds the imports of one file against the arrows.
func (t *tree) imports(name, pkg string, test bool, file *ast.File) {
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.complain("%s: %v", name, err)
			continue
		}
		if to, ours := strings.CutPrefix(path, Module+"/"); ours {
			if why := forbiddenArrow(pkg, to, test); why != "" {
				t.complain("%s: %s", name, why)
			}
			continue
		}
		first, _, _ := strings.Cut(path, "/")
		if isPublic(pkg) && !test && strings.Contains(first, ".") && !strings.HasPrefix(path, "golang.org/x/") {
			t.complain("%s: the public package %s imports %s; it may import only the standard library and golang.org/x", name, pkg, path)
		}
	}
}
