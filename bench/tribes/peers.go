package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A member is a process that is a node of one kind.
type member struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	port  string
}

// start starts a member and waits until its receiver is there.
func start(command []string) (*member, error) {
	m := &member{cmd: exec.Command(command[0], command[1:]...)}
	m.cmd.Stderr = os.Stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	m.lines = bufio.NewScanner(out)
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	if m.port, err = m.answer("ready"); err != nil {
		m.end()
		return nil, err
	}
	return m, nil
}

// end ends m.
func (m *member) end() {
	m.in.Close()
	ended := time.AfterFunc(5*time.Second, func() { _ = m.cmd.Process.Kill() })
	defer ended.Stop()
	_ = m.cmd.Wait() // how it ended does not count any more
}

// tell tells m a line.
func (m *member) tell(words ...string) error {
	_, err := io.WriteString(m.in, strings.Join(words, " ")+"\n")
	return err
}

// answer is what follows word in the next line of m.
func (m *member) answer(word string) (string, error) {
	if !m.lines.Scan() {
		return "", fmt.Errorf("%s ended, %q was expected", m.cmd.Path, word)
	}
	got, rest, _ := strings.Cut(m.lines.Text(), " ")
	if got != word {
		return "", fmt.Errorf("%s says %q, %q was expected", m.cmd.Path, m.lines.Text(), word)
	}
	return rest, nil
}

// cpu is how much processor time m has had, user and system, its ended threads
// included.
func (m *member) cpu() (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED of the kernel: in ns, of a process
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^m.cmd.Process.Pid<<3|sched), &t); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", m.cmd.Path, err)
	}
	return time.Duration(t.Nano()), nil
}

// A group is members of one kind; the first sends to the others.
type group []*member

// startGroup starts n members.
func startGroup(command []string, n int) (group, error) {
	var g group
	for range n {
		m, err := start(command)
		if err != nil {
			g.end()
			return nil, err
		}
		g = append(g, m)
	}
	return g, nil
}

func (g group) end() {
	for _, m := range g {
		m.end()
	}
}

// A load is what is sent in a round.
type load struct {
	name    string
	count   int
	threads int
	options int
	pause   time.Duration // of a thread behind each message; they set the rate then
	oneWay  bool          // latency is from sending to receiving, not until Send returns
}

// A result is what a round took.
type result struct {
	rate     float64       // messages a second, as each receiver gets them
	cpu      time.Duration // of all members, for a message
	pauses   time.Duration // of that, what the pauses take without messages; 0 if there are none
	p50, p99 time.Duration
}

// net is the processor time for a message without that for pauses.
func (r result) net() time.Duration { return r.cpu - r.pauses }

// nothing are the options of messages that are not sent.
const nothing = -1

// round does one load.
func (g group) round(l load) (result, error) {
	pauses := time.Duration(0)
	if l.pause > 0 && l.options != nothing {
		alone := l
		alone.options, alone.oneWay = nothing, false
		r, err := g.round(alone)
		if err != nil {
			return result{}, err
		}
		pauses = r.cpu
	}
	words := []string{"send", fmt.Sprint(l.count), fmt.Sprint(l.threads), fmt.Sprint(l.options), fmt.Sprint(l.pause.Microseconds())}
	receivers := g[1:]
	if l.options == nothing {
		receivers = nil
	}
	for _, m := range receivers {
		words = append(words, m.port)
		if err := m.tell("expect", fmt.Sprint(l.count)); err != nil {
			return result{}, err
		}
		if _, err := m.answer("expecting"); err != nil {
			return result{}, err
		}
	}
	before, err := g.cpu()
	if err != nil {
		return result{}, err
	}
	began := time.Now()
	if err := g[0].tell(words...); err != nil {
		return result{}, err
	}
	latency, err := g[0].answer("sent")
	if err != nil {
		return result{}, err
	}
	for _, m := range receivers {
		got, err := m.answer("got")
		if err != nil {
			return result{}, err
		}
		if l.oneWay {
			latency = got
		}
	}
	took := time.Since(began)
	after, err := g.cpu()
	if err != nil {
		return result{}, err
	}
	r := result{rate: float64(l.count) / took.Seconds(), cpu: (after - before) / time.Duration(l.count), pauses: pauses}
	_, err = fmt.Sscan(latency, (*int64)(&r.p50), (*int64)(&r.p99))
	return r, err
}

func (g group) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, m := range g {
		each, err := m.cpu()
		if err != nil {
			return 0, err
		}
		sum += each
	}
	return sum, nil
}
