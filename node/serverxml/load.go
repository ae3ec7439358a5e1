// Package serverxml reads Tomcat's server.xml for a node. What comes in is the
// file, and what Tomcat reads with it at a start: catalina.properties, context
// descriptors, web.xml. What goes out is a node.Config, or every mistake at its
// place, and in words what of the files has no effect.
package serverxml

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
)

// Options say how a server.xml is read. A zero field means its default.
type Options struct {
	Base     string                           // catalina.base; default: the folder that the file's folder conf is in, or whose conf leads to it, as that of Debian's /etc/tomcat10; else the file's own
	Property func(name string) (string, bool) // values of ${name} beyond conf/catalina.properties, catalina.base, catalina.home and the environment; nil is none
	// Warn is told what is unsupported, with what follows, and what is doubtful;
	// in the order of the file, each as it is to be printed: FILE:LINE:COL:
	// warning: …. nil is nobody.
	Warn func(text string)
}

// Load reads a server.xml, and of its applications what Tomcat would: the
// descriptors in conf and in folders of appBase, and WEB-INF/web.xml. The error
// holds every mistake, each with its line and, where it helps, what to do.
//
// What of a file restricts access and cannot be honoured makes a Refuse or
// Guarded, and Warn is told.
func Load(file string, o Options) (*node.Config, error) {
	return load(file, o, lookUp)
}

// load is Load with another way to find the address of a host name.
func load(file string, o Options, lookUp func(name string) (netip.Addr, error)) (*node.Config, error) {
	guessed := false
	if o.Base == "" {
		o.Base, guessed = baseOf(file, "/var/lib")
	}
	l := &loader{o: o, guessed: guessed, lookUp: lookUp, texts: map[string][]string{}, files: map[string]fileText{}, cfg: &node.Config{File: file, Base: o.Base}}
	l.properties = l.catalinaProperties()
	if root := l.parse(file); root != nil {
		l.server(root)
	}
	l.found.Sort()
	for _, m := range l.found {
		if m.Severity != mistake.Error && o.Warn != nil {
			o.Warn(m.String())
		}
	}
	if l.found.Errors() > 0 {
		return nil, onlyErrors(l.found)
	}
	return l.cfg, nil
}

// baseOf is catalina.base of a file that is in a folder conf, or in one that a
// conf leads to below states, as Debian has /var/lib/tomcat10/conf for
// /etc/tomcat10. Else it is the file's folder, and guessed.
func baseOf(file, states string) (base string, guessed bool) {
	folder := filepath.Dir(file)
	abs, err := filepath.Abs(folder)
	if err != nil {
		return folder, true
	}
	if filepath.Base(abs) == "conf" {
		return filepath.Dir(abs), false
	}
	own, err := os.Stat(abs)
	base = filepath.Join(states, filepath.Base(abs))
	if led, missing := os.Stat(filepath.Join(base, "conf")); err == nil && missing == nil && os.SameFile(own, led) {
		return base, false
	}
	return folder, true
}

// onlyErrors returns the errors of found.
func onlyErrors(found mistake.List) error {
	var all mistake.List
	for _, m := range found {
		if m.Severity == mistake.Error {
			all.Add(m)
		}
	}
	return all
}

// A loader makes a Config of files.
type loader struct {
	o          Options
	guessed    bool // o.Base may be another folder
	lookUp     func(name string) (netip.Addr, error)
	properties map[string]string          // of conf/catalina.properties
	texts      map[string][]string        // the lines of each file
	files      map[string]fileText        // that were looked for
	proxied    map[string]*syntax.Element // RemoteIpValves by the scope that they stand in
	found      mistake.List
	cfg        *node.Config
}

// lookUp finds the address of a host name.
func lookUp(name string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookUpTime)
	defer cancel()
	return resolveName(ctx, name)
}

// property gives the value of ${name}: of conf/catalina.properties, as Tomcat
// has it, then of who loads, then of the environment.
func (l *loader) property(name string) (string, bool) {
	if v, ok := l.properties[name]; ok {
		return v, true
	}
	if l.o.Property != nil {
		if v, ok := l.o.Property(name); ok {
			return v, true
		}
	}
	if name == "catalina.base" || name == "catalina.home" {
		return l.o.Base, true
	}
	return os.LookupEnv(name)
}

// wrong tells of a mistake, warn of what is doubtful, unsupported of what has no
// effect, each at its place.
func (l *loader) wrong(pos mistake.Pos, text, fix string) { l.say(pos, mistake.Error, text, fix) }
func (l *loader) warn(pos mistake.Pos, text, fix string)  { l.say(pos, mistake.Warning, text, fix) }
func (l *loader) unsupported(pos mistake.Pos, text, fix string) {
	l.say(pos, mistake.Unsupported, text, fix)
}

// maxFound bounds how much is told; errors may be as many again.
const maxFound = 1000

func (l *loader) say(pos mistake.Pos, severity mistake.Severity, text, fix string) {
	if n := len(l.found); n >= 2*maxFound || n >= maxFound && severity != mistake.Error {
		return
	}
	line := ""
	if all := l.texts[pos.File]; severity == mistake.Error && pos.Line > 0 && pos.Line <= len(all) {
		line = strings.TrimRight(all[pos.Line-1], "\r")
	}
	l.found.Add(mistake.Mistake{Pos: pos, Severity: severity, Text: text, Fix: fix, Line: line})
}

// line is the line of e in server.xml, 0 if it is of another file.
func (l *loader) line(e *syntax.Element) int {
	if e.Pos.File != l.cfg.File {
		return 0
	}
	return e.Pos.Line
}

// at is the place of an attribute, or of e if it has none of that name.
func at(e *syntax.Element, name string) mistake.Pos {
	if a := e.Attribute(name); a != nil {
		return a.Pos
	}
	return e.Pos
}
