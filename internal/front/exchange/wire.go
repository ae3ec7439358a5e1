package exchange

import "sync/atomic"

// Wire counts the bytes of one client's connection, head and framing
// included. The connection adds, the access log takes what came since the
// last request.
type Wire struct {
	in, out         atomic.Int64
	tookIn, tookOut int64
}

// AddIn counts n bytes read from the client.
func (w *Wire) AddIn(n int) { w.in.Add(int64(n)) }

// AddOut counts n bytes written to the client.
func (w *Wire) AddOut(n int) { w.out.Add(int64(n)) }

// Take returns the bytes since the last Take. One goroutine at a time.
func (w *Wire) Take() (in, out int64) {
	allIn, allOut := w.in.Load(), w.out.Load()
	in, out = allIn-w.tookIn, allOut-w.tookOut
	w.tookIn, w.tookOut = allIn, allOut
	return in, out
}
