package control

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"

	"github.com/catflap/catflap/internal/privilege"
)

// Born returns when a process began, in the kernel's ticks since it booted: a
// process that got the number of one that ended has another. 0 if it is not
// known.
func Born(pid int) uint64 {
	born, _ := strconv.ParseUint(field(pid, 22), 10, 64)
	return born
}

// field returns a field of /proc/PID/stat, counted as proc(5) does, from 3 on;
// empty if there is none.
func field(pid, number int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	end := bytes.LastIndexByte(text, ')') // the name before it may hold anything
	fields := bytes.Fields(text[end+1:])
	if number-3 >= len(fields) {
		return ""
	}
	return string(fields[number-3])
}

// lives reports whether process pid runs; one that has ended and was not
// waited for does not.
func lives(pid int) bool {
	err := syscall.Kill(pid, 0)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	state := field(pid, 3)
	return state != "Z" && state != "X"
}

// InForeground reports whether process pid is in the foreground of a terminal:
// there WINCH tells of the window.
func InForeground(pid int) bool {
	terminal, group, foreground := field(pid, 7), field(pid, 5), field(pid, 8)
	return terminal != "" && terminal != "0" && group == foreground
}

// Running returns the process that a PidFile names and the name of its
// program, if it runs; otherwise 0.
func Running(pidFile string) (pid int, name string) {
	pid, err := readPid(pidFile)
	if err != nil || pid == 0 || !lives(pid) {
		return 0, ""
	}
	return pid, privilege.ProgramOf(pid)
}
