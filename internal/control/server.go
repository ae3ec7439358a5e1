package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/privilege"
)

// A Server is one that runs, as its PidFile and state tell it.
type Server struct {
	PidFile string
	State   State
}

// A Why is why there is no server that a command could reach.
type Why int

const (
	NoPidFile  Why = iota // none was started, or it has ended
	NoProcess             // the PidFile is left over from one that did not end in order
	NotCatflap            // the process is another program, mostly httpd on the same files
	Forbidden             // this user may not look, or not send signals
)

// An AbsentError says that there is no server that a command could reach.
type AbsentError struct {
	Why     Why
	PidFile string
	PID     int    // 0 if the PidFile names none
	Name    string // of the program, of NotCatflap
}

func (e *AbsentError) Error() string {
	switch e.Why {
	case NoPidFile:
		return fmt.Sprintf("no server runs on this configuration: there is no PidFile %s", e.PidFile)
	case NoProcess:
		if e.PID == 0 {
			return fmt.Sprintf("no server runs on this configuration: PidFile %s names no process", e.PidFile)
		}
		return fmt.Sprintf("no server runs on this configuration: PidFile %s is left over from process %d, which has ended", e.PidFile, e.PID)
	case NotCatflap:
		return fmt.Sprintf("process %d of PidFile %s is %s, not catflap: nothing was sent to it", e.PID, e.PidFile, e.Name)
	}
	if e.PID == 0 {
		return fmt.Sprintf("no permission to read PidFile %s: do this as root, or as the user who started the server", e.PidFile)
	}
	return fmt.Sprintf("no permission to control process %d of PidFile %s: do this as root, or as the user who started it", e.PID, e.PidFile)
}

// pause is how often a file is looked at.
const pause = 20 * time.Millisecond

// Find returns the server whose PidFile this is. The error is an *AbsentError
// if there is none, or none that may be reached.
func Find(pidFile string) (*Server, error) {
	for tries := 50; ; tries-- {
		s, err := find(pidFile)
		absent, ok := errors.AsType[*AbsentError](err)
		if !ok || absent.Why != NotCatflap || absent.Name != ownName() || tries == 0 {
			return s, err
		}
		time.Sleep(pause) // it starts, and will tell how it is
	}
}

// ownName is the name of the program that runs here.
func ownName() string { return privilege.ProgramOf(os.Getpid()) }

func find(pidFile string) (*Server, error) {
	pid, err := readPid(pidFile)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &AbsentError{Why: Forbidden, PidFile: pidFile}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &AbsentError{Why: NoPidFile, PidFile: pidFile}
	case err != nil:
		return nil, fmt.Errorf("PidFile: %w", err)
	case pid == 0 || !lives(pid):
		return nil, &AbsentError{Why: NoProcess, PidFile: pidFile, PID: pid}
	}
	state, err := readState(pidFile)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &AbsentError{Why: Forbidden, PidFile: pidFile, PID: pid}
	case err != nil || state.PID != pid || differ(state.Born, Born(pid)):
		return nil, &AbsentError{Why: NotCatflap, PidFile: pidFile, PID: pid, Name: privilege.ProgramOf(pid)}
	}
	return &Server{PidFile: pidFile, State: state}, nil
}

// Forget removes a PidFile that a catflap left behind which did not end in
// order, with the state beside it, if another process has its number now:
// without the state nobody could tell that it is another.
func Forget(pidFile string) error {
	pid, err := readPid(pidFile)
	if err != nil || pid == 0 {
		return nil
	}
	state, err := readState(pidFile)
	if err != nil || state.PID != pid || !differ(state.Born, Born(pid)) {
		return nil
	}
	return errors.Join(os.Remove(pidFile), os.Remove(privilege.StateFile(pidFile)))
}

// differ reports whether two processes with these births are two.
func differ(a, b uint64) bool { return a != b && a != 0 && b != 0 }

func readPid(name string) (int, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return privilege.ReadPid(file)
}

// Signal sends a signal to the server.
func (s *Server) Signal(number syscall.Signal) error {
	err := syscall.Kill(s.State.PID, number)
	switch {
	case errors.Is(err, syscall.EPERM):
		return &AbsentError{Why: Forbidden, PidFile: s.PidFile, PID: s.State.PID}
	case errors.Is(err, syscall.ESRCH):
		return &AbsentError{Why: NoProcess, PidFile: s.PidFile, PID: s.State.PID}
	}
	return err
}

// What a wait can end with.
var (
	ErrGone     = errors.New("the server has ended")
	ErrDraining = errors.New("the server is stopping, and takes no new settings")
	ErrAnew     = errors.New("its serving process has ended unasked, and another one has begun, with the files as they were then; ask again")
)

// Reloaded waits for the outcome of a reload that a signal asked for after s
// was found. The error is ErrGone, ErrDraining, ErrAnew or that of ctx.
func (s *Server) Reloaded(ctx context.Context) (Reload, error) {
	want := s.State.Reload.Number + 1
	for {
		now, err := s.look()
		switch {
		case err != nil:
			return Reload{}, err
		case now.Serves != s.State.Serves:
			return Reload{}, ErrAnew
		case now.Reload.Number >= want && !now.Reload.Running:
			return now.Reload, nil
		case now.Phase != Serving:
			return Reload{}, ErrDraining
		}
		if err := rest(ctx); err != nil {
			return Reload{}, err
		}
	}
}

// Ended waits until the process of s has ended. It calls tell with what the
// server waits for, each time that this changes.
func (s *Server) Ended(ctx context.Context, tell func(waits string)) error {
	told := ""
	for {
		now, err := s.look()
		if errors.Is(err, ErrGone) {
			return nil
		}
		if now.Waits != told && now.Waits != "" {
			told = now.Waits
			tell(told)
		}
		if err := rest(ctx); err != nil {
			return err
		}
	}
}

// look returns the state as it is now, ErrGone if the process has ended.
func (s *Server) look() (State, error) {
	if !lives(s.State.PID) || differ(s.State.Born, Born(s.State.PID)) {
		return State{}, ErrGone
	}
	now, err := readState(s.PidFile)
	if err != nil || now.PID != s.State.PID {
		return s.State, nil // it is about to end, or has moved its PidFile
	}
	return now, nil
}

// rest waits a little.
func rest(ctx context.Context) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
