// Command serve runs the scenario on loopback: the front before whatever is on
// the two AJP ports, or before two scripted containers when none is. What
// comes in are addresses, what goes out are the sites on one port, and what to
// try, on stdout.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/interop/scenario"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where the front listens")
	a := flag.String("a", "127.0.0.1:8009", "AJP connector of JVMRoute-pj001")
	b := flag.String("b", "127.0.0.1:8010", "AJP connector of JVMRoute-pj002")
	secret := flag.String("secret", "", "secret of both connectors")
	flag.Parse()
	if err := serve(scenario.Places{Front: *listen, A: *a, B: *b, Secret: *secret}); err != nil {
		fmt.Fprintf(os.Stderr, "scenario: %v\n", err)
		os.Exit(1)
	}
}

// serve runs the scenario at p until a signal ends it.
func serve(p scenario.Places) error {
	if !answers(p.A) && !answers(p.B) {
		fmt.Printf("Nothing speaks AJP on %s or %s: two scripted containers take their place.\n", p.A, p.B)
		first, second := node("JVMRoute-pj001"), node("JVMRoute-pj002")
		defer first.Close()
		defer second.Close()
		p.A, p.B, p.Secret = first.Addr(), second.Addr(), ""
	}
	dir, err := os.MkdirTemp("", "catflap-scenario-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file, err := scenario.Write(dir, p)
	if err != nil {
		return err
	}
	cfg, report := config.Load(config.Options{File: file, Env: os.LookupEnv, Opener: privilege.Direct{}})
	fmt.Printf("\nThe scenario's files are in %s; what they get wrong, as `catflap check` tells it:\n\n%s\n", dir, report.Mistakes.Error())
	if cfg == nil {
		return fmt.Errorf("the configuration has errors")
	}
	server, err := front.New(cfg, privilege.Direct{})
	if err != nil {
		return err
	}
	fmt.Printf(`
The front serves on http://%[1]s; nodes on %[2]s and %[3]s. Try:

  curl -H 'Host: www.resource.example' http://%[1]s/   # a static site of the front
  curl -H 'Host: site-a.example' http://%[1]s/x.do     # balanced: again, and the other node answers
  curl -H 'Host: site-a.example' http://%[1]s/jkStatus?mime=txt

Ctrl-C ends it.
`, p.Front, p.A, p.B)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	defer context.AfterFunc(ctx, func() { server.Shutdown(2 * time.Second) })()
	return server.Run(context.Background())
}

// answers reports whether address speaks AJP.
func answers(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	return ajp.NewConn(conn, ajp.DefaultMaxPacket).Ping(time.Second) == nil
}

// node starts a scripted container that tells its name.
func node(name string) *ajptest.Server {
	return ajptest.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s answers %s %s for %s\n", name, r.Method, r.URL.Path, r.Host)
	}))
}
