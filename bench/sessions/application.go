package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/session"
)

// What a session has beside its count: a cart, or if that is asked for a text.
const (
	cartItems = 12
	textSize  = 2048
)

// An application is what is measured: testdata/Bench.java in Go.
type application struct {
	sessions func() int
	arrivals atomic.Pointer[arrivals] // nil unless they are recorded
}

// arrivals are when counts came from the other node.
type arrivals struct {
	all  []arrival
	next atomic.Int64
}

type arrival struct {
	id string
	at int64 // in ns since 1970
}

// heard takes what happens to sessions.
func (a *application) heard(e session.Event) {
	r := a.arrivals.Load()
	if r == nil || !e.Replicated || e.Kind != session.EventAttributeSet || e.Name != "count" {
		return
	}
	if i := r.next.Add(1); i <= int64(len(r.all)) {
		r.all[i-1] = arrival{e.ID, time.Now().UnixNano()}
	}
}

// ServeHTTP implements http.Handler.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	switch r.URL.Path {
	case contextPath + "/plain":
		io.WriteString(w, "ok")
	case contextPath + "/count":
		count(w, session.From(r.Context()), r.URL.Query().Has("text"))
	case contextPath + "/memory":
		fmt.Fprint(w, live())
	case contextPath + "/sessions":
		fmt.Fprint(w, a.sessions())
	case contextPath + "/record":
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a.arrivals.Store(&arrivals{all: make([]arrival, n)})
		io.WriteString(w, "ok")
	case contextPath + "/arrivals":
		got := a.arrivals.Load()
		for _, each := range got.all[:min(int(got.next.Load()), len(got.all))] {
			fmt.Fprintln(w, each.id, each.at)
		}
	}
}

// count counts a visit, and answers with the number and the time.
func count(w http.ResponseWriter, s *session.Session, text bool) {
	v, _ := s.Get("count")
	n, ok := v.(int32)
	var err error
	switch {
	case !ok && text:
		err = s.Set("text", letters(textSize))
	case !ok:
		err = s.Set("cart", cart())
	}
	if err == nil {
		err = s.Set("count", n+1)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	b := append(strconv.AppendInt(nil, int64(n+1), 10), ' ')
	w.Write(strconv.AppendInt(b, time.Now().UnixNano(), 10))
}

func cart() []any {
	items := make([]any, cartItems)
	for i := range items {
		items[i] = map[string]any{
			"article": letters(12), "name": letters(24), "quantity": 1 + rand.Int32N(9), "cents": 100 + rand.Int64N(999_900), "added": time.Now(),
		}
	}
	return items
}

func letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return string(b)
}

// live is the bytes of the heap in use once collections free no more.
func live() uint64 {
	var m runtime.MemStats
	before := ^uint64(0)
	for range 10 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > before-before/1000 {
			break
		}
		before = m.HeapAlloc
	}
	return m.HeapAlloc
}
