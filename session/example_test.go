package session_test

import (
	"context"
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

// shop knows who has logged in, and what is in the cart.
func shop(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context()) // there for every request; the first Set makes a session
	var err error
	switch r.URL.Path {
	case "/shop/login":
		if err = s.Set("user", r.FormValue("user")); err == nil {
			err = s.RotateID() // who knew the id before is not logged in, too
		}
	case "/shop/buy":
		cart, _ := s.Get("cart") // a copy: what is changed has to be set again
		list, _ := cart.([]any)
		err = s.Set("cart", append(list, r.FormValue("item")))
	case "/shop/logout":
		err = s.Invalidate()
	}
	if err != nil { // session.ErrCommitted: the answer has begun, its cookie would be too late
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	user, _ := s.Get("user")
	cart, _ := s.Get("cart")
	fmt.Fprint(w, user, " has ", cart)
}

// A visitor logs in, buys and logs out.
func ExampleHandler() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	manager := session.NewMemory(session.MemoryConfig{Route: "pj001"}) // the jvmRoute that the balancer knows this node by
	go manager.Run(ctx)                                                // ends sessions that nobody uses any more
	handler, err := session.Handler(session.Config{ContextPath: "/shop"}, manager, http.HandlerFunc(shop))
	if err != nil {
		log.Fatal(err)
	}

	cookie := ""
	for _, path := range []string{"/shop/buy?item=tea", "/shop/login?user=ada", "/shop/buy?item=cups", "/shop/logout"} {
		r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
		r.Header.Set("Cookie", cookie)
		handler.ServeHTTP(w, r)
		if set := w.Header().Get("Set-Cookie"); set != "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		fmt.Println(w.Body)
	}
	// Output:
	// <nil> has [tea]
	// ada has [tea]
	// ada has [tea cups]
	// <nil> has <nil>
}
