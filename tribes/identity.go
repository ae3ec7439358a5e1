package tribes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// An identity is the file in which a node keeps who it is while it runs. That
// it is there at a start means that the node did not end well.
type identity struct{ name string }

func identityIn(folder, channel string) identity {
	if folder == "" {
		return identity{}
	}
	return identity{filepath.Join(folder, channel+".member")}
}

// former returns who this node was when it crashed, the zero Member if it did
// not. A file that cannot be understood counts as none.
func (i identity) former() Member {
	if i.name == "" {
		return Member{}
	}
	b, err := os.ReadFile(i.name)
	if err != nil {
		return Member{}
	}
	m, _, err := wire.ParseMember(b)
	if err != nil {
		return Member{}
	}
	return m
}

// keep writes who this node is.
func (i identity) keep(m Member) error {
	if i.name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(i.name), 0o755); err != nil {
		return fmt.Errorf("keep the member's identity: %w", err)
	}
	fresh := i.name + ".new"
	if err := os.WriteFile(fresh, m.AppendTo(nil), 0o644); err != nil {
		return fmt.Errorf("keep the member's identity: %w", err)
	}
	if err := os.Rename(fresh, i.name); err != nil {
		return fmt.Errorf("keep the member's identity: %w", err)
	}
	return nil
}

// drop removes the file: this node said goodbye.
func (i identity) drop() error {
	if i.name == "" {
		return nil
	}
	if err := os.Remove(i.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
