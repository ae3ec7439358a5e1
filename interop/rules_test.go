package interop

import (
	"slices"
	"testing"
)

// TestCompare holds the rules of the comparison, so that it neither tells
// everything nor nothing.
func TestCompare(t *testing.T) {
	ok := response{status: 200, headers: []string{"content-type: text/plain", "content-length: 2", "x-route: a"}, body: []byte("ok")}
	with := func(change func(r *response)) response {
		r := ok
		r.headers = slices.Clone(ok.headers)
		change(&r)
		return r
	}
	failed := response{status: 404, headers: []string{"content-type: text/html", "content-length: 40"}, body: []byte("<title>404 Not Found</title> not there")}
	for _, test := range []struct {
		name     string
		one, two response
		want     []string
	}{
		{"the same", ok, ok, nil},
		{"dates and framing differ", ok, with(func(r *response) {
			r.headers = []string{"date: now", "transfer-encoding: chunked", "content-type: text/plain", "x-route: a"}
		}), nil},
		{"header order", ok, with(func(r *response) { slices.Reverse(r.headers) }), nil},
		{"another status hides the rest", ok, failed, []string{"status"}},
		{"another body", ok, with(func(r *response) { r.body = []byte("no") }), []string{"body"}},
		{"another length", ok, with(func(r *response) { r.headers[1] = "content-length: 3" }), []string{"header:content-length"}},
		{"a header more", ok, with(func(r *response) { r.headers = append(r.headers, "x-more: 1") }), []string{"header:x-more"}},
		{"a body cut short", ok, with(func(r *response) { r.fault = "body: closed" }), []string{"fault"}},
		{"an interim answer", ok, with(func(r *response) { r.interim = []int{100} }), []string{"interim"}},
		{"made-up pages", failed, response{status: 404, headers: []string{"content-type: text/html"}, body: []byte("<title>404 No</title>")}, nil},
		{"a made-up page and a node's", failed, response{status: 404, headers: []string{"content-type: text/html", "x-route: a"}, body: []byte("mine")}, []string{"header:x-route", "body"}},
		{"ports", with(func(r *response) { r.body = []byte("http://h:1/") }), with(func(r *response) { r.body = []byte("http://h:2/") }), nil},
		{"the set of allow", with(func(r *response) { r.headers = append(r.headers, "allow: A,B") }), with(func(r *response) { r.headers = append(r.headers, "allow: B, A") }), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, d := range compare(ask("x", "GET /x"), []response{test.one}, []response{test.two}, "127.0.0.1:1", "127.0.0.1:2") {
				got = append(got, d.what)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
