package tribes

import (
	"context"
	"net"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A ProbeTest says how thorough a probe is, and how patient.
type ProbeTest struct {
	Connect time.Duration // to connect; default 1 s
	Send    bool          // the frame is written
	Read    time.Duration // then a byte is waited for so long; 0 for not at all
}

// probe reports whether to takes a connection and what test wants.
func probe(ctx context.Context, dial func(context.Context, Member) (net.Conn, error), to Member, m *Message, from []byte, test ProbeTest) bool {
	if test.Connect == 0 {
		test.Connect = time.Second
	}
	connecting, cancel := context.WithTimeout(ctx, test.Connect)
	defer cancel()
	conn, err := dial(connecting, to)
	if err != nil {
		return false
	}
	defer conn.Close()
	if !test.Send {
		return true
	}
	conn.SetDeadline(time.Now().Add(test.Connect))
	if _, err := conn.Write(wire.AppendMessage(nil, m, from)); err != nil {
		return false
	}
	if test.Read == 0 {
		return true
	}
	conn.SetDeadline(time.Now().Add(test.Read))
	var one [1]byte
	_, err = conn.Read(one[:])
	return err == nil
}
