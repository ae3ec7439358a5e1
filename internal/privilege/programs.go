package privilege

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Programs are the programs of piped logs: each reads lines from its standard
// input, runs with the rights of this process, and is started again when it
// ends. Many goroutines may use it; the zero value is ready.
type Programs struct {
	// Complain is told, maybe by many goroutines at once, of programs that end
	// or cannot be started again; nil: nobody is.
	Complain func(error)

	mu      sync.Mutex // guards live, and the first of running
	live    map[string]int
	running sync.WaitGroup
}

// mostAlike bounds how many programs run of one command: those of lines that
// still end, and one.
const mostAlike = 64

// restartPause is the least time between two starts of one program.
const restartPause = time.Second

// Start starts the program of an Opener's Pipe.
func (p *Programs) Start(command string) (*os.File, error) {
	argv, err := programOf(command)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live[command] >= mostAlike {
		return nil, fmt.Errorf("%w: piped log program '%s' runs %d times", syscall.EAGAIN, bare(command), mostAlike)
	}
	from, to, err := openPipe(command)
	if err != nil {
		return nil, err
	}
	program, err := start(argv, from)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("AH00104: unable to start piped log program '%s': %w", bare(command), err), from.Close(), to.Close())
	}
	if p.live == nil {
		p.live = map[string]int{}
	}
	p.live[command]++
	p.running.Go(func() {
		p.keep(command, argv, program, from)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.live[command]--
	})
	return to, nil
}

// openPipe returns the ends of a pipe. That of the program is a blocking one,
// as programs expect it.
func openPipe(name string) (from, to *os.File, err error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if err := syscall.SetNonblock(ends[1], true); err != nil {
		syscall.Close(ends[0])
		syscall.Close(ends[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(ends[0]), name), os.NewFile(uintptr(ends[1]), name), nil
}

// Wait waits until all programs whose files are closed, and are closed by
// then, have ended, but not longer than limit. It reports whether they have.
func (p *Programs) Wait(limit time.Duration) bool {
	ended := make(chan struct{})
	p.mu.Lock() // whoever starts one now is waited for, or not
	go func() { p.running.Wait(); close(ended) }()
	p.mu.Unlock()
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// keep waits for program and starts it again, until nobody writes to it any
// more and all is read.
func (p *Programs) keep(command string, argv []string, program *exec.Cmd, from *os.File) {
	defer from.Close()
	for {
		began := time.Now()
		program.Wait()
		if readOut(from) {
			return
		}
		p.complain(fmt.Errorf("AH00106: piped log program '%s' failed unexpectedly", bare(command)))
		for again := false; !again; {
			time.Sleep(restartPause - time.Since(began))
			if readOut(from) {
				return
			}
			began = time.Now()
			next, err := start(argv, from)
			if err != nil {
				p.complain(fmt.Errorf("AH00104: unable to start piped log program '%s': %w", bare(command), err))
				continue
			}
			program, again = next, true
		}
	}
}

func (p *Programs) complain(err error) {
	if p.Complain != nil {
		p.Complain(err)
	}
}

// start starts a program in a process group of its own, so that the keys of a
// terminal do not end it before the last line.
func start(argv []string, from *os.File) (*exec.Cmd, error) {
	program := exec.Command(argv[0], argv[1:]...)
	program.Stdin, program.Stdout, program.Stderr = from, os.Stdout, os.Stderr
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return program, program.Start()
}

// readOut reports whether the other end of a pipe is closed and nothing is
// left in it.
func readOut(from *os.File) bool {
	poll := []unix.PollFd{{Fd: int32(from.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1 && poll[0].Revents&(unix.POLLIN|unix.POLLHUP) == unix.POLLHUP
}

// IsPipe reports whether the argument of a log directive is a program.
func IsPipe(name string) bool { return strings.HasPrefix(name, "|") }

// bare is a command without its bar, as httpd's messages show it.
func bare(command string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(command, "|"), "|"), "$")
}

// programOf returns what to run for a command of Pipe.
//
// Source: httpd mod_log_config, "CustomLog"; server/log.c, piped_log_spawn, as
// seen at work.
func programOf(command string) ([]string, error) {
	text, ok := strings.CutPrefix(command, "|")
	if !ok {
		return nil, fmt.Errorf("piped log %q does not begin with |", command)
	}
	if line, ok := strings.CutPrefix(text, "$"); ok {
		return []string{"/bin/sh", "-c", line}, nil
	}
	argv := words(strings.TrimPrefix(text, "|"))
	if len(argv) == 0 || argv[0] == "" {
		return nil, fmt.Errorf("piped log %q names no program", command)
	}
	return argv, nil
}

// words splits a command at blanks. Quotes of either kind hold a word
// together; a backslash takes a blank, a quote or a backslash as it is.
func words(text string) []string {
	var all []string
	var word []byte
	within, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(" \t'\"\\", text[i+1]) >= 0:
			i++
			word, within = append(word, text[i]), true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, within = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if within {
				all, word, within = append(all, string(word)), nil, false
			}
		default:
			word, within = append(word, c), true
		}
	}
	if within {
		all = append(all, string(word))
	}
	return all
}
