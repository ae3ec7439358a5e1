package tribes_test

import (
	"context"
	"fmt"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/membership"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A printer prints who comes and goes.
type printer struct{ happened chan struct{} }

func (p printer) Received(*tribes.Message) (bool, error) { return false, nil }
func (p printer) Joined(m tribes.Member)                 { fmt.Println("joined", &m); p.happened <- struct{}{} }
func (p printer) Left(m tribes.Member)                   { fmt.Println("left", &m); p.happened <- struct{}{} }

// Who comes and goes is printed. With Network unset it would be the group of
// the Tomcats that the machine's network reaches.
func ExampleChannel() {
	network := tribestest.NewNetwork(1)
	quick := membership.Config{Frequency: 20 * time.Millisecond}
	watch, err := tribes.New(tribes.Config{Name: "watch", Network: network.Node("watch"), Membership: quick})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := printer{make(chan struct{}, 8)}
	watch.Listen(p)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	defer stop()
	go func() { ended <- watch.Run(ctx) }()

	other, err := tribes.New(tribes.Config{Name: "other", Network: network.Node("other"), Membership: quick})
	if err != nil {
		fmt.Println(err)
		return
	}
	visit, goodbye := context.WithCancel(ctx)
	go func() { ended <- other.Run(visit) }()
	<-p.happened
	goodbye()
	<-p.happened

	stop()
	for range 2 {
		if err := <-ended; err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// joined 10.0.0.2:4000
	// left 10.0.0.2:4000
}
