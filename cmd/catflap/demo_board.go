package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed demo/board.html
var boardText string

var boardTemplate = template.Must(template.New("board").Parse(boardText))

// demoBoard is the page that stops, kills and starts nodes. Cross-site changes
// are refused.
func demoBoard(group *demoGroup) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nodes/{$}", func(w http.ResponseWriter, _ *http.Request) {
		view := struct {
			Nodes []nodeState
			Told  []happening
		}{Told: group.latest()}
		for _, n := range group.nodes {
			view.Nodes = append(view.Nodes, n.state())
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
		boardTemplate.Execute(w, view) // who has gone needs no page
	})
	mux.Handle("GET /nodes", http.RedirectHandler("/nodes/", http.StatusFound))
	mux.HandleFunc("POST /nodes/{name}/{what}", func(w http.ResponseWriter, r *http.Request) {
		n := group.named(r.PathValue("name"))
		if n == nil {
			http.Error(w, fmt.Sprintf("there is no node %q", r.PathValue("name")), http.StatusNotFound)
			return
		}
		switch what := r.PathValue("what"); what {
		case "stop":
			n.stop(stopTime)
		case "kill":
			n.kill()
		case "start":
			if err := n.start(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		default:
			http.Error(w, fmt.Sprintf("%q: it is stop, kill or start", what), http.StatusNotFound)
			return
		}
		if strings.Contains(r.Header.Get("Accept"), "text/html") { // a browser
			http.Redirect(w, r, "/nodes/", http.StatusSeeOther)
			return
		}
		fmt.Fprintln(w, n.state())
	})
	return http.NewCrossOriginProtection().Handler(mux)
}
