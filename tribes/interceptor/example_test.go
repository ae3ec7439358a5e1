package interceptor_test

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A listener logs what happens.
type listener struct{}

func (listener) Received(m *tribes.Message) (bool, error) {
	log.Print(&m.From, " sends ", len(m.Data), " bytes")
	return true, nil
}
func (listener) Joined(m tribes.Member) { log.Print(&m, " joined") }
func (listener) Left(m tribes.Member)   { log.Print(&m, " left") }

// A member of the Tomcats' group, with the interceptors that they have.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	mine := listener{}

	channel, err := tribes.New(tribes.Config{Interceptors: []tribes.Interceptor{
		interceptor.NewDispatch(interceptor.DispatchConfig{}),
		interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
	}})
	if err != nil {
		log.Fatal(err)
	}
	channel.Listen(mine) // Received, Joined, Left
	go func() {
		<-channel.Ready() // the other members are known
		hello := &tribes.Message{Data: []byte("hello"), Options: tribes.OptionBytes | tribes.OptionAck}
		if err := channel.Send(ctx, channel.Members(), hello); err != nil {
			log.Print(err) // a *tribes.SendError names who has not got it
		}
	}()
	if err := channel.Run(ctx); err != nil { // a member until ctx is done; then it says goodbye
		log.Fatal(err)
	}
}
