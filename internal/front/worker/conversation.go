package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// A conversation is one request on one connection.
type conversation struct {
	w        *Worker
	s        *setup
	x        *exchange.Exchange
	ctx      context.Context
	out      *outgoing
	conn     *ajp.Conn
	response response
	reply    time.Duration // the most between two packets; 0 is for ever
	untidy   bool          // the connection must not be used again
	sent     int64
}

// once sends the request of x and its answer to rw.
func (w *Worker) once(rw http.ResponseWriter, r *http.Request, x *exchange.Exchange, s *setup) error {
	out := outgoings.Get().(*outgoing)
	defer out.giveBack()
	out.fill(x, &s.cfg)
	c := &out.conversation
	*c = conversation{w: w, s: s, x: x, ctx: r.Context(), out: out, reply: s.replyTimeout(x)}
	c.response = response{rw: rw, x: x, left: -1}
	if err := c.firstBody(); err != nil {
		return err
	}
	fresh := false
	for {
		h, used, err := s.acquire(r.Context(), x, fresh)
		if err != nil {
			return err
		}
		err = c.on(h)
		if used && !fresh && c.wasStale(err) {
			fresh = true // the container had closed it: not a failure of the worker
			continue
		}
		return err
	}
}

// firstBody reads the body data that goes out with a request that declares
// its length, before a connection is taken.
func (c *conversation) firstBody() error {
	if c.x.Body.Length() <= 0 || ignoresLength(c.x) {
		return nil
	}
	n, err := c.readBody(c.s.cfg.MaxPacket - 6)
	if n == 0 && err != nil {
		return c.bodyFailed(err, exchange.ReachedNobody)
	}
	c.out.first = c.out.buf[:n]
	return nil
}

