// Command cart is the cart of the shop that moves from Java to Go: the program
// of docs/migrate-java-to-go.md. What comes in are a server.xml, and requests
// below /shop/cart in sessions that Tomcats have as well; what goes out are
// answers.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/serverxml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: cart server.xml")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "cart:", err)
		os.Exit(1)
	}
}

// run is a node of a server.xml until a signal ends it.
func run(file string) error {
	warn := func(text string) { fmt.Fprintln(os.Stderr, text) }
	cfg, err := serverxml.Load(file, serverxml.Options{Warn: warn})
	if err != nil {
		return err // every mistake, with its line
	}
	n, err := node.New(cfg, node.App{Path: "/shop", Handler: shop()})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return n.Run(ctx)
}
