package privilege

import (
	"errors"
	"io/fs"
	"os"
)

// StateFile is the file beside a PidFile in which the server tells how it is.
func StateFile(pidFile string) string { return pidFile + ".state" }

// writeState replaces the file beside pidFile whole: it is written under
// another name, made anew so that no link is followed, and renamed. It is for
// who may send signals, since mistakes quote lines of the files.
func writeState(pidFile string, state []byte) error {
	name := StateFile(pidFile)
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(state)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(fresh, name)
	}
	if err != nil {
		os.Remove(fresh)
	}
	return err
}

// removeState removes what writeState made.
func removeState(pidFile string) error {
	err := os.Remove(StateFile(pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