// readBody reads up to most bytes of the body into out.buf.
func (c *conversation) readBody(most int) (int, error) {
	if cap(c.out.buf) < most {
		c.out.buf = make([]byte, most)
	}
	for {
		n, err := c.x.Body.Read(c.out.buf[:most])
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// bodyFailed is the error for a body that could not be read.
func (c *conversation) bodyFailed(err error, reached exchange.Reached) error {
	cause := exchange.CauseClientRead
	if errors.Is(err, exchange.ErrBodyTooLarge) {
		cause = exchange.CauseBodyTooLarge
	} else if errors.Is(err, exchange.ErrBodyMalformed) {
		cause = exchange.CauseBadBody
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return c.fail(cause, reached, err)
}

// acquire takes a connection; used tells that it has carried a request
// before. One that must not fail, since its request may not be repeated, has
// shown within the last second that it lives.
func (s *setup) acquire(ctx context.Context, x *exchange.Exchange, fresh bool) (h held, used bool, err error) {
	for {
		h, err := s.pool.take(ctx, fresh)
		if err != nil {
			return held{}, false, s.notAcquired(ctx, err)
		}
		if h.conn == nil {
			h, err = s.connect(ctx, h)
			return h, false, err
		}
		if s.good(h, x) {
			return h, true, nil
		}
		h.conn.Close()
		s.pool.release(h, false)
	}
}

// good reports whether an idle connection may carry the request of x. One that
// was used just now is not looked at for a request that is sent again, on a
// fresh connection, should the container have closed it.
func (s *setup) good(h held, x *exchange.Exchange) bool {
	recent := time.Since(h.alive) <= time.Second
	again := idempotent(x.Request.Method) && x.Body.Length() == 0 && s.cfg.Recovery&RecoverNotAfterSend == 0
	if !(recent && again) && h.conn.Stale() {
		return false
	}
	if s.cfg.Ping.Prepost > 0 {
		return h.conn.Ping(s.cfg.Ping.Prepost) == nil
	}
	if !recent && !idempotent(x.Request.Method) {
		return h.conn.Ping(s.cfg.Ping.Timeout) == nil
	}
	return true
}

// notAcquired is the error for a place in the pool that was not to be had.
func (s *setup) notAcquired(ctx context.Context, err error) error {
	cause := exchange.CauseBusy
	if ctx.Err() != nil {
		cause = exchange.CauseClientWrite
	}
	return &exchange.Error{Worker: s.cfg.Name, Cause: cause, Reached: exchange.ReachedNobody, Err: err}
}

// connect opens the connection for which h is the place.
func (s *setup) connect(ctx context.Context, h held) (held, error) {
	conn, err := s.pool.open(ctx)
	cause := exchange.CauseAddress
	switch {
	case err == nil && s.cfg.Ping.Connect > 0:
		if err = conn.Ping(s.cfg.Ping.Connect); err != nil {
			conn.Close()
			cause = exchange.CauseCPing
		}
	case ctx.Err() != nil:
		cause = exchange.CauseClientWrite
	case err != nil && !errors.Is(err, errNoPort):
		cause = dialCause(err)
	}
	if err != nil {
		s.pool.release(h, false)
		return held{}, &exchange.Error{Worker: s.cfg.Name, Cause: cause, Reached: exchange.ReachedNobody, Err: err}
	}
	return held{conn, time.Now()}, nil
}

// wasStale reports whether err only says that the connection was closed
// before the request, and it may be sent again.
func (c *conversation) wasStale(err error) bool {
	failure, ok := errors.AsType[*exchange.Error](err)
	if !ok || failure.Cause != exchange.CauseSend && failure.Cause != exchange.CauseEOF {
		return false
	}
	if !c.w.MayRepeat(c.x, failure) || c.x.Body.Rewind() != nil {
		return false
	}
	c.response = response{rw: c.response.rw, x: c.x, left: -1}
	c.untidy = false
	return c.firstBody() == nil
}

// on talks on h and gives it back.
func (c *conversation) on(h held) error {
	c.conn = h.conn
	undisturbed := c.watchClient()
	err := c.talk()
	good := undisturbed() && err == nil && !c.untidy && h.conn.Reusable() && !c.x.Site.Forward.DisableReuse
	if _, refused := errors.AsType[*exchange.Refusal](err); refused || c.response.discard {
		good = !c.untidy && h.conn.Reusable() && !c.clientGone()
	}
	if good && (c.reply > 0 || c.s.cfg.Socket.Timeout > 0) {
		good = h.conn.SetDeadline(time.Time{}) == nil
	}
	if !good {
		h.conn.Close()
	}
	c.s.pool.release(held{h.conn, time.Now()}, good)
	c.w.stats.transferred.Add(c.sent)
	return err
}

// watchClient lets the connection be interrupted if the client goes. The
// returned function ends that, and reports whether it did not happen.
func (c *conversation) watchClient() (undisturbed func() bool) {
	if c.x.Client.Watched {
		c.x.Client.Await(c)
		return c.x.Client.Rest
	}
	conn := c.conn // c may be used again by the time this is called
	return context.AfterFunc(c.ctx, func() { conn.SetDeadline(past) })
}

// Interrupt breaks off what the conversation waits for.
func (c *conversation) Interrupt() { c.conn.SetDeadline(past) }

// Worker implements exchange.Interrupter.
func (c *conversation) Worker() string { return c.w.name }

// clientGone reports whether the client went.
func (c *conversation) clientGone() bool { return c.x.Client.IsGone() || c.ctx.Err() != nil }

var errClientGone = errors.New("the client closed its connection")

// talk sends the request and passes on the answer.
func (c *conversation) talk() error {
	c.wait()
	if err := c.conn.SendRequest(&c.out.ForwardRequest, c.out.first); err != nil {
		return c.sendFailed(err)
	}
	c.sent += int64(len(c.out.first))
	for {
		c.wait()
		m, err := c.conn.Receive()
		if err != nil {
			return c.receiveFailed(err)
		}
		switch m.Prefix {
		case ajp.PrefixSendHeaders:
			err = c.begin(m)
		case ajp.PrefixSendBodyChunk:
			err = c.pass(m.Chunk)
		case ajp.PrefixGetBodyChunk:
			err = c.more(m.Want)
		case ajp.PrefixEndResponse:
			return c.end(m)
		}
		if err != nil {
			return err
		}
	}
}

// wait sets the deadline for the next packet, if there is one.
func (c *conversation) wait() {
	limit := c.reply
	if t := c.s.cfg.Socket.Timeout; t > 0 && (limit <= 0 || t < limit) {
		limit = t
	}
	if limit > 0 && !c.clientGone() {
		c.conn.SetDeadline(time.Now().Add(limit))
	}
}

func (c *conversation) begin(m *ajp.Message) error {
	c.response.begin(&m.Headers, &c.s.cfg)
	if c.x.Site.Forward.FlushHeader {
		return c.clientFailed(c.response.flush())
	}
	return nil
}

// pass passes on a chunk of the body; an empty one is a flush.
func (c *conversation) pass(chunk []byte) error {
	if len(chunk) == 0 {
		return c.clientFailed(c.response.flush())
	}
	c.w.stats.read.Add(int64(len(chunk)))
	excess, err := c.response.write(chunk)
	c.untidy = c.untidy || excess
	if err == nil && c.x.Site.Forward.FlushPackets {
		err = c.response.flush()
	}
	return c.clientFailed(err)
}

// more answers a Get Body Chunk with what the client has sent by now.
func (c *conversation) more(want int) error {
	if want <= 0 || c.x.Body.Length() == 0 {
		return c.sendEnd()
	}
	n, err := c.readBody(want)
	if n == 0 && err == io.EOF {
		return c.sendEnd()
	}
	if n == 0 {
		// Ending the body here would let the cut upload look whole.
		return c.bodyFailed(err, c.reached())
	}
	c.sent += int64(n)
	c.wait()
	if err := c.conn.SendBody(c.out.buf[:n]); err != nil {
		return c.receiveFailed(err)
	}
	return nil
}

func (c *conversation) sendEnd() error {
	if err := c.conn.SendEndOfBody(); err != nil {
		return c.receiveFailed(err)
	}
	return nil
}

// end judges the whole answer.
func (c *conversation) end(m *ajp.Message) error {
	switch {
	case !c.response.begun:
		return c.fail(exchange.CauseProtocol, exchange.ReachedContainer, errors.New("an End Response without Send Headers"))
	case c.response.short():
		c.untidy = true
		return c.fail(exchange.CauseTruncated, exchange.ReachedClient,
			fmt.Errorf("the answer ended %d bytes before its Content-Length", c.response.left))
	}
	if !m.Reuse && c.x.Response.Status == http.StatusForbidden && c.w.stats.mayHint() {
		c.w.log.Warn("tomcat answered 403 and closed the connection: if the application did not refuse, the secret or a request attribute is why",
			"worker", c.w.name,
			"do", "compare worker."+c.w.name+".secret with secret of the AJP connector, and let its allowedRequestAttributesPattern cover JkEnvVar")
	}
	return c.response.refused
}

// reached tells how far the request has come.
func (c *conversation) reached() exchange.Reached {
	if c.x.Response.Status != 0 {
		return exchange.ReachedClient
	}
	return exchange.ReachedContainer
}

func (c *conversation) fail(cause exchange.Cause, reached exchange.Reached, err error) error {
	return &exchange.Error{Worker: c.w.name, Cause: cause, Reached: reached, Err: err}
}

// clientFailed is the error for a client that does not take the answer.
func (c *conversation) clientFailed(err error) error {
	if err == nil {
		return nil
	}
	return c.fail(exchange.CauseClientWrite, exchange.ReachedClient, err)
}

// sendFailed is the error for a request that did not go out whole. A write
// that broke off may have reached the container all the same.
func (c *conversation) sendFailed(err error) error {
	if _, ok := errors.AsType[*ajp.TooLargeError](err); ok {
		return c.fail(exchange.CauseTooLarge, exchange.ReachedNobody, err)
	}
	if c.clientGone() {
		return c.fail(exchange.CauseClientWrite, exchange.ReachedContainer, errClientGone)
	}
	return c.fail(exchange.CauseSend, exchange.ReachedContainer, err)
}

// receiveFailed is the error for an answer that did not come.
func (c *conversation) receiveFailed(err error) error {
	if _, ok := errors.AsType[*ajp.ProtocolError](err); ok {
		return c.fail(exchange.CauseProtocol, c.reached(), err)
	}
	switch {
	case c.clientGone():
		return c.fail(exchange.CauseClientWrite, c.reached(), errClientGone)
	case isTimeout(err):
		return c.fail(exchange.CauseReplyTimeout, c.reached(), err)
	case c.response.begun:
		return c.fail(exchange.CauseTruncated, c.reached(), err)
	}
	return c.fail(exchange.CauseEOF, exchange.ReachedContainer, err)
}

// replyTimeout is the most that may pass between two packets: of the
// environment, else of the rule, else of the worker. 0 is for ever.
func (s *setup) replyTimeout(x *exchange.Exchange) time.Duration {
	if len(x.Env) > 0 {
		if text, ok := x.Env.Get("JK_REPLY_TIMEOUT"); ok {
			if ms, err := strconv.Atoi(text); err == nil && ms >= 0 {
				return time.Duration(ms) * time.Millisecond
			}
		}
	}
	if t := x.Target.Rule.Ext.ReplyTimeout; t != nil {
		return *t
	}
	return max(0, s.cfg.ReplyTimeout)
}
