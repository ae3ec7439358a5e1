package replicated_test

import (
	"context"
	"fmt"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/membership"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

// What one node puts into the map another one gets.
func ExampleMap() {
	network := tribestest.NewNetwork(1)
	ctx, stop := context.WithCancel(context.Background())
	group, leave := context.WithCancel(context.Background()) // maps end before the channels that they are on
	ended := make(chan error, 4)
	join := func(name string) *replicated.Map {
		channel, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name), Membership: membership.Config{Frequency: 150 * time.Millisecond}})
		if err != nil {
			panic(err)
		}
		dispatcher := rpc.NewDispatcher(channel, javaserial.Limits{}, nil)
		go func() { ended <- channel.Run(group) }()
		<-channel.Ready()
		m, err := replicated.New(replicated.Config{Name: "colours"}, dispatcher)
		if err != nil {
			panic(err)
		}
		go func() { ended <- m.Run(ctx) }()
		<-m.Ready()
		return m
	}
	first := join("first")
	if err := first.Put(ctx, "sky", "blue"); err != nil {
		fmt.Println(err)
	}
	second := join("second")
	fmt.Println(second.Get(ctx, "sky"))
	stop()
	<-ended
	<-ended
	leave()
	<-ended
	<-ended
	// Output: blue true
}
