package ajp_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"

	"github.com/catflap/catflap/ajp"
)

// A container behind httpd with mod_jk, mod_proxy_ajp or catflap is an
// ajp.Server. Here a Conn takes the web server's part.
func ExampleServer() {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a Tomcat's would be on port 8009
	if err != nil {
		log.Fatal(err)
	}
	server := &ajp.Server{
		Secret: "change-me",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			told := ajp.FromContext(r.Context())
			fmt.Fprintf(w, "%s asks for %s, user %s, chosen as %s", r.RemoteAddr, r.URL.Path, told.Attributes.RemoteUser, told.Attributes.Route)
		}),
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	nc, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	web := ajp.NewConn(nc, ajp.DefaultMaxPacket)
	err = web.SendRequest(&ajp.ForwardRequest{
		Method: "GET", Protocol: "HTTP/1.1", URI: "/shop/", RemoteAddr: "192.0.2.1", ServerName: "shop.example", ServerPort: 80,
		Headers: []ajp.Header{{Name: "Host", Value: "shop.example"}, {Name: "Content-Length", Value: "0"}},
		Attributes: ajp.Attributes{
			Secret: "change-me", RemoteUser: "ada", Route: "pj001",
			Request: []ajp.RequestAttribute{{Name: ajp.AttrRemotePort, Value: "51000"}},
		},
	}, nil)
	for err == nil {
		var m *ajp.Message
		if m, err = web.Receive(); err != nil || m.Prefix == ajp.PrefixEndResponse {
			break
		}
		if m.Prefix == ajp.PrefixSendBodyChunk {
			fmt.Printf("%s\n", m.Chunk)
		}
	}
	web.Close()
	server.Shutdown(context.Background())
	fmt.Println(err, <-served)
	// Output:
	// 192.0.2.1:51000 asks for /shop/, user ada, chosen as pj001
	// <nil> http: Server closed
}

// An application listens as a Tomcat's AJP connector does, until ctx is done.
func ExampleServer_Serve() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	mux := http.NewServeMux()

	listener, err := net.Listen("tcp", "127.0.0.1:8009")
	if err != nil {
		log.Fatal(err)
	}
	server := &ajp.Server{Handler: mux, Secret: "change-me"}
	context.AfterFunc(ctx, func() { server.Shutdown(context.Background()) })
	err = server.Serve(listener) // http.ErrServerClosed once the last request has ended
	log.Print(err)
}

// A program asks a Tomcat as a web server does.
func ExampleConn() {
	nc, err := net.Dial("tcp", "127.0.0.1:8009")
	if err != nil {
		log.Fatal(err)
	}
	conn := ajp.NewConn(nc, ajp.DefaultMaxPacket)
	defer conn.Close()
	err = conn.SendRequest(&ajp.ForwardRequest{
		Method: "GET", Protocol: "HTTP/1.1", URI: "/shop/", RemoteAddr: "192.0.2.1", ServerName: "shop.example", ServerPort: 80,
		Headers:    []ajp.Header{{Name: "Host", Value: "shop.example"}, {Name: "Content-Length", Value: "0"}},
		Attributes: ajp.Attributes{Secret: "change-me"},
	}, nil)
	for err == nil {
		var m *ajp.Message
		if m, err = conn.Receive(); err != nil {
			break
		}
		switch m.Prefix {
		case ajp.PrefixSendHeaders: // m.Headers.Status, m.Headers.Headers
		case ajp.PrefixSendBodyChunk: // m.Chunk, valid until the next Receive; empty: flush
		case ajp.PrefixGetBodyChunk: // at most m.Want bytes: SendBody, or SendEndOfBody
			err = conn.SendEndOfBody()
		case ajp.PrefixEndResponse:
			return // conn.Reusable() tells whether it may carry another request
		}
	}
	log.Print(err)
}
