package worker

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// dialer opens TCP connections as s says.
func dialer(s Socket) Dial {
	d := net.Dialer{Timeout: max(0, s.ConnectTimeout), KeepAlive: -1}
	if s.KeepAlive {
		d.KeepAlive = 0
		d.KeepAliveConfig = net.KeepAliveConfig{Enable: true}
	}
	if s.Source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(s.Source)}
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if s.PreferIPv6 {
			if conn, err := d.DialContext(ctx, "tcp6", address); err == nil {
				return buffered(conn, s.Buffer), nil
			}
		}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return buffered(conn, s.Buffer), nil
	}
}

// buffered sets socket_buffer.
func buffered(conn net.Conn, size int) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok && size > 0 {
		tcp.SetReadBuffer(size)
		tcp.SetWriteBuffer(size)
	}
	return conn
}

// dialCause tells why a connection could not be opened.
func dialCause(err error) exchange.Cause {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return exchange.CauseAddress
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return exchange.CauseAddress
	}
	if isTimeout(err) || errors.Is(err, syscall.ETIMEDOUT) {
		return exchange.CauseConnectTimeout
	}
	return exchange.CauseRefused
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// past is a deadline that has gone by.
var past = time.Unix(1, 0)
