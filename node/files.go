package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// files serves a folder as a web application of static files. No path and no
// symlink leads out of it.
//
// Source: Tomcat's DefaultServlet, and its welcome files.
type files struct {
	folder string
	log    *slog.Logger
}

const filesAllow = "OPTIONS, GET, HEAD, POST"

// ServeHTTP implements http.Handler. The request has come through a Node.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	case http.MethodOptions:
		w.Header().Set("Allow", filesAllow)
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return
	case http.MethodPut, http.MethodDelete:
		w.Header().Set("Allow", filesAllow)
		fail(w, http.StatusMethodNotAllowed, "")
		return
	default:
		fail(w, http.StatusNotImplemented, "")
		return
	}
	at := From(r.Context())
	below := strings.TrimPrefix(at.Path, at.ContextPath)
	if below == "" {
		slash(w, r)
		return
	}
	if hidden(below) {
		fail(w, http.StatusNotFound, "")
		return
	}
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		f.refuse(w, err)
		return
	}
	defer root.Close()
	f.serve(w, r, root, below)
}

// hidden reports whether a path below a context is one that nobody gets: what
// an application keeps to itself, and sources of pages that would have to run.
func hidden(below string) bool {
	for part := range strings.SplitSeq(below, "/") {
		if strings.EqualFold(part, "WEB-INF") || strings.EqualFold(part, "META-INF") {
			return true
		}
	}
	return isJSP(below)
}

// leadsToHidden reports whether links on the way to name, which is there, lead
// to what is hidden.
func (f *files) leadsToHidden(name string) bool {
	root, err := filepath.EvalSymlinks(f.folder)
	if err != nil {
		return true
	}
	there, err := filepath.EvalSymlinks(filepath.Join(root, name))
	if err != nil {
		return true
	}
	below, err := filepath.Rel(root, there)
	return err != nil || hidden(below)
}

// isJSP reports whether a file is a page that only Java can run.
func isJSP(name string) bool {
	switch strings.ToLower(path.Ext(strings.TrimRight(name, "/. "))) {
	case ".jsp", ".jspx", ".jspf":
		return true
	}
	return false
}

// slash sends the client to the same path with a slash at its end.
func slash(w http.ResponseWriter, r *http.Request) {
	location := r.URL.EscapedPath() + "/"
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", location)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}

// welcome are the files that stand for their folder.
var welcome = [...]string{"index.html", "index.htm"}

// serve answers with what is at a path below root.
func (f *files) serve(w http.ResponseWriter, r *http.Request, root *os.Root, below string) {
	name := strings.Trim(below, "/")
	if name == "" {
		name = "."
	}
	file, info, err := open(root, name)
	if err != nil {
		f.refuse(w, err)
		return
	}
	defer func() { file.Close() }()
	if f.leadsToHidden(name) {
		fail(w, http.StatusNotFound, "")
		return
	}
	folder := strings.HasSuffix(below, "/")
	switch {
	case info.IsDir() && !folder:
		slash(w, r)
		return
	case info.IsDir():
		file.Close()
		for _, index := range welcome {
			if file, info, err = open(root, path.Join(name, index)); err == nil && info.Mode().IsRegular() && !f.leadsToHidden(path.Join(name, index)) {
				break
			}
			file.Close()
			info = nil
		}
		if info == nil {
			fail(w, http.StatusNotFound, "")
			return
		}
	case folder || !info.Mode().IsRegular():
		fail(w, http.StatusNotFound, "")
		return
	}
	h := w.Header()
	h.Set("ETag", fmt.Sprintf(`W/"%d-%d"`, info.Size(), info.ModTime().UnixMilli()))
	h.Set("Content-Type", mediaType(info.Name()))
	http.ServeContent(w, withoutRange(r), "", info.ModTime(), file)
}

// withoutRange returns r without a Range that is to have no effect: of HEAD, and
// in another unit.
func withoutRange(r *http.Request) *http.Request {
	asked := r.Header.Get("Range")
	if asked == "" || r.Method != http.MethodHead && strings.HasPrefix(asked, "bytes=") {
		return r
	}
	plain := *r
	plain.Header = r.Header.Clone()
	plain.Header.Del("Range")
	return &plain
}

// open opens what is at name; info is that of it.
func open(root *os.Root, name string) (file *os.File, info os.FileInfo, err error) {
	if file, err = root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// refuse answers for what cannot be opened: it is as if it were not there.
func (f *files) refuse(w http.ResponseWriter, err error) {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ENAMETOOLONG) {
		f.log.Warn("file not served", "folder", f.folder, "err", err)
	}
	fail(w, http.StatusNotFound, "")
}
