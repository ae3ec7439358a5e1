package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/privilege"
)

// A Beside lets a server run next to the one that the files are for: it
// listens on other ports and writes into a folder of its own, nowhere else.
type Beside struct {
	Dir    string // absolute
	Offset int    // added to every port of Listen
}

// A Moved is what a Beside changed.
type Moved struct {
	PidFile string   // that of the server that the files are for
	Ports   []Port   // in the order of Listen, each once
	Piped   []string // programs of logs that are not started, in order
}

// A Port is one that was moved.
type Port struct {
	From, To     int
	Certificates int // of the sites that are TLS there
}

// moveBeside moves what the files listen on and write to, if it is to be. A
// virtual host has the addresses of its new ports, so that it is chosen as for
// the old ones; one whose ServerName names a port on which somebody listens
// names the new one, as a client would in its Host.
func (l *loader) moveBeside(cfg *front.Config) {
	b := l.o.Beside
	if b == nil {
		return
	}
	m := &Moved{PidFile: cfg.Process.PidFile}
	l.report.Moved = m
	cfg.Process.PidFile = b.mirror(cfg.Process.PidFile)
	l.report.PidFile = cfg.Process.PidFile
	for i := range cfg.Listen {
		l.moveListen(&cfg.Listen[i], m)
	}
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		for j := range s.Host.Addresses {
			if s.Host.Addresses[j].Port != 0 {
				s.Host.Addresses[j].Port += b.Offset
			}
		}
		if to := m.port(s.Exchange.PortOf(s.Exchange.TLS)); to != 0 {
			s.Exchange.Port = to
		}
		s.Logs.Error.Name = b.log(s.Logs.Error.Name, m)
		s.Logs.JK.Name = b.log(s.Logs.JK.Name, m)
		for j := range s.Logs.Access {
			s.Logs.Access[j].Name = b.log(s.Logs.Access[j].Name, m)
		}
	}
	for i := range m.Ports {
		m.Ports[i].Certificates = certificatesAt(cfg, m.Ports[i].To)
	}
}

// certificatesAt counts the certificates of the sites on a port.
func certificatesAt(cfg *front.Config, port int) int {
	all := map[string]bool{}
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		if s.TLS == nil || i > 0 && !slices.ContainsFunc(s.Host.Addresses, func(a vhost.Address) bool { return a.Port == port || a.Port == 0 }) {
			continue
		}
		for _, c := range s.TLS.Handshake.Certificates {
			all[string(c.Certificate[0])] = true
		}
	}
	return len(all)
}

// moveListen moves one Listen.
func (l *loader) moveListen(at *front.Listen, m *Moved) {
	d := l.listenAt[at.Address]
	host, port, _ := net.SplitHostPort(at.Address) // as listen wrote it
	from, _ := strconv.Atoi(port)
	to := from + l.o.Beside.Offset
	if to > 65535 {
		l.fail(d, d.Pos, fmt.Sprintf("Listen %d: with an offset of %d that is port %d, and there is none above 65535", from, l.o.Beside.Offset, to), "choose a smaller offset")
		return
	}
	at.Address = net.JoinHostPort(host, strconv.Itoa(to))
	if m.port(from) == 0 {
		m.Ports = append(m.Ports, Port{From: from, To: to})
	}
}

// port returns where a port was moved, 0 if nobody listens on it.
func (m *Moved) port(from int) int {
	for _, p := range m.Ports {
		if p.From == from {
			return p.To
		}
	}
	return 0
}

// log returns where a log goes instead: a file to its own name below Dir, what
// a program would read to a file of its own.
func (b Beside) log(name string, m *Moved) string {
	switch {
	case name == "":
		return ""
	case !privilege.IsPipe(name):
		return b.mirror(name)
	}
	i := slices.Index(m.Piped, name)
	if i < 0 {
		i, m.Piped = len(m.Piped), append(m.Piped, name)
	}
	return filepath.Join(b.Dir, fmt.Sprintf("piped-%d.log", i+1))
}

// mirror is name below Dir.
func (b Beside) mirror(name string) string { return filepath.Join(b.Dir, filepath.Clean("/"+name)) }

// Folders are those below Dir that cfg wants.
func (b Beside) Folders(cfg *front.Config) []string {
	all := []string{filepath.Dir(cfg.Process.PidFile)}
	for _, s := range cfg.Sites {
		names := []string{s.Logs.Error.Name, s.Logs.JK.Name}
		for _, a := range s.Logs.Access {
			names = append(names, a.Name)
		}
		for _, name := range names {
			if name != "" && strings.HasPrefix(name, b.Dir) {
				all = append(all, filepath.Dir(name))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
