package static

import (
	"bytes"
	"fmt"
	"html"
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

// directory answers for a directory: one without its slash is sent to the one
// with it, one with it is listed if Options Indexes allows.
func (f *Files) directory(w http.ResponseWriter, x *exchange.Exchange, dir *os.File) error {
	asked := x.Request.Path.Decoded
	if !strings.HasSuffix(asked, "/") && x.Settings.Index.Slash {
		to := x.Request.Path.Encoded + "/"
		if x.Request.Asked {
			to += "?" + x.Request.Query
		}
		w.Header().Set("Location", x.Absolute(to))
		return &exchange.Refusal{Status: http.StatusMovedPermanently}
	}
	if !x.Settings.Options.Has(settings.Indexes) {
		return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH01276", Level: "error", Module: "autoindex",
			Log: fmt.Sprintf("Cannot serve directory %s: No matching DirectoryIndex (%s) found, and server-generated directory index forbidden by Options directive",
				name(x)+"/", strings.Join(x.Settings.Index.Names, ","))}
	}
	entries, err := dir.ReadDir(listed)
	if err != nil && len(entries) == 0 && err.Error() != "EOF" {
		return explain(x, err)
	}
	page := listing(asked, entries)
	w.Header().Set("Content-Type", "text/html;charset=ISO-8859-1")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(http.StatusOK)
	if x.Request.Method != http.MethodHead {
		w.Write(page)
	}
	return nil
}

// listing is the plain list of a directory, in httpd's shape.
func listing(asked string, entries []os.DirEntry) []byte {
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	title := "Index of " + ascii(asked)
	if asked != "/" {
		title = strings.TrimSuffix(title, "/")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n<h1>%s</h1>\n<ul>", title, title)
	if asked != "/" {
		fmt.Fprintf(&b, "<li><a href=\"%s\"> Parent Directory</a></li>\n", link(strings.TrimSuffix(path.Dir(strings.TrimSuffix(asked, "/")), "/")+"/"))
	}
	for _, e := range entries {
		n := e.Name()
		if strings.HasPrefix(n, ".ht") || strings.EqualFold(n, "WEB-INF") || strings.EqualFold(n, "META-INF") {
			continue
		}
		if e.IsDir() {
			n += "/"
		}
		fmt.Fprintf(&b, "<li><a href=\"%s\"> %s</a></li>\n", link(n), ascii(n))
	}
	b.WriteString("</ul>\n</body></html>\n")
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
