package tribes

import "context"

// Upper is what an interceptor has above it: the next one, at the top the
// Channel.
type Upper interface {
	// Deliver takes a message of a peer, which it may keep and change. An error
	// is told to the sender if it wants to know (OptionSyncAck). Many
	// goroutines call it, each for one connection of a peer.
	Deliver(m *Message) error
	// Joined and Left tell who comes and goes: each member once, in order, by
	// one goroutine at a time.
	Joined(m Member)
	Left(m Member)
}

// A Returner is an Upper, or a Listener, that is told of members that do not run
// on for a while.
type Returner interface {
	// Returned tells that a member is heard again that was silent for longer than
	// the membership's DropTime, and did not leave, since its receiver answered.
	// What it was sent meanwhile it may lack. It is called as Joined is.
	Returned(m Member)
}

// Lower is what an interceptor has below it: the next one, at the bottom the
// transport and the membership. Many goroutines may use it.
type Lower interface {
	// Send sends m to all of to, and returns when it has done what m's options
	// say. It does not change m, and keeps neither m nor to. A *SendError names
	// those that did not get it.
	Send(ctx context.Context, to []Member, m *Message) error
	// Members are the members that are there, the oldest first.
	Members() []Member
	// Local is this member. Its Alive is that of now.
	Local() Member
	// Probe reports whether the receiver of a member takes a connection and the
	// frame of m. See ProbeTest.
	Probe(ctx context.Context, to Member, m *Message, test ProbeTest) bool
}

// A Batcher is a Lower that sends several messages more cheaply than one after
// the other. An interceptor that lets messages through as they are may be one.
type Batcher interface {
	// SendAll sends messages without acknowledgement and over TCP to all of to, in
	// their order. Either each has an Order, or none has. A *SendError names
	// members that did not get all of them.
	SendAll(ctx context.Context, to []Member, all []*Message) error
}

// A Prompter is a Lower that may send a message while its caller does not wait.
// An interceptor that lets messages through as they are may be one.
type Prompter interface {
	// SendNow sends m, without acknowledgement and over TCP, to all of to if
	// there is nothing to wait for. It reports false if there is, and then has
	// done nothing. What it could not write rest sends, which waits and fails as
	// Send does, and is to be called once; nil if nothing is left. Neither keeps
	// m or to.
	SendNow(to []Member, m *Message) (rest func(context.Context) error, ok bool)
}

// An Interceptor stands between the Channel and the transport: messages,
// members and events pass through it in both directions. The first of a
// channel's is nearest to the application. It belongs to one channel.
type Interceptor interface {
	Upper
	Lower
	// Link tells its neighbours, once, before all else.
	Link(above Upper, below Lower)
	// Run does what it does on its own until ctx is done, and returns when no
	// goroutine of it is left.
	Run(ctx context.Context) error
	// Heartbeat is called every five seconds, from the first interceptor to the
	// last, by one goroutine.
	Heartbeat(ctx context.Context)
}

// Pass is an Interceptor that lets everything through. Others embed it, and
// have of their own what they do otherwise.
type Pass struct {
	Above Upper
	Below Lower
}

var _ Interceptor = (*Pass)(nil)

// Link implements Interceptor.
func (p *Pass) Link(above Upper, below Lower) { p.Above, p.Below = above, below }

// Deliver implements Upper.
func (p *Pass) Deliver(m *Message) error { return p.Above.Deliver(m) }

// Joined implements Upper.
func (p *Pass) Joined(m Member) { p.Above.Joined(m) }

// Left implements Upper.
func (p *Pass) Left(m Member) { p.Above.Left(m) }

// Returned implements Returner.
func (p *Pass) Returned(m Member) {
	if above, ok := p.Above.(Returner); ok {
		above.Returned(m)
	}
}

// Send implements Lower.
func (p *Pass) Send(ctx context.Context, to []Member, m *Message) error {
	return p.Below.Send(ctx, to, m)
}

// Members implements Lower.
func (p *Pass) Members() []Member { return p.Below.Members() }

// Local implements Lower.
func (p *Pass) Local() Member { return p.Below.Local() }

// Probe implements Lower.
func (p *Pass) Probe(ctx context.Context, to Member, m *Message, test ProbeTest) bool {
	return p.Below.Probe(ctx, to, m, test)
}

// Run implements Interceptor.
func (p *Pass) Run(context.Context) error { return nil }

// Heartbeat implements Interceptor.
func (p *Pass) Heartbeat(context.Context) {}
