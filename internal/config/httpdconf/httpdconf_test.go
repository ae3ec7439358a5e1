package httpdconf_test

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// files is a file system of tests. Relative names begin in /work.
type files struct{ fstest.MapFS }

func newFiles(contents map[string]string) files {
	f := files{fstest.MapFS{}}
	for name, text := range contents {
		f.MapFS[f.inside(name)] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return f
}

func (files) inside(name string) string {
	if !path.IsAbs(name) {
		name = "/etc/" + name
	}
	return strings.TrimPrefix(path.Clean(name), "/")
}

func (f files) Open(name string) (io.ReadCloser, error) {
	file, err := f.MapFS.Open(f.inside(name))
	return file, err
}

func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "/" {
		return f.MapFS.ReadDir(".")
	}
	return f.MapFS.ReadDir(f.inside(name))
}

func (f files) Stat(name string) (fs.FileInfo, error) { return f.MapFS.Stat(f.inside(name)) }

// names is a table of directives, as the package config has it.
var names = strings.Fields(`AllowOverride CustomLog Deny DirectoryIndex DocumentRoot ErrorDocument ErrorLog Group JkLogFile
	JkLogLevel JkLogStampFormat JkMount JkOptions JkRequestLogFormat JkShmFile JkUnMount JkWorkersFile KeepAlive Listen LogFormat
	LogLevel Allow Options Order Redirect Require ServerAdmin ServerAlias ServerName SSLEngine TypesConfig User
	<Directory <DirectoryMatch <Files <If <Location <RequireAll <VirtualHost`)

func known(name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// options reads httpd.conf of these files, with the names above.
func options(contents map[string]string) httpdconf.Options {
	return httpdconf.Options{File: "httpd.conf", Files: newFiles(contents), Known: known, Names: names}
}

// tree writes directives as the tests read them: place, name, arguments in
// the order of the file, what sections contain indented.
func tree(directives []httpdconf.Directive, indent string) string {
	var b strings.Builder
	for _, d := range directives {
		fmt.Fprintf(&b, "%s%d:%d %s", indent, d.Pos.Line, d.Pos.Col, d.Name)
		for _, arg := range d.Args {
			fmt.Fprintf(&b, " %d:%d[%s]", arg.Pos.Line, arg.Pos.Col, arg.Text)
		}
		if d.Section {
			fmt.Fprintf(&b, " {\n%s%s}%d:%d", tree(d.Body, indent+"  "), indent, d.End.Line, d.End.Col)
		}
		if d.Unknown {
			b.WriteString(" unknown")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// report parses text as httpd.conf and returns tree and mistakes.
func report(o httpdconf.Options) string {
	got, found := httpdconf.Parse(o)
	text := tree(got.Directives, "")
	if len(found) > 0 {
		text += found.Error() + "\n"
	}
	return text
}
