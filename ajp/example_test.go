package ajp_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

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
