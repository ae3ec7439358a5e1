package config

import (
	"net/netip"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
)

// processRows are the directives about the server as a whole.
var processRows = []row{
	{"ServerRoot", inServer, 1, 1, "one argument, Common directory of server-related files (logs, confs, etc.)", serverRoot, "The folder that relative file names refer to.", "TestGolden"},
	{"Listen", inServer, 1, 2, "", listen, "An address on which clients come in.", "TestGolden"},
	{"PidFile", inServer, 1, 1, "one argument, A file for logging the server process ID", pidFile, "Where the process id is written.", "TestServer"},
	{"User", inServer, 1, 1, "one argument, Effective user id for this server", userName, "The user to serve as.", "TestGolden"},
	{"Group", inServer, 1, 1, "one argument, Effective group id for this server", groupName, "The group to serve as.", "TestGolden"},
	{"LoadModule", inServer | inVHost, 2, 2, "two arguments, a module name and the name of a shared object file to load it from", nothing, "Accepted; <IfModule> follows it.", "TestGolden"},
	{"LoadFile", inServer, 1, -1, "", nothing, "Accepted; nothing is loaded.", "TestGolden"},
	{"MaxRequestWorkers", inServer, 1, 1, "one argument, Maximum number of threads alive at the same time", maxWorkers, "How many requests are served at once.", "TestGateBounds"},
	{"MaxClients", inServer, 1, 1, "one argument, Deprecated name of MaxRequestWorkers", maxWorkers, "The old name of MaxRequestWorkers.", "TestGateBounds"},
	{"GracefulShutdownTimeout", inServer, 1, 1, "one argument, Maximum time in seconds to wait for child processes to complete transactions during shutdown", gracefulShutdown, "How long WINCH lets requests end.", "TestGolden"},
}

// nothing is for what is accepted as it is.
func nothing(*loader, place, *httpdconf.Directive) {}

func serverRoot(l *loader, _ place, d *httpdconf.Directive) {
	root := l.inRoot(arg(d, 0))
	info, err := l.o.Opener.Stat(root)
	if err != nil || !info.IsDir() {
		l.fail(d, at(d, 0), "ServerRoot must be a valid directory", "")
		return
	}
	l.root = root
}

func listen(l *loader, _ place, d *httpdconf.Directive) {
	address, err := listenAddress(arg(d, 0))
	if err != "" {
		l.fail(d, at(d, 0), err, "write Listen PORT, or Listen ADDRESS:PORT")
		return
	}
	if protocol := arg(d, 1); strings.EqualFold(protocol, "https") {
		l.say(d, at(d, 1), severityUnsupported, "Listen "+arg(d, 0)+" https: catflap does not speak TLS yet, so this address is not opened", "", "")
		return
	}
	for _, other := range l.cfg.Listen {
		if other.Address == address {
			l.fail(d, at(d, 0), "Cannot define multiple Listeners on the same IP:port", "it is in "+other.Place+" already")
			return
		}
	}
	l.cfg.Listen = append(l.cfg.Listen, front.Listen{Address: address, Place: line(d)})
}

// listenAddress returns what Listen names as net.Listen wants it, or what is
// wrong with it.
func listenAddress(text string) (address, wrong string) {
	host, port := "", text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port = text[:i], text[i+1:]
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		if host == "" {
			return "", "Port must be specified"
		}
		return "", "Invalid address or port"
	}
	if n < 1 || n > 65535 {
		return "", "Invalid address or port"
	}
	if host == "" || host == "*" {
		return ":" + port, ""
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return "", "Invalid address or port"
	}
	return netip.AddrPortFrom(ip, uint16(n)).String(), ""
}

func pidFile(l *loader, _ place, d *httpdconf.Directive) {
	l.cfg.Process.PidFile = l.inRoot(arg(d, 0))
}

func userName(l *loader, _ place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if !strings.HasPrefix(name, "#") {
		if _, err := user.Lookup(name); err != nil {
			l.say(d, at(d, 0), severityError, "bad user name "+name, "", "AH00543")
			return
		}
	}
	l.cfg.Process.User = name
}

func groupName(l *loader, _ place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if !strings.HasPrefix(name, "#") {
		if _, err := user.LookupGroup(name); err != nil {
			l.say(d, at(d, 0), severityError, "bad group name "+name, "", "AH00544")
			return
		}
	}
	l.cfg.Process.Group = name
}

func maxWorkers(l *loader, _ place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 1 {
		l.warn(d, at(d, 0), d.Name+" "+arg(d, 0)+": not a number above 0; httpd serves one request at a time, here the default of 400 holds", "")
		return
	}
	l.cfg.Process.MaxRequestWorkers = n
}

func gracefulShutdown(l *loader, _ place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 0 {
		l.fail(d, at(d, 0), d.Name+" wants a number of seconds", "")
		return
	}
	l.cfg.Process.GracefulShutdown = time.Duration(n) * time.Second
}

// logFolder reports whether the folder of a log is there, or says in httpd's
// words that it is not.
func (l *loader) logFolder(d *httpdconf.Directive, name, what string) bool {
	dir := filepath.Dir(name)
	info, err := l.o.Opener.Stat(dir)
	if err == nil && info.IsDir() {
		return true
	}
	l.say(d, at(d, 0), severityError, "Cannot access directory '"+dir+"/' for "+what, "make the folder, or name another", "AH02291")
	return false
}
