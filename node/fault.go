package node

import (
	"errors"

	"github.com/catflap/catflap/internal/mistake"
)

// faults are what is wrong with a Config.
type faults struct {
	file string
	list mistake.List
}

// add adds a mistake at a line of the file.
func (f *faults) add(line int, text, fix string) {
	file := f.file
	if file == "" {
		file = "node.Config"
	}
	f.list.Add(mistake.Mistake{Pos: mistake.Pos{File: file, Line: line}, Severity: mistake.Error, Text: text, Fix: fix})
}

// err returns all of them, nil if there is none.
func (f *faults) err() error {
	f.list.Sort()
	var all []error
	for _, m := range f.list {
		all = append(all, m)
	}
	return errors.Join(all...)
}

// faultAt is one mistake at a line of n's file, found once n runs.
func (n *Node) faultAt(line int, text, fix string) error {
	f := faults{file: n.cfg.File}
	f.add(line, text, fix)
	return f.err()
}
