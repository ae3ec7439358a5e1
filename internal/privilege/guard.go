package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A spot is where a name leads: an entry, there or not, of an open folder.
type spot struct {
	folder *os.File // open by O_PATH
	base   string
	loose  bool // the user may replace what is there
	system bool // below ownProc
}

func (s *spot) close() {
	if s.folder != nil {
		s.folder.Close()
	}
}

// path names the spot, whatever becomes of the folders above.
func (s *spot) path() string { return fmt.Sprintf("/proc/self/fd/%d/%s", s.folder.Fd(), s.base) }

// mostLinks bounds how many symlinks one name leads through.
const mostLinks = 40

// find goes where name leads, folder by folder, without being led astray by u:
// below a folder in which u may replace what the next step meets, it follows
// no symlink but those that root made. With last, it follows one at the end,
// too. The caller closes the spot.
func (u User) find(name string, last bool) (*spot, error) {
	at := &spot{base: "."}
	abs, err := filepath.Abs(name)
	if err == nil {
		err = at.walk(u, abs, last)
	}
	if err != nil {
		at.close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return at, nil
}

func (s *spot) walk(u User, name string, last bool) error {
	err := s.enter(unix.AT_FDCWD, "/")
	rest := steps(name)
	if err == nil && strings.HasPrefix(name, ownProc) {
		return s.walkProc(rest)
	}
	for links := 0; err == nil && len(rest) > 0; {
		s.base, rest = rest[0], rest[1:]
		var target string
		if target, err = s.look(u, last || len(rest) > 0); err != nil {
			return err
		}
		switch {
		case target != "":
			if links++; links > mostLinks {
				return syscall.ELOOP
			}
			rest = append(steps(target), rest...)
			s.base = "."
			if filepath.IsAbs(target) {
				s.loose = false
				err = s.enter(unix.AT_FDCWD, "/")
			}
			if err == nil && strings.HasPrefix(target, ownProc) {
				return s.walkProc(rest)
			}
		case len(rest) > 0:
			err = s.enter(int(s.folder.Fd()), s.base)
		}
	}
	return err
}

// ownProc is where /dev/stdout and the like lead to: links there are not what
// they read as.
const ownProc = "/proc/self/"

// walkProc leaves ownProc to the kernel: the user has no say there.
func (s *spot) walkProc(rest []string) error {
	s.system, s.base = true, rest[len(rest)-1]
	folder, err := os.OpenFile("/"+filepath.Join(rest[:len(rest)-1]...), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return errnoOf(err)
	}
	s.folder.Close()
	s.folder = folder
	return nil
}

// steps are the names on the way.
func steps(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}

// enter goes into a folder, which is no symlink.
func (s *spot) enter(from int, name string) error {
	fd, err := unix.Openat(from, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.close()
	s.folder = os.NewFile(uintptr(fd), name)
	return nil
}

// look notes whether u may replace the entry. With follow it returns where a
// symlink points, empty if it is none.
func (s *spot) look(u User, follow bool) (target string, err error) {
	var folder, entry unix.Stat_t
	fd := int(s.folder.Fd())
	if err := unix.Fstat(fd, &folder); err != nil {
		return "", err
	}
	err = unix.Fstatat(fd, s.base, &entry, unix.AT_SYMLINK_NOFOLLOW)
	there := err == nil
	if !there && err != unix.ENOENT {
		return "", err
	}
	s.loose = s.loose || u.mayReplace(fd, &folder, &entry, there)
	if !there || !follow || entry.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if s.loose && entry.Uid != 0 {
		return "", fmt.Errorf("%w: %s is a symlink, not root's, in a folder that user %s may write; with the rights of root it is not followed", syscall.EPERM, s.base, u.Name)
	}
	to := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, s.base, to)
	if err != nil {
		return "", err
	}
	return string(to[:n]), nil
}

// mayReplace reports whether u may take away what is in a folder under a name,
// or make it. What access lists say is taken at its most.
func (u User) mayReplace(fd int, folder, entry *unix.Stat_t, there bool) bool {
	mayWrite := folder.Uid == u.UID || folder.Mode&0o002 != 0
	if !mayWrite && folder.Mode&0o020 != 0 {
		list, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "system.posix_acl_access", nil)
		mayWrite = folder.Gid == u.GID || slices.Contains(u.Groups, folder.Gid) || err == nil && list > 0
	}
	sticky := folder.Mode&unix.S_ISVTX != 0 && folder.Uid != u.UID
	return mayWrite && !(sticky && there && entry.Uid != u.UID)
}

// open opens name; what u may have put there only if it is a file with no
// other name, or a folder.
func (u User) open(name string, flags int, mode uint32) (*os.File, error) {
	at, err := u.find(name, true)
	if err != nil {
		return nil, err
	}
	defer at.close()
	flags |= unix.O_CLOEXEC
	if at.system {
		file, err := os.OpenFile(at.path(), flags, fs.FileMode(mode))
		if err != nil {
			err = &fs.PathError{Op: "open", Path: name, Err: errnoOf(err)}
		}
		return file, err
	}
	if at.loose {
		flags |= unix.O_NONBLOCK // a FIFO waits for nobody
	}
	fd, err := unix.Openat(int(at.folder.Fd()), at.base, flags|unix.O_NOFOLLOW, mode)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file := os.NewFile(uintptr(fd), name)
	var is unix.Stat_t
	err = unix.Fstat(fd, &is)
	if err == nil && at.loose && is.Mode&unix.S_IFMT != unix.S_IFDIR && (is.Mode&unix.S_IFMT != unix.S_IFREG || is.Nlink != 1) {
		err = fmt.Errorf("%w: it is in a folder that user %s may write, and not a file with this name only; with the rights of root it is not opened", syscall.EPERM, u.Name)
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file, nil
}

// read opens name for reading, as Opener.Read.
func (u User) read(name string) (*os.File, error) {
	file, err := u.open(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(name, file)
}

// stat tells about what name leads to.
func (u User) stat(name string) (fs.FileInfo, error) {
	at, err := u.find(name, true)
	if err != nil {
		return nil, err
	}
	defer at.close()
	info, err := os.Lstat(at.path())
	if at.system && err == nil {
		info, err = os.Stat(at.path())
	}
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: errnoOf(err)}
	}
	return info, nil
}

// in runs do with another name for name, under which no folder on the way can
// be exchanged.
func (u User) in(name string, do func(name string) error) error {
	at, err := u.find(name, false)
	if err != nil {
		return err
	}
	defer at.close()
	if err := do(at.path()); err != nil {
		return &toldError{strings.ReplaceAll(err.Error(), at.path(), name), errnoOf(err)}
	}
	return nil
}

// errnoOf is the number in err, 0 if there is none.
func errnoOf(err error) syscall.Errno {
	number, _ := errors.AsType[syscall.Errno](err)
	return number
}
