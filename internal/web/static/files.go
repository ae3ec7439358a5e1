// Package static serves the files of a site. What comes in is an Exchange
// whose Target is a file below a root directory, what goes out is the file, a
// listing of a directory, or a refusal. No path, symlink or encoding leads out
// of the root.
package static

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// Files serves files. Many goroutines may use it.
type Files struct {
	types TypeMap
	roots roots
}

// New returns Files without any directory open yet.
func New(cfg Config) *Files { return &Files{types: cfg.Types} }

// Close closes the directories; requests that run keep theirs to their end.
func (f *Files) Close() { f.roots.close() }

// A Kind is what is at a path.
type Kind int

const (
	KindMissing Kind = iota
	KindFile
	KindDirectory
)

// Kind tells what the Target of x is, under the same rules as Serve.
func (f *Files) Kind(x *exchange.Exchange) (Kind, error) {
	file, info, release, err := f.open(x)
	if err != nil {
		if refusal, ok := errors.AsType[*exchange.Refusal](err); ok && refusal.Status == http.StatusNotFound {
			return KindMissing, nil
		}
		return KindMissing, err
	}
	defer release()
	file.Close()
	if info.IsDir() {
		return KindDirectory, nil
	}
	if strings.HasSuffix(x.Target.File, "/") {
		return KindMissing, nil
	}
	return KindFile, nil
}

// IsFolder reports whether the Target of x is a folder, whatever the rules say
// about it.
func (f *Files) IsFolder(x *exchange.Exchange) bool {
	d, err := f.roots.get(x.Target.Root)
	if err != nil {
		return false
	}
	defer d.release()
	return d.isFolder(below(x))
}

// Serve answers with the Target of x. The error is an *exchange.Refusal, a
// *Variants or a *Listing; then nothing was sent.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	refusal := method(w, x)
	file, info, release, err := f.open(x)
	if refusal != nil || x.Request.Method == http.MethodOptions {
		return f.other(w, x, refusal, file, info, release)
	}
	if err != nil {
		if refusal, ok := errors.AsType[*exchange.Refusal](err); ok && refusal.Status == http.StatusNotFound {
			if v := f.Variants(x); v != nil {
				return v
			}
		}
		return err
	}
	defer release()
	defer file.Close()
	switch {
	case info.IsDir():
		return f.directory(w, x, file)
	case strings.HasSuffix(x.Target.File, "/"):
		return missing(x)
	case !info.Mode().IsRegular():
		return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH00127", Log: "not a regular file: " + name(x), Level: "error", Module: "core"}
	}
	return f.file(w, x, file, info)
}

// other answers methods that do not read: a folder without its slash is sent
// to the one with it whatever the method, OPTIONS tells what is allowed, and
// the rest is refused. file is nil if there is none.
func (f *Files) other(w http.ResponseWriter, x *exchange.Exchange, refusal error, file *os.File, info os.FileInfo, release func()) error {
	if file != nil {
		defer release()
		defer file.Close()
		if info.IsDir() && !strings.HasSuffix(x.Request.Path.Decoded, "/") {
			w.Header().Del("Allow")
			return f.directory(w, x, file)
		}
	}
	if refusal != nil {
		return refusal
	}
	if file != nil && !info.IsDir() {
		f.setType(w.Header(), x, info.Name())
	}
	w.Header().Set("Allow", methods(x))
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// allowed are the methods that files know, in httpd's order.
const allowed = "GET,POST,OPTIONS,HEAD"

// methods are those that a site allows, in httpd's order.
func methods(x *exchange.Exchange) string {
	if x.Site.Trace != exchange.TraceOff {
		return allowed + ",TRACE"
	}
	return allowed
}

// method refuses what files do not know.
func method(w http.ResponseWriter, x *exchange.Exchange) error {
	switch x.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return nil
	case http.MethodPut, http.MethodDelete, http.MethodTrace, http.MethodConnect, http.MethodPatch, "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
		"LOCK", "UNLOCK", "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL", "REPORT",
		"MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE":
		w.Header().Set("Allow", methods(x))
		return &exchange.Refusal{Status: http.StatusMethodNotAllowed}
	}
	w.Header().Set("Allow", methods(x))
	return &exchange.Refusal{Status: http.StatusNotImplemented, Code: "AH00135", Log: "Invalid method in request " + x.Request.Method + " " + x.Request.Target + " " + x.Request.Proto, Level: "error", Module: "core"}
}

// name is the Target's name in the file system, for logs.
func name(x *exchange.Exchange) string { return path.Join(x.Target.Root, x.Target.File) }

