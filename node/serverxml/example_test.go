package serverxml_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/serverxml"
)

// An application runs in the place of a Tomcat, as its server.xml says.
func ExampleLoad() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	shop := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "welcome") })

	cfg, err := serverxml.Load("conf/server.xml", serverxml.Options{Warn: func(text string) { fmt.Fprintln(os.Stderr, text) }})
	if err != nil {
		log.Fatal(err) // every mistake, with its line
	}
	n, err := node.New(cfg, node.App{Path: "/shop", Handler: shop})
	if err != nil {
		log.Fatal(err)
	}
	if err := n.Run(ctx); err != nil { // nil once ctx is done and all is told
		log.Fatal(err)
	}
}
