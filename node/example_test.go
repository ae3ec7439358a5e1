package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/session"
)

// A node of settings made by a program, with one application. With a Cluster in
// its Engine the sessions would be on all nodes; nothing else changes.
func Example() {
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Set("visits", 1)
		fmt.Fprintf(w, "session of %s at %s\n", session.RouteOf(s.ID()), node.From(r.Context()).ContextPath)
	})
	n, err := node.New(&node.Config{Services: []node.Service{{
		Connectors: []node.Connector{{Address: "127.0.0.1"}}, // port 0: a free one
		Engine:     node.Engine{Route: "pj001"},
	}}}, node.App{Path: "/shop", Handler: shop})
	if err != nil {
		fmt.Println(err) // every mistake at once
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()

	answer, err := http.Get(fmt.Sprintf("http://%s/shop/", n.Addrs()[0]))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	fmt.Print(string(body))

	stop() // running requests end, the cluster is told goodbye
	fmt.Println(<-ended)
	// Output:
	// session of pj001 at /shop
	// <nil>
}
