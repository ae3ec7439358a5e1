package main

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
)

// shop is the part of /shop that has moved: the cart.
func shop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/cart/{$}", show)
	mux.HandleFunc("POST /shop/cart/add", add)
	return mux
}

// show tells what the session holds, whichever node has put it there.
func show(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	who := s.Principal() // who has logged in, at the Tomcat
	if who == nil {
		http.Redirect(w, r, "/shop/login", http.StatusSeeOther)
		return
	}
	clicks, _ := s.Get("clicks")     // java.lang.Integer: int32
	total, _ := s.Get("total")       // java.lang.Double: float64
	cart, _ := s.Get("cart")         // java.util.ArrayList: []any
	customer, _ := s.Get("customer") // a class of the shop's own
	name := "?"
	if object, ok := customer.(javaserial.Opaque); ok {
		first, _ := object.Field("name")
		discount, _ := object.Field("discount")
		name = fmt.Sprintf("%v, %v %%", first, discount)
	}
	fmt.Fprintf(w, "go /cart/: %s (%s) %v clicks=%v total=%v cart=%v\n", who.Name, name, who.Roles, clicks, total, cart)
}

// add puts something into the cart, with the types that Java expects: an
// Integer, a Double, an ArrayList.
func add(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	price, err := strconv.ParseFloat(r.FormValue("price"), 64)
	if err != nil {
		http.Error(w, "price: "+err.Error(), http.StatusBadRequest)
		return
	}
	cart, _ := s.Get("cart")
	items, _ := cart.([]any)
	count, _ := s.Get("clicks")
	clicks, _ := count.(int32)
	sum, _ := s.Get("total")
	total, _ := sum.(float64)
	for name, value := range map[string]any{
		"cart":   append(items, r.FormValue("item")),
		"clicks": clicks + 1, // int32; an int would be a Long, and (Integer) fails on that
		"total":  total + price,
	} {
		if err := s.Set(name, value); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	http.Redirect(w, r, "/shop/", http.StatusSeeOther) // to the Tomcat: it has all of it already
}
