package config

import (
	"errors"
	"io/fs"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/privilege"
)

// processRows are the directives about the server as a whole.
var processRows = []row{
	{"ServerRoot", topLevels, one, "Common directory of server-related files (logs, confs, etc.)", serverRoot, "The folder that relative file names refer to.", "TestGolden/process"},
	{"Listen", inServer, anyNumber, "", listen, "An address on which clients come in.", "TestGolden/listen"},
	{"PidFile", inServer, one, "A file for logging the server process ID", pidFile, "Where the process id is written.", "front TestPidFileOfALiveProcess"},
	{"User", inServer, one, "Effective user id for this server", userName, "The user to serve as, if the start is by root.", "TestPrivileges"},
	{"Group", inServer, one, "Effective group id for this server", groupName, "The group to serve as, if the start is by root.", "TestPrivileges"},
	{"LoadModule", topLevels, two, "a module name and the name of a shared object file to load it from", nothing, "Accepted; <IfModule> follows it.", "TestScenario"},
	{"LoadFile", inServer, some, "shared object file or library to load into the server at runtime", nothing, "Accepted; nothing is loaded.", "TestGolden/process"},
	{"MaxRequestWorkers", inServer, one, "Maximum number of threads alive at the same time", maxWorkers, "How many requests are served at once.", "front TestMaxRequestWorkers"},
	{"MaxClients", inServer, one, "Deprecated name of MaxRequestWorkers", maxWorkers, "The old name of MaxRequestWorkers.", "TestGolden/process"},
	{"GracefulShutdownTimeout", inServer, one, "Maximum time in seconds to wait for child processes to complete transactions during shutdown", gracefulShutdown, "How long WINCH lets requests end.", "TestGolden/process"},
}

// nothing is for what is accepted as it is.
func nothing(*loader, place, *httpdconf.Directive) {}

func serverRoot(l *loader, _ place, d *httpdconf.Directive) {
	root := l.inRoot(arg(d, 0))
	info, err := l.o.Opener.Stat(root)
	if err == nil && info.IsDir() || errors.Is(err, fs.ErrPermission) { // of all else the syntax has told
		l.root = root
	}
}

func pidFile(l *loader, _ place, d *httpdconf.Directive) {
	l.cfg.Process.PidFile = l.inRoot(arg(d, 0))
}

func userName(l *loader, _ place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if !strings.HasPrefix(name, "#") {
		if _, err := user.Lookup(name); err != nil {
			l.say(d, at(d, 0), mistake.Error, "bad user name "+name, "", "AH00543")
			return
		}
	}
	l.cfg.Process.User = name
}

func groupName(l *loader, _ place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if !strings.HasPrefix(name, "#") {
		if _, err := user.LookupGroup(name); err != nil {
			l.say(d, at(d, 0), mistake.Error, "bad group name "+name, "", "AH00544")
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
		l.warn(d, at(d, 0), d.Name+" "+arg(d, 0)+": not a number of seconds from 0 on; requests are waited for without end, as in httpd", "")
		return
	}
	l.cfg.Process.GracefulShutdown = time.Duration(n) * time.Second
}

// logFolder reports whether the folder of a log is there, or says in httpd's
// words that it is not.
func (l *loader) logFolder(d *httpdconf.Directive, name, what, code string) bool {
	if privilege.IsPipe(name) {
		return true
	}
	dir := filepath.Dir(name)
	info, err := l.o.Opener.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return true
	case errors.Is(err, fs.ErrPermission) && l.o.Unprivileged:
		l.unchecked(at(d, 0), dir, d.Name)
		return true
	}
	l.say(d, at(d, 0), mistake.Error, "Cannot access directory '"+dir+"/' for "+what, "make the folder, or name another", code)
	return false
}

// unreadable tells that a file that d names cannot be read: an error, unless
// others than this process will read it.
func (l *loader) unreadable(d *httpdconf.Directive, err error, text, code string) {
	if l.o.Unprivileged && errors.Is(err, fs.ErrPermission) {
		l.unchecked(at(d, 0), l.inRoot(arg(d, 0)), d.Name)
		return
	}
	l.say(d, at(d, 0), mistake.Error, text, err.Error(), code)
}
