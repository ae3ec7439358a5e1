package node

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"
)

// A shutdownPort is where a word ends the node.
type shutdownPort struct {
	listener net.Listener
	command  string
	log      *slog.Logger
}

// listenShutdown opens the port; nil is none.
func (n *Node) listenShutdown() (*shutdownPort, error) {
	cfg := n.cfg.Shutdown
	if cfg.Port <= 0 {
		return nil, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(cfg.Address, "localhost"), strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, n.faultAt(0, fmt.Sprintf("shutdown port %d: %v", cfg.Port, reason(err)), portFix(err, cfg.Port, `give <Server> another port; port="-1" is none`))
	}
	return &shutdownPort{listener: l, command: cmp.Or(cfg.Command, "SHUTDOWN"), log: n.log}, nil
}

// What connections to the port may take.
const (
	maxCommand  = 1024 // bytes
	commandTime = 10 * time.Second
	maxAsking   = 16 // connections at once
)

// run waits for the word, and calls stop. Of more than maxAsking connections the
// one that has been there longest is closed: whoever says nothing keeps nobody
// else from the word.
//
// Source: Tomcat's StandardServer.await.
func (s *shutdownPort) run(ctx context.Context, stop func()) error {
	ctx, end := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer end()
	defer context.AfterFunc(ctx, func() { s.listener.Close() })()
	defer s.listener.Close()
	var asking []net.Conn // the last maxAsking, also those that are done
	for {
		c, err := s.listener.Accept()
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			s.log.Warn("accept at the shutdown port", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		if asking = append(asking, c); len(asking) > maxAsking {
			asking[0].Close()
			asking = asking[1:]
		}
		readers.Go(func() {
			if s.heard(ctx, c) {
				stop()
				end()
			}
		})
	}
}

// heard reports whether the word comes from c.
func (s *shutdownPort) heard(ctx context.Context, c net.Conn) bool {
	defer c.Close()
	command, err := s.read(ctx, c)
	from := c.RemoteAddr().String()
	switch {
	case command == s.command:
		s.log.Info("a valid shutdown command was received: the node stops", "from", from)
		return true
	case ctx.Err() != nil:
	case errors.Is(err, net.ErrClosed):
		s.log.Warn("a connection to the shutdown port said nothing, and was closed for later ones", "from", from)
	case err != nil && !errors.Is(err, io.EOF):
		s.log.Warn("nothing came at the shutdown port", "from", from, "err", err)
	default:
		s.log.Warn("wrong shutdown command", "from", from, "bytes", len(command))
	}
	return false
}

// read reads a command from c, which is given so much time.
func (s *shutdownPort) read(ctx context.Context, c net.Conn) (string, error) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	c.SetReadDeadline(time.Now().Add(commandTime))
	return readCommand(c)
}

// readCommand reads what comes until a control character or the end, or until
// it is too long for a command.
func readCommand(r io.Reader) (string, error) {
	in := bufio.NewReader(io.LimitReader(r, maxCommand))
	var command []byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return string(command), err
		}
		if b < ' ' || b == 0x7f {
			return string(command), nil
		}
		command = append(command, b)
	}
}
