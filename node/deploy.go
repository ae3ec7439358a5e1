package node

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/node/internal/layout"
)

// deploy adds the folders in the appBase of h as contexts of static files.
//
// Source: Tomcat's HostConfig.deployDirectories and ContextName.
func (n *Node) deploy(h *host) {
	entries, err := os.ReadDir(h.appBase)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.log.Warn("the folder of applications cannot be read", "host", h.cfg.Name, "appBase", h.appBase, "err", err)
	}
	newest := map[string]*webapp{} // by path
	for _, entry := range entries[:min(len(entries), layout.MaxContexts)] {
		name := entry.Name()
		if strings.EqualFold(filepath.Ext(name), ".war") {
			n.log.Warn("a WAR file is Java and does not run here", "file", filepath.Join(h.appBase, name), "fix", "leave it to a Tomcat, or unpack it for its static files")
			continue
		}
		if info, err := os.Stat(filepath.Join(h.appBase, name)); err != nil || !info.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		contextPath, version := layout.ContextOf(name)
		if strings.EqualFold(name, "WEB-INF") || strings.EqualFold(name, "META-INF") || h.at(contextPath) != nil {
			continue
		}
		a := &webapp{path: contextPath, version: version, folder: filepath.Join(h.appBase, name)}
		if there := newest[contextPath]; there == nil || there.version < version {
			newest[contextPath] = a
		}
	}
	for _, a := range newest {
		h.contexts = append(h.contexts, a)
	}
}

// serveFiles gives each context without an application its files, and tells
// what of it cannot be served.
func (n *Node) serveFiles(h *host) {
	for _, a := range h.contexts {
		if a.app != nil || a.cfg.Refuse != "" {
			continue
		}
		if a.cfg.Guarded != "" {
			n.log.Warn("the files of a context are answered 403", "host", h.cfg.Name, "context", cmp.Or(a.path, "/"), "why", a.cfg.Guarded)
			a.cfg.Refuse = a.cfg.Guarded
			continue
		}
		info, err := os.Stat(a.folder)
		switch {
		case err == nil && info.IsDir():
			a.handler = &files{folder: a.folder, log: n.log}
			n.tellJava(h, a)
		case err == nil || strings.EqualFold(filepath.Ext(a.folder), ".war"):
			n.log.Warn("a context has no folder of static files: it answers 404", "host", h.cfg.Name, "context", cmp.Or(a.path, "/"), "docBase", a.folder,
				"fix", "docBase has to be a folder, or a Go program registers an App with that path")
		default:
			n.log.Warn("a context has no folder: it answers 404", "host", h.cfg.Name, "context", cmp.Or(a.path, "/"), "err", err)
		}
	}
}

// maxLooked bounds how many files of a context are looked at for Java.
const maxLooked = 20_000

// tellJava warns once of what of a context's folder only Java can run.
func (n *Node) tellJava(h *host, a *webapp) {
	found, looked := "", 0
	err := filepath.WalkDir(a.folder, func(name string, entry fs.DirEntry, err error) error {
		if looked++; looked > maxLooked {
			return filepath.SkipAll
		}
		if err != nil {
			return nil // what cannot be read is not served
		}
		inside, _ := filepath.Rel(a.folder, name)
		if isJSP(name) && !entry.IsDir() || strings.EqualFold(inside, filepath.Join("WEB-INF", "web.xml")) {
			found = name
			return filepath.SkipAll
		}
		return nil
	})
	if err == nil && found != "" {
		n.log.Warn("a context has pages that only Java can run: they are answered 404, its other files are served",
			"host", h.cfg.Name, "context", cmp.Or(a.path, "/"), "found", found)
	}
}
