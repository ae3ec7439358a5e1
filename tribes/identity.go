package tribes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// An identity is the file in which a node keeps who it is while it runs, locked
// so long. That there is one that nobody locks means that the node which wrote
// it did not end well. nil keeps nothing.
type identity struct{ file *os.File }

// maxIdentities bounds how many nodes have their identities in one folder.
const maxIdentities = 100

// openIdentity opens the first file of a channel in folder that no running node
// has, and returns who the node was that wrote it and crashed, the zero Member
// if none did. What cannot be understood counts as none.
func openIdentity(folder, channel string) (*identity, Member, error) {
	if folder == "" {
		return nil, Member{}, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, Member{}, fmt.Errorf("keep the member's identity: %w", err)
	}
	for i := 1; i <= maxIdentities; i++ {
		name := filepath.Join(folder, channel+".member")
		if i > 1 {
			name = filepath.Join(folder, fmt.Sprintf("%s.%d.member", channel, i))
		}
		file, err := lockedFile(name)
		if err != nil {
			return nil, Member{}, fmt.Errorf("keep the member's identity: %w", err)
		}
		if file == nil {
			continue // of another node that runs
		}
		b := make([]byte, 64<<10)
		n, _ := file.ReadAt(b, 0)
		former, _, err := wire.ParseMember(b[:n])
		if err != nil {
			former = Member{}
		}
		return &identity{file}, former, nil
	}
	return nil, Member{}, fmt.Errorf("keep the member's identity: %s has those of %d nodes that run", folder, maxIdentities)
}

// lockedFile opens a file and locks it; nil if somebody else has.
func lockedFile(name string) (*os.File, error) {
	for {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, nil
		}
		if err == nil && !isAt(file, name) { // who had it has removed it meanwhile
			file.Close()
			continue
		}
		if err != nil {
			file.Close()
			return nil, err
		}
		return file, nil
	}
}

// isAt reports whether file still has that name.
func isAt(file *os.File, name string) bool {
	own, err := file.Stat()
	named, missing := os.Stat(name)
	return err == nil && missing == nil && os.SameFile(own, named)
}

// keep writes who this node is.
func (i *identity) keep(m Member) error {
	if i == nil {
		return nil
	}
	b := m.AppendTo(nil)
	err := i.file.Truncate(0)
	if err == nil {
		_, err = i.file.WriteAt(b, 0)
	}
	if err != nil {
		return fmt.Errorf("keep the member's identity: %w", err)
	}
	return nil
}

// close ends the lock. If the node said goodbye the file goes.
func (i *identity) close(goodbye bool) error {
	if i == nil {
		return nil
	}
	var err error
	if goodbye {
		err = os.Remove(i.file.Name())
	}
	return errors.Join(err, i.file.Close())
}
