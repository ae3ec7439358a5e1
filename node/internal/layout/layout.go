// Package layout knows where Tomcat has the files of its applications. What
// comes in are context paths and names of folders, what goes out is which
// belongs to which.
package layout

import (
	"path"
	"path/filepath"
	"strings"
)

// MaxContexts bounds how many contexts the folder of a host gives.
const MaxContexts = 10_000

// Under returns name as a path of the file system, from base on if it is
// relative.
func Under(base, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(base, name)
}

// IsContextPath reports whether text is a context path without a version:
// "/shop", or "" for the root.
func IsContextPath(text string) bool {
	return text == "" || text[0] == '/' && path.Clean(text) == text && text != "/" && !strings.ContainsAny(text, ";\\%?#")
}

// ContextOf is the context that a folder's name gives: ROOT, shop, a#b, shop##2.
//
// Source: Tomcat's ContextName.
func ContextOf(folder string) (contextPath, version string) {
	name, version, _ := strings.Cut(folder, "##")
	if name == "ROOT" {
		return "", version
	}
	return "/" + strings.ReplaceAll(name, "#", "/"), version
}

// FolderOf is the name of a context's folder, the reverse of ContextOf.
func FolderOf(contextPath, version string) string {
	name := strings.ReplaceAll(strings.TrimPrefix(contextPath, "/"), "/", "#")
	if name == "" {
		name = "ROOT"
	}
	if version != "" {
		name += "##" + version
	}
	return name
}
