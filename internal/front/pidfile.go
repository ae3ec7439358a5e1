package front

import (
	"sync"

	"github.com/catflap/catflap/internal/privilege"
)

// A pidFile is the PidFile of a server that runs, and the file beside it in
// which the server tells how it is. Many goroutines may use it.
type pidFile struct {
	opener privilege.Opener

	mu   sync.Mutex
	name string // empty while there is none
}

// move writes the PidFile to name, and removes the one that was, with what was
// told beside it. Empty removes only.
func (p *pidFile) move(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == p.name {
		return nil
	}
	if name != "" {
		if err := p.opener.WritePid(name); err != nil {
			return err
		}
	}
	if p.name != "" {
		p.opener.RemoveState(p.name)
		p.opener.RemovePid(p.name)
	}
	p.name = name
	return nil
}

// tell writes state beside the PidFile, if there is one.
func (p *pidFile) tell(state []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name == "" {
		return nil
	}
	return p.opener.WriteState(p.name, state)
}
