package front

import (
	"errors"
	"syscall"
)

// alive reports whether process pid runs, ours or another's.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
