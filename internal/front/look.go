package front

import (
	"context"
	"sync"
)

// Looked is what an early look at one worker saw.
type Looked struct {
	Worker string
	Err    error // as Worker.Look's; nil: it answers
}

// Look asks every worker at once for a sign of life, on connections of its own,
// until ctx is done. It returns what it saw in the order of the files.
func (s *Server) Look(ctx context.Context) []Looked {
	l := s.current.Load()
	seen := make([]Looked, len(l.config.Workers.AJP))
	var looking sync.WaitGroup
	for i, cfg := range l.config.Workers.AJP {
		seen[i].Worker = cfg.Name
		looking.Go(func() { seen[i].Err = l.workers[cfg.Name].Look(ctx) })
	}
	looking.Wait()
	return seen
}
