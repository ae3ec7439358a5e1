package delta_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"time"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/membership"
	"github.com/catflap/catflap/tribes/tribestest"
)

// shop counts the visits of a session.
func shop(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	visits, _ := s.Get("visits")
	n, _ := visits.(int64)
	if err := s.Set("visits", n+1); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "visit %d at %s", n+1, session.RouteOf(s.ID()))
}

// node is one member of the group with one application, /shop of the Host
// localhost: what a Tomcat with that Host, a DeltaManager and the same jvmRoute
// would be. run returns once ctx is done and the group knows that it leaves.
func node(route string, network tribes.Network) (shared http.Handler, manager *delta.Manager, run func(ctx context.Context) error, err error) {
	channel, err := tribes.New(tribes.Config{
		Name:       route,
		Network:    network,                                             // leave it out: this machine's
		Membership: membership.Config{Frequency: 20 * time.Millisecond}, // leave it out: 500 ms, as Tomcat
		Interceptors: []tribes.Interceptor{
			interceptor.NewDispatch(interceptor.DispatchConfig{}),
			interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
		},
	})
	if err != nil {
		return nil, nil, nil, err
	}
	// Acknowledged, so that a request is answered once the other nodes have its
	// changes. Tomcat's default is asynchronous.
	c := cluster.New(cluster.Config{SendOptions: tribes.OptionAck | tribes.OptionSyncAck}, channel)
	manager, err = delta.New(delta.Config{Context: c.Context("localhost", "/shop"), Route: route}, c)
	if err != nil {
		return nil, nil, nil, err
	}
	shared, err = session.Handler(session.Config{ContextPath: "/shop"}, manager, http.HandlerFunc(shop))
	return shared, manager, func(ctx context.Context) error { return c.Run(ctx, manager) }, err
}

// Two nodes have one session: a visitor goes on at the second when the first is
// gone, and its id ends in the other route then.
func Example() {
	network := tribestest.NewNetwork(1)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	first, leave := context.WithCancel(ctx)
	ended := make(chan error, 2)
	start := func(ctx context.Context, route string) http.Handler {
		handler, manager, run, err := node(route, network.Node(route))
		if err != nil {
			panic(err)
		}
		go func() { ended <- run(ctx) }()
		<-manager.Ready() // it has the sessions of the others: only now let requests come
		return handler
	}
	pj001, pj002 := start(first, "pj001"), start(ctx, "pj002")

	r, w := httptest.NewRequest("GET", "/shop/", nil), httptest.NewRecorder()
	pj001.ServeHTTP(w, r)
	fmt.Println(w.Body)
	leave()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
	r = httptest.NewRequest("GET", "/shop/", nil)
	for _, cookie := range w.Result().Cookies() {
		r.AddCookie(cookie)
	}
	w = httptest.NewRecorder()
	pj002.ServeHTTP(w, r)
	fmt.Println(w.Body)

	stop()
	fmt.Println(<-ended)
	// Output:
	// visit 1 at pj001
	// visit 2 at pj002
	// <nil>
}

// What a main function has, but for its server: it listens once the sessions of
// the others are here, and ends before the cluster does.
func ExampleNew() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	channel, err := tribes.New(tribes.Config{Interceptors: []tribes.Interceptor{ // what Tomcat has by default
		interceptor.NewDispatch(interceptor.DispatchConfig{}),
		interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
	}})
	if err != nil {
		log.Fatal(err)
	}
	c := cluster.New(cluster.Config{}, channel)
	manager, err := delta.New(delta.Config{Context: c.Context("localhost", "/shop"), Route: "pj001"}, c)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := session.Handler(session.Config{ContextPath: "/shop"}, manager, http.HandlerFunc(shop))
	if err != nil {
		log.Fatal(err)
	}
	group, leave := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() { left <- c.Run(group, manager); stop() }() // it may fail, such as by a port that is taken

	<-manager.Ready() // it has the sessions of the others: only now listen
	server := &http.Server{Addr: ":8080", Handler: handler}
	go func() { log.Print(server.ListenAndServe()); stop() }()
	<-ctx.Done()
	server.Shutdown(context.Background()) // requests end, no more come:
	leave()                               // only now the others take over
	if err := <-left; err != nil {
		log.Fatal(err)
	}
}
