package node

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
)

// fail answers with a status and a small page. why is for the client; it may be
// empty.
func fail(w http.ResponseWriter, status int, why string) {
	title := html.EscapeString(fmt.Sprintf("HTTP Status %d – %s", status, http.StatusText(status)))
	if why != "" {
		why = "<p>" + html.EscapeString(why) + "</p>"
	}
	page := `<!doctype html><html lang="en"><head><title>` + title + `</title></head><body><h1>` + title + `</h1>` + why + "</body></html>\n"
	h := w.Header()
	for _, name := range [...]string{"Content-Encoding", "Content-Range", "ETag", "Last-Modified", "Accept-Ranges", "Cache-Control"} {
		h.Del(name)
	}
	h.Set("Content-Type", "text/html;charset=utf-8")
	h.Set("Content-Language", "en")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	w.Write([]byte(page)) // of HEAD nothing leaves; who has gone needs no page
}
