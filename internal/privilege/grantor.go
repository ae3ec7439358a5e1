package privilege

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
)

// A grantor answers the requests of a child, with the rights of this process.
// It opens what the configuration names as this process reads it, whatever the
// child may say: what comes from the child is taken to come from an attacker.
// One goroutine uses it; only close may be called by others.
type grantor struct {
	user     User
	load     func(Opener) Names
	programs *Programs
	accepted Names  // of the configuration that runs
	names    Names  // what may be asked for; more than accepted while a reload lasts
	next     *Names // of the configuration that a reload has read; nil: there is no reload
	kept     []byte // what a child left for the next one; this process does not look into it

	mu      sync.Mutex                  // guards sockets
	sockets map[string]*net.TCPListener // by address; they outlive the child; nil: no more
}

// answer does what r asks. The caller closes the file, if there is one, once
// it is sent.
func (g *grantor) answer(r request) (reply, *os.File) {
	if !g.named(r) {
		return refusal(unexpected(r)), nil
	}
	var file *os.File
	var err error
	switch r.verb {
	case askRead:
		file, err = g.user.read(r.name)
	case askAppend:
		file, err = g.user.open(r.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	case askPipe:
		file, err = g.programs.Start(r.name)
	case askListen:
		file, err = g.listen(r.name)
	case askUnlisten:
		err = g.unlisten(r.name)
	case askStat:
		var info fs.FileInfo
		if info, err = g.user.stat(r.name); err == nil {
			return reply{mode: info.Mode(), size: info.Size(), time: info.ModTime().UnixNano()}, nil
		}
	case askWritePid:
		err = writePid(r.name, func(name string, flags int) (*os.File, error) { return g.user.open(name, flags, 0o644) },
			func(name string) error {
				return g.user.in(name, func(name string) error { return os.Mkdir(name, 0o755) })
			})
	case askRemovePid:
		err = g.user.in(r.name, os.Remove)
	case askWriteState:
		err = g.user.in(r.name, func(name string) error { return writeState(name, r.data) })
	case askRemoveState:
		err = g.user.in(r.name, removeState)
	case askRenew:
		g.renew()
	case askSettle:
		g.settle(r.data[0] == 1)
	case askKeep:
		g.kept = nil
		if len(r.data) <= maxKept {
			g.kept = append(g.kept, r.data...)
		}
	case askKept:
		return reply{data: g.kept}, nil
	}
	if err != nil {
		return refusal(err), nil
	}
	return reply{}, file
}

// named reports whether the configuration names what r asks for.
func (g *grantor) named(r request) bool {
	switch r.verb {
	case askRead:
		return g.names.Read[r.name]
	case askStat:
		return g.names.Stat[r.name] || g.names.Read[r.name]
	case askAppend:
		return g.names.Append[r.name]
	case askPipe:
		return g.names.Pipe[r.name]
	case askListen, askUnlisten:
		return g.names.Listen[r.name]
	case askWritePid, askRemovePid, askWriteState, askRemoveState:
		return g.names.Pid[r.name]
	}
	return true
}

// listen returns the socket of an address for the child. It stays open here,
// so that clients can connect while there is no child.
func (g *grantor) listen(address string) (*os.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sockets == nil {
		return nil, errors.New("the server is stopping")
	}
	socket := g.sockets[address]
	if socket == nil {
		l, err := listen(address)
		if err != nil {
			return nil, err
		}
		socket = l.(*net.TCPListener)
		g.sockets[address] = socket
	}
	return socket.File()
}

// unlisten leaves the socket of an address to the child, which goes on with it
// for a last moment and closes it.
func (g *grantor) unlisten(address string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	socket := g.sockets[address]
	if socket == nil {
		return nil
	}
	delete(g.sockets, address)
	return socket.Close()
}

// renew reads the configuration. Until settle, what it names and what the one
// that runs names may be asked for.
func (g *grantor) renew() {
	next := g.load(Direct{})
	g.next = &next
	g.names = g.accepted.And(next)
}

// settle ends a reload: the configuration that was read runs now, or the one
// before goes on.
func (g *grantor) settle(taken bool) {
	if taken && g.next != nil {
		g.accepted = *g.next
	}
	g.names, g.next = g.accepted, nil
	g.mu.Lock()
	defer g.mu.Unlock()
	for address, socket := range g.sockets {
		if !g.names.Listen[address] {
			socket.Close()
			delete(g.sockets, address)
		}
	}
}

// add reads the configuration for a new child, which does not know what the one
// before it had: both may be asked for.
func (g *grantor) add() {
	g.accepted = g.accepted.And(g.load(Direct{}))
	g.names, g.next = g.accepted, nil
}

// close closes all sockets for good.
func (g *grantor) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, socket := range g.sockets {
		socket.Close()
	}
	g.sockets = nil
}

// serve answers a child on conn until it is gone, which is no error.
func (g *grantor) serve(conn *net.UnixConn) error {
	packet := make([]byte, maxPacket+1)
	for {
		n, _, flags, _, err := conn.ReadMsgUnix(packet, nil)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
				return nil
			}
			return err
		}
		r, err := parseRequest(packet[:n])
		if err != nil || flags&syscall.MSG_TRUNC != 0 {
			return fmt.Errorf("the child sent %d bytes that are no request", n)
		}
		answer, file := g.answer(r)
		if err := send(conn, answer.appendTo(nil), file); err != nil {
			return nil // nobody is there to hear it
		}
	}
}

// send sends a packet, with a file beside it if there is one, and closes that.
func send(conn *net.UnixConn, packet []byte, file *os.File) error {
	var beside []byte
	if file != nil {
		defer file.Close()
		raw, err := file.SyscallConn() // Fd would make a pipe a blocking one
		if err != nil {
			return err
		}
		raw.Control(func(fd uintptr) { beside = syscall.UnixRights(int(fd)) })
	}
	_, _, err := conn.WriteMsgUnix(packet, beside, nil)
	return err
}
