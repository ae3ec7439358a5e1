package serverxml

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/internal/layout"
)

// contextFile reads a file with a <Context> for s; one that cannot be read
// closes it.
func (l *loader) contextFile(file string, s *scope) *syntax.Element {
	root, problem := l.optional(file)
	if root != nil && root.Name != "Context" {
		root, problem = nil, "it does not begin with <Context>"
	}
	if problem != "" {
		l.refuse(mistake.Pos{File: file}, s, file+" says how it is, and "+problem, "")
	}
	return root
}

// defaults are the files that hold for each context of h.
func (l *loader) defaults(h *hostElement) []string {
	conf := filepath.Join(l.o.Base, "conf")
	return []string{filepath.Join(conf, "context.xml"), filepath.Join(conf, h.engine, h.Name, "context.xml.default")}
}

// deployments adds what Tomcat finds itself: context descriptors, and folders
// in appBase.
//
// Source: HostConfig.deployApps.
func (l *loader) deployments(e *syntax.Element, h *hostElement) {
	h.NoDeploy = true
	if h.noDeploy {
		return
	}
	h.folder = layout.Under(l.o.Base, cmp.Or(h.AppBase, "webapps"))
	if _, err := os.Stat(h.folder); l.guessed && errors.Is(err, fs.ErrNotExist) {
		l.warn(at(e, "appBase"), fmt.Sprintf("%s is missing, and is made at the start: catalina.base is taken to be the folder of this file", h.folder), "catflap node -d FOLDER, or CATALINA_BASE=FOLDER, names another catalina.base")
	}
	l.descriptors(h)
	l.folders(h)
}

// names lists a folder, the newest version of each context first.
func (l *loader) names(folder string) []fs.DirEntry {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.found.Add(mistake.Mistake{Pos: mistake.Pos{File: folder}, Severity: mistake.Warning, Text: "the folder of applications cannot be read: " + reasonOf(err)})
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		_, first := layout.ContextOf(a.Name())
		_, second := layout.ContextOf(b.Name())
		return strings.Compare(second, first)
	})
	return entries[:min(len(entries), layout.MaxContexts)]
}

// descriptors adds the contexts that have a file in xmlBase.
func (l *loader) descriptors(h *hostElement) {
	folder := filepath.Join(l.o.Base, "conf", h.engine, h.Name)
	if h.xmlBase != "" {
		folder = layout.Under(l.o.Base, h.xmlBase)
	}
	for _, entry := range l.names(folder) {
		name, isXML := strings.CutSuffix(entry.Name(), ".xml")
		if !isXML || !l.deploys(h, entry.Name()) {
			continue
		}
		file := filepath.Join(folder, entry.Name())
		l.deployed(h, name, file, l.docBase(h, file, name))
	}
}

// docBase is the folder that a descriptor names; one in appBase is the one of
// the context's own name.
func (l *loader) docBase(h *hostElement, file, name string) string {
	root, _ := l.optional(file)
	if root == nil {
		return name
	}
	a := root.Attribute("docBase")
	if a == nil {
		return name
	}
	folder := layout.Under(h.folder, strings.TrimSpace(a.Value))
	if inside, err := filepath.Rel(h.folder, folder); err == nil && inside != ".." && !strings.HasPrefix(inside, "../") {
		if inside != name {
			l.warn(a.Pos, fmt.Sprintf("docBase is in appBase: the folder %s is taken, by the name of this file", name), "remove docBase, or name a folder elsewhere")
		}
		return name
	}
	return folder
}

// folders adds the contexts that are folders of appBase.
func (l *loader) folders(h *hostElement) {
	for _, entry := range l.names(h.folder) {
		name := entry.Name()
		file := filepath.Join(h.folder, name)
		if base, isWAR := strings.CutSuffix(strings.ToLower(name), ".war"); isWAR {
			if _, err := os.Stat(filepath.Join(h.folder, name[:len(base)])); err != nil && l.deploys(h, name) {
				contextPath, _ := layout.ContextOf(name[:len(base)])
				l.unsupported(mistake.Pos{File: file}, fmt.Sprintf("a WAR file is Java, which does not run here: %s/ is answered 404", contextPath), "leave it to a Tomcat, or unpack it for its static files")
			}
			continue
		}
		if strings.HasPrefix(name, ".") || strings.EqualFold(name, "WEB-INF") || strings.EqualFold(name, "META-INF") || !l.deploys(h, name) {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			l.deployed(h, name, filepath.Join(file, "META-INF", "context.xml"), name)
		}
	}
}

// deploys reports whether deployIgnore lets a name be an application.
func (l *loader) deploys(h *hostElement, name string) bool {
	return h.ignore == nil || !h.ignore.MatchString(name)
}

// deployed adds the context of a name, unless it is there.
func (l *loader) deployed(h *hostElement, name, file, folder string) {
	contextPath, _ := layout.ContextOf(name)
	if !contextPathOK(contextPath) {
		l.found.Add(mistake.Mistake{Pos: mistake.Pos{File: file}, Severity: mistake.Warning, Text: fmt.Sprintf("%s names no context path: it is passed over", name)})
		return
	}
	for _, other := range h.Contexts {
		if plain, _, _ := strings.Cut(other.Path, "##"); plain == contextPath {
			return // of the file, or a newer version
		}
	}
	c := contextElement{Context: node.Context{Path: contextPath, DocBase: folder}, file: file}
	l.addContext(nil, &c, h)
}
