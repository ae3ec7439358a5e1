package static

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// listed bounds how many entries a listing shows.
const listed = 20000

// A Listing is what is in a folder whose listing is due, sorted: the request
// goes on with List once those are taken out that the client may not see.
type Listing struct{ Entries []Entry }

// An Entry is one name in a Listing.
type Entry struct {
	Name   string
	Folder bool
}

// shown is the name as it is listed and sorted: that of a folder with a slash.
func (e Entry) shown() string {
	if e.Folder {
		return e.Name + "/"
	}
	return e.Name
}

func (l *Listing) Error() string { return fmt.Sprintf("a listing of %d names", len(l.Entries)) }

// directory answers for a directory: one without its slash is sent to the one
// with it, one with it is listed if Options Indexes allows.
func (f *Files) directory(w http.ResponseWriter, x *exchange.Exchange, dir *os.File) error {
	x.Response.Handler = "httpd/unix-directory"
	if !strings.HasSuffix(x.Request.Path.Decoded, "/") && x.Settings.Index.Slash {
		to := x.Request.Path.Encoded + "/"
		if x.Request.Asked {
			to += "?" + x.Request.Query
		}
		w.Header().Set("Location", x.Absolute(to))
		return &exchange.Refusal{Status: http.StatusMovedPermanently}
	}
	if x.Request.Method == http.MethodPost {
		return &exchange.Refusal{Status: http.StatusNotFound, Code: "AH00129", Level: "error", Module: "core", Log: "Attempt to serve directory: " + name(x) + "/"}
	}
	if !x.Settings.Options.Has(settings.Indexes) {
		return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH01276", Level: "error", Module: "autoindex",
			Log: fmt.Sprintf("Cannot serve directory %s: No matching DirectoryIndex (%s) found, and server-generated directory index forbidden by Options directive",
				name(x)+"/", strings.Join(x.Settings.Index.Names, ","))}
	}
	found, err := dir.ReadDir(listed)
	if err != nil && len(found) == 0 && err != io.EOF {
		return explain(x, err)
	}
	d, err := f.roots.get(x.Target.Root)
	if err != nil {
		return explain(x, err)
	}
	defer d.release()
	var entries []Entry
	for _, e := range found {
		if entry, ok := visible(d, x, e); ok {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.shown(), b.shown()) })
	return &Listing{entries}
}

// visible returns the entry for e, unless its name is hidden or it is a
// symlink that the client may not follow.
func visible(d *root, x *exchange.Exchange, e os.DirEntry) (Entry, bool) {
	if hidden(x, e.Name()) != nil {
		return Entry{}, false
	}
	entry := Entry{e.Name(), e.IsDir()}
	if e.Type()&fs.ModeSymlink == 0 {
		return entry, true
	}
	link := path.Join(below(x), e.Name())
	if _, ok := d.resolve(link); !ok || checksLinks(x) && linksAllowed(d, x, link) != nil {
		return Entry{}, false
	}
	entry.Folder = d.isFolder(link)
	return entry, true
}

// List answers with a plain list of entries, which are of the folder that x
// asks for.
func (f *Files) List(w http.ResponseWriter, x *exchange.Exchange, entries []Entry) {
	page := listing(x.Request.Path.Decoded, entries, x.Signature())
	w.Header().Set("Content-Type", "text/html;charset=ISO-8859-1")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(http.StatusOK)
	if x.Request.Method != http.MethodHead {
		w.Write(page)
	}
}

// listing is the plain list of a directory, in httpd's shape, with the server's
// signature.
func listing(asked string, entries []Entry, signature string) []byte {
	title := "Index of " + ascii(asked)
	if asked != "/" {
		title = strings.TrimSuffix(title, "/")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n<h1>%s</h1>\n<ul>", title, title)
	if asked != "/" {
		fmt.Fprintf(&b, "<li><a href=\"%s\"> Parent Directory</a></li>\n", link(strings.TrimSuffix(path.Dir(strings.TrimSuffix(asked, "/")), "/")+"/"))
	}
	for _, e := range entries {
		fmt.Fprintf(&b, "<li><a href=\"%s\"> %s</a></li>\n", link(e.shown()), ascii(e.shown()))
	}
	b.WriteString("</ul>\n" + signature + "</body></html>\n")
	return b.Bytes()
}

// ascii is a name in HTML that is right in any charset: what is not ASCII
// stands as a number.
func ascii(name string) string {
	var b strings.Builder
	for _, r := range html.EscapeString(name) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// link is a path for an href. One whose first part holds a colon would be
// taken for a URL.
func link(to string) string {
	escaped := exchange.EscapePath(to)
	if first, _, _ := strings.Cut(escaped, "/"); strings.Contains(first, ":") {
		escaped = "./" + escaped
	}
	return html.EscapeString(escaped)
}
