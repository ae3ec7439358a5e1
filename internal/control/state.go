// Package control is how commands reach the server that runs. What comes in is
// the name of its PidFile; what goes out are signals to its process, and what
// became of them: the server tells how it is in a file beside the PidFile, so
// no socket is needed.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/privilege"
)

// A Phase is what a server does.
type Phase string

const (
	Serving  Phase = "serving"
	Draining Phase = "draining" // no more connections are taken, and no reload; requests have GracefulShutdownTimeout
	Stopping Phase = "stopping" // so, too; another TERM ends at once
)

// A State is what a running server tells of itself.
type State struct {
	PID    int    `json:"pid"`              // the process that takes signals
	Born   uint64 `json:"born,omitempty"`   // when that began, as Born says; 0 if it is not known
	Serves int    `json:"serves,omitempty"` // the process that serves; another one if that did not end in order
	Phase  Phase  `json:"phase"`
	Reload Reload `json:"reload"`
	Waits  string `json:"waits,omitempty"` // while it drains: what it waits for, in words
}

// A Reload is the last one that began. It has begun before anything of the
// files was read: a command that sees it done and sends a signal finds in the
// next one what becomes of the files as they are now.
type Reload struct {
	Number  int      `json:"number"` // from 1; 0: there was none
	Running bool     `json:"running,omitempty"`
	Refused []string `json:"refused,omitempty"` // why it changed nothing, in the one form of mistakes; empty if it did
}

// What a State may hold.
const (
	stateBytes   = 1 << 20
	mostRefused  = 100
	refusedBytes = 1 << 10
)

// Marshal returns s as text. Of very many reasons only the first are in it.
func (s State) Marshal() []byte {
	const more = "…"
	if n := len(s.Reload.Refused); n > mostRefused+1 {
		s.Reload.Refused = append(s.Reload.Refused[:mostRefused:mostRefused], fmt.Sprintf("and %d more: see the ErrorLog", n-mostRefused))
	}
	s.Reload.Refused = slices.Clone(s.Reload.Refused)
	for i, reason := range s.Reload.Refused {
		if len(reason) > refusedBytes+len(more) {
			s.Reload.Refused[i] = strings.ToValidUTF8(reason[:refusedBytes], "") + more
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has nothing that JSON cannot hold
	}
	return append(text, '\n')
}

// ParseState reads what Marshal wrote.
func ParseState(text []byte) (State, error) {
	var s State
	if len(text) > stateBytes {
		return s, errors.New("it is too long")
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, err
	}
	known := s.Phase == Serving || s.Phase == Draining || s.Phase == Stopping
	if s.PID <= 0 || s.Reload.Number < 0 || !known {
		return s, errors.New("it is not a server's state")
	}
	return s, nil
}

// readState reads the state beside pidFile.
func readState(pidFile string) (State, error) {
	file, err := os.Open(privilege.StateFile(pidFile))
	if err != nil {
		return State{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, stateBytes+1))
	if err != nil {
		return State{}, err
	}
	return ParseState(text)
}
