package privilege

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Config is what a Parent works with.
type Config struct {
	User  User
	Args  []string  // of the child, its name first
	Began time.Time // for the child, to tell how long it took to serve
	Names Names     // of the configuration, as it was read for the start
	// Load reads the configuration again through opener and returns what it
	// names, with mistakes or not.
	Load func(opener Opener) Names
	// Report is told how the child is, in a line for people. Its words are the
	// child's.
	Report   func(s State, line string)
	Complain func(error)   // is told, by many goroutines, what goes wrong
	StopTime time.Duration // how long the child may take to end after TERM
}

// A Parent keeps the rights of root and opens what the configuration names for
// a child without them, which serves. It takes the signals and hands them on;
// when a child has died it starts another.
type Parent struct {
	config   Config
	command  func(u User, args []string, began time.Time) *exec.Cmd // what a child runs
	grantor  grantor
	programs Programs
	served   bool             // a child has served
	stopping bool             // the child ends in order
	kill     <-chan time.Time // when it ends in any case; nil: it need not
}

// New returns a Parent that has no child yet.
func New(cfg Config) *Parent {
	p := &Parent{config: cfg, command: command, programs: Programs{Complain: cfg.Complain}}
	p.grantor = grantor{
		user: cfg.User, load: cfg.Load, programs: &p.programs,
		accepted: cfg.Names, names: cfg.Names, sockets: map[string]*net.TCPListener{},
	}
	return p
}

// Pauses between two children: each is twice the one before, until a child
// has lived for the last of them.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// programTime is how long the programs of piped logs may read on at the end.
const programTime = 2 * time.Second

// Run serves by children until one ends because of a signal, or the first does
// not come to serve. It returns the exit code of the last one, and an error if
// there is more to say than the child has said.
func (p *Parent) Run(signals <-chan os.Signal) (code int, err error) {
	defer p.programs.Wait(programTime)
	defer p.grantor.close()
	if err := keepOpenFiles(); err != nil {
		return 1, err
	}
	quick := 0 // children that died soon, one after the other
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		began := time.Now()
		c, err := p.start()
		if err != nil {
			return 1, err
		}
		p.attend(c, signals)
		if p.stopping || !p.served {
			return c.outcome()
		}
		if time.Since(began) > lastPause {
			pause, quick = firstPause, 0
		}
		quick++
		p.config.Complain(fmt.Errorf("the serving process %d has ended unasked (%v); another one follows in %v%s", c.process.Process.Pid, c.process.ProcessState, pause, p.left(quick)))
		if !rest(pause, signals) {
			return 0, nil
		}
		p.grantor.add()
	}
}

// mostQuick is how many children that die soon get what the one before left.
const mostQuick = 3

// left tells whether the next child gets what the last one left, which it does
// unless that might be what they die of.
func (p *Parent) left(quick int) string {
	switch {
	case p.grantor.kept == nil:
		return ""
	case quick < mostQuick:
		return ", with the changes made on the status page"
	}
	p.grantor.kept = nil
	return ", without the changes made on the status page, which may be what it died of"
}

// rest waits before the next child. It reports false if a signal ends all.
func rest(pause time.Duration, signals <-chan os.Signal) bool {
	next := time.NewTimer(pause)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			return true
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGINT {
				return false
			}
		}
	}
}

// attend does what c and signals want until c has ended.
func (p *Parent) attend(c *childProcess, signals <-chan os.Signal) {
	reports := c.reports
	for reports != nil {
		select {
		case s := <-signals:
			p.order(c, s)
		case r, more := <-reports:
			if !more {
				reports = nil
				break
			}
			p.served = p.served || r.state == Serving
			if r.state == Stopping {
				p.stopping = true
				p.grantor.close() // so that nobody waits at a door that stays shut
			}
			p.config.Report(r.state, r.line)
		case <-p.kill:
			p.config.Complain(fmt.Errorf("the serving process %d does not end; it is killed", c.process.Process.Pid))
			c.process.Process.Kill()
			p.kill = nil
		}
	}
	c.wait()
}

// sooner is how long a child may take that was told twice to end.
const sooner = 2 * time.Second

// order hands a signal on to c, and sees to it that one that ends all does.
func (p *Parent) order(c *childProcess, s os.Signal) {
	number, ok := s.(syscall.Signal)
	if !ok {
		return
	}
	if number == syscall.SIGTERM || number == syscall.SIGINT {
		limit := p.config.StopTime
		if p.stopping {
			limit = sooner
		}
		p.stopping, p.kill = true, time.After(limit)
	}
	c.orders.SetWriteDeadline(time.Now().Add(time.Second))
	c.orders.Write([]byte{byte(number)})
}
