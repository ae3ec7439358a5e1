package privilege

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Inside is an Opener that writes nothing outside one folder and starts no
// programs, whatever it is asked for.
type Inside struct {
	Opener
	Dir string // absolute
}

func (i Inside) check(name string) error {
	if !strings.HasPrefix(filepath.Clean(name), filepath.Clean(i.Dir)+"/") {
		return &fs.PathError{Op: "write", Path: name, Err: fmt.Errorf("%w: only %s may be written to", fs.ErrPermission, i.Dir)}
	}
	return nil
}

func (i Inside) Append(name string) (*os.File, error) {
	if err := i.check(name); err != nil {
		return nil, err
	}
	return i.Opener.Append(name)
}

func (i Inside) Pipe(command string) (*os.File, error) {
	return nil, fmt.Errorf("%w: piped log program '%s' is not started here", fs.ErrPermission, bare(command))
}

func (i Inside) WritePid(name string) error {
	if err := i.check(name); err != nil {
		return err
	}
	return i.Opener.WritePid(name)
}

func (i Inside) RemovePid(name string) error {
	if err := i.check(name); err != nil {
		return err
	}
	return i.Opener.RemovePid(name)
}

func (i Inside) WriteState(pidFile string, state []byte) error {
	if err := i.check(pidFile); err != nil {
		return err
	}
	return i.Opener.WriteState(pidFile, state)
}

func (i Inside) RemoveState(pidFile string) error {
	if err := i.check(pidFile); err != nil {
		return err
	}
	return i.Opener.RemoveState(pidFile)
}
