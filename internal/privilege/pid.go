package privilege

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pidBytes bounds what is read of a PidFile.
const pidBytes = 64

// ReadPid returns the process that a PidFile names, 0 if it names none.
func ReadPid(file io.Reader) (int, error) {
	text, err := io.ReadAll(io.LimitReader(file, pidBytes))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0, nil
	}
	return pid, nil
}

// writePid writes this process into the PidFile, unless another one that lives
// is in it. Its folder is made if only that is missing: one in /run is gone
// when the machine was started anew.
func writePid(name string, open func(name string, flags int) (*os.File, error), mkdir func(name string) error) error {
	file, err := open(name, os.O_RDWR|os.O_CREATE)
	if errors.Is(err, fs.ErrNotExist) && mkdir(filepath.Dir(name)) == nil {
		file, err = open(name, os.O_RDWR|os.O_CREATE)
	}
	if err != nil {
		return fmt.Errorf("PidFile: %w", err)
	}
	defer file.Close()
	pid, err := ReadPid(file)
	if err != nil {
		return fmt.Errorf("PidFile: %w", err)
	}
	if pid != os.Getpid() && alive(pid) {
		return fmt.Errorf("PidFile %s: process %d has it and runs (%s); stop that one, set another PidFile, or run next to it (catflap serve --beside); if it is no web server, remove the file", name, pid, ProgramOf(pid))
	}
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("PidFile: %w", err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("PidFile: %w", err)
	}
	return nil
}

// alive reports whether process pid runs, ours or another's.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// ProgramOf returns the name of the program that process pid runs, "a process"
// if that cannot be told.
func ProgramOf(pid int) string {
	if program, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); err == nil {
		return strings.TrimSuffix(filepath.Base(program), " (deleted)")
	}
	if text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); err == nil {
		return strings.TrimSpace(string(text))
	}
	return "a process"
}