// below is the Target's name below its root, "." for the root.
func below(x *exchange.Exchange) string {
	if below := path.Clean("/" + x.Target.File)[1:]; below != "" {
		return below
	}
	return "."
}

func missing(x *exchange.Exchange) *exchange.Refusal {
	return &exchange.Refusal{Status: http.StatusNotFound, Code: "AH00128", Log: "File does not exist: " + name(x), Level: "info", Module: "core"}
}

// open opens the Target of x under the rules for hidden names and symlinks.
func (f *Files) open(x *exchange.Exchange) (*os.File, os.FileInfo, func(), error) {
	below := below(x)
	if refusal := hidden(x, below); refusal != nil {
		return nil, nil, nil, refusal
	}
	d, err := f.roots.get(x.Target.Root)
	if err != nil {
		return nil, nil, nil, explain(x, err)
	}
	if checksLinks(x) {
		if err := linksAllowed(d, x, below); err != nil {
			d.release()
			return nil, nil, nil, err
		}
	}
	file, err := d.open(below)
	if err != nil {
		defer d.release()
		if errors.Is(err, fs.ErrNotExist) && d.dangles(below) {
			return nil, nil, nil, linkRefused(x, below)
		}
		return nil, nil, nil, explain(x, err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		d.release()
		return nil, nil, nil, explain(x, err)
	}
	return file, info, d.release, nil
}

// hidden refuses names that no client may see: what an application keeps to
// itself, and httpd's own files.
func hidden(x *exchange.Exchange, below string) error {
	for part := range strings.SplitSeq(below, "/") {
		if strings.EqualFold(part, "WEB-INF") || strings.EqualFold(part, "META-INF") {
			return missing(x)
		}
		if strings.HasPrefix(part, ".ht") {
			return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH01630",
				Log: "client denied by server configuration: " + name(x), Level: "error", Module: "authz_core"}
		}
	}
	return nil
}

// explain is the refusal for a file that cannot be opened.
func explain(x *exchange.Exchange, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENXIO):
		return missing(x)
	case errors.Is(err, fs.ErrPermission):
		return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH00132",
			Log: "file permissions deny server access: " + name(x), Level: "error", Module: "core"}
	}
	return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH00037", Level: "error", Module: "core",
		Log: "Symbolic link not allowed or link target not accessible: " + name(x) + ": " + err.Error() +
			"; if a link leads out of " + x.Target.Root + ", give its target an Alias"}
}

// file sends a regular file, with conditions and ranges.
func (f *Files) file(w http.ResponseWriter, x *exchange.Exchange, file *os.File, info os.FileInfo) error {
	h, asked := w.Header(), x.Request.Header
	tag := etag(info)
	f.setType(h, x, info.Name())
	h.Set("ETag", tag)
	h.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	switch condition(asked, x.Request.Method, tag, info.ModTime(), time.Now()) {
	case http.StatusNotModified:
		unsetType(h)
		w.WriteHeader(http.StatusNotModified)
		return nil
	case http.StatusPreconditionFailed:
		unsetType(h)
		return &exchange.Refusal{Status: http.StatusPreconditionFailed}
	}
	head := x.Request.Method == http.MethodHead
	if header := strings.Join(asked["Range"], ", "); header != "" && rangeHolds(asked, tag, info.ModTime()) {
		spans, satisfiable := parseRanges(header, info.Size())
		if !satisfiable {
			unsetType(h)
			return &exchange.Refusal{Status: http.StatusRequestedRangeNotSatisfiable}
		}
		if spans != nil {
			return f.sent(x, sendSpans(w, file, info.Size(), spans, head))
		}
	}
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	w.WriteHeader(http.StatusOK)
	if head || info.Size() == 0 {
		return nil
	}
	return f.sent(x, sendSpan(w, file, span{0, info.Size() - 1}))
}

// sent is the error for a file that did not go out whole: nobody can be told
// any more but the log.
func (f *Files) sent(x *exchange.Exchange, err error) error {
	if err == nil {
		return nil
	}
	return &exchange.Refusal{Status: http.StatusInternalServerError, Log: "sending " + name(x) + " broke off: " + err.Error(), Level: "info", Module: "core"}
}

// etag is httpd's FileETag MTime Size: size and microseconds in hex.
func etag(info os.FileInfo) string {
	return `"` + strconv.FormatInt(info.Size(), 16) + "-" + strconv.FormatInt(info.ModTime().UnixMicro(), 16) + `"`
}
