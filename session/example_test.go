package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/catflap/catflap/session"
)

// A counter that lives in the visitor's session.
func Example() {
	counter := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		count, _ := s.Get("count")
		n, _ := count.(int32) // Java's Integer
		if err := s.Set("count", n+1); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "visit %d, route %s", n+1, session.RouteOf(s.ID()))
	})
	manager := session.NewMemory(session.MemoryConfig{Route: "pj001"})
	handler, err := session.Handler(session.Config{ContextPath: "/shop"}, manager, counter)
	if err != nil {
		log.Fatal(err)
	}
	cookie := ""
	for range 2 {
		r, w := httptest.NewRequest("GET", "/shop/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", cookie)
		handler.ServeHTTP(w, r)
		if set := w.Header().Get("Set-Cookie"); set != "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		fmt.Println(w.Body)
	}
	// Output:
	// visit 1, route pj001
	// visit 2, route pj001
}
