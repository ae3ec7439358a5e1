package privilege

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// stranger is a user who may write nothing of this test's.
var stranger = User{Name: "stranger", UID: 54321, GID: 54321, Groups: []uint32{54321}}

// owner returns a user, not root, to whom all below folder then belongs.
func owner(t *testing.T, folder string) User {
	u := User{Name: "owner", UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	if u.UID == 0 {
		u.UID, u.GID = 54322, 54322
		err := filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, int(u.UID), int(u.GID)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// tree makes a folder with files, each of which holds its own name; a value
// that is not empty makes a symlink.
func tree(t *testing.T, entries map[string]string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, link := range entries {
		full := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if link == "" {
			err = os.WriteFile(full, []byte(name), 0o600)
		} else {
			err = os.Symlink(strings.ReplaceAll(link, "ROOT", folder), full)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

var ways = map[string]string{
	"a/file": "", "a/link": "file", "a/up": "../b/file", "a/absolute": "ROOT/b/file", "a/chain": "absolute",
	"b/file": "", "folder": "a", "deep": "ROOT/folder/../folder", "circle": "circle", "nowhere": "b/new",
}

// TestGuardFollows: where the user may write nothing, a name leads where it
// leads for everybody.
func TestGuardFollows(t *testing.T) {
	root := tree(t, ways)
	for name, want := range map[string]string{
		"a/file": "a/file", "a/link": "a/file", "a/up": "b/file", "a/absolute": "b/file", "a/chain": "b/file",
		"folder/link": "a/file", "deep/./up": "b/file", "a/../b//file": "b/file",
	} {
		file, err := stranger.open(root+"/"+name, os.O_RDONLY, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text, err := io.ReadAll(file); string(text) != want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
		file.Close()
		if info, err := stranger.stat(root + "/" + name); err != nil || info.Size() != int64(len(want)) {
			t.Errorf("%s: stat %v", name, err)
		}
	}
	for name, want := range map[string]error{
		"circle": syscall.ELOOP, "a/none": syscall.ENOENT, "none/file": syscall.ENOENT, "a/file/x": syscall.ENOTDIR, "nowhere": syscall.ENOENT,
	} {
		if _, err := stranger.open(root+"/"+name, os.O_RDONLY, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if _, err := stranger.stat(root + "/" + name); !errors.Is(err, want) {
			t.Errorf("%s: stat: %v, want %v", name, err, want)
		}
	}
	if file, err := stranger.open("/", os.O_RDONLY, 0); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
}

// TestGuardMakes: a log that is not there yet is made, also at the end of a
// symlink.
func TestGuardMakes(t *testing.T) {
	root := tree(t, ways)
	for name, at := range map[string]string{"a/log": "a/log", "nowhere": "b/new"} {
		file, err := stranger.open(root+"/"+name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		file.WriteString("line")
		file.Close()
		if text, err := os.ReadFile(root + "/" + at); string(text) != "line" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// TestGuardRefuses: in a folder that the user may write nothing leads to
// somewhere else.
func TestGuardRefuses(t *testing.T) {
	root := tree(t, ways)
	u := owner(t, root)
	if err := syscall.Mkfifo(root+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(root+"/a/file", root+"/a/other"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/link", "a/up", "a/absolute", "folder/file", "deep/file", "circle", "nowhere", "fifo", "a/file", "a/other"} {
		for _, flags := range []int{os.O_RDONLY, os.O_APPEND | os.O_CREATE | os.O_WRONLY} {
			file, err := u.open(root+"/"+name, flags, 0o644)
			if err == nil {
				file.Close()
				t.Errorf("%s: opened", name)
			} else if name != "fifo" && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, name := range []string{"b/file", "b/new", "b"} {
		flags := os.O_RDWR | os.O_CREATE
		if name == "b" {
			flags = os.O_RDONLY
		}
		file, err := u.open(root+"/"+name, flags, 0o644)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file.Close()
	}
}

// TestGuardIn: what is done to a name is done in its folder, and told of the
// name as it is written.
func TestGuardIn(t *testing.T) {
	root := tree(t, ways)
	u := owner(t, root)
	if err := u.in(root+"/a/link", os.Remove); err != nil {
		t.Error(err) // the link itself
	}
	if _, err := os.Lstat(root + "/a/link"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := u.in(root+"/folder/file", os.Remove); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	err := u.in(root+"/a/none", os.Remove)
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "remove "+root+"/a/none: no such file or directory" {
		t.Error(err)
	}
}

// TestGuardShared: in a folder such as /tmp what belongs to somebody else
// cannot be replaced, what is missing can.
func TestGuardShared(t *testing.T) {
	root := tree(t, map[string]string{"file": "", "link": "file"})
	for _, c := range []struct {
		mode        fs.FileMode
		name        string
		wantLoose   bool
		description string
	}{
		{0o755, "none", false, "a folder of ours"},
		{0o777, "file", true, "a folder for all"},
		{0o777 | fs.ModeSticky, "file", false, "a shared folder"},
		{0o777 | fs.ModeSticky, "none", true, "a missing name in a shared folder"},
	} {
		if err := os.Chmod(root, c.mode); err != nil {
			t.Fatal(err)
		}
		at, err := stranger.find(root+"/"+c.name, true)
		if err != nil {
			t.Fatal(err)
		}
		at.close()
		if at.loose != c.wantLoose {
			t.Errorf("%s: loose is %t", c.description, at.loose)
		}
	}
}

// TestGuardGroup: a folder that one of the user's groups may write is one that
// the user may write.
func TestGuardGroup(t *testing.T) {
	root := tree(t, map[string]string{"file": ""})
	os.Chmod(root, 0o775)
	group := uint32(os.Getgid())
	for _, c := range []struct {
		u    User
		want bool
	}{
		{stranger, false},
		{User{UID: 54321, GID: group}, true},
		{User{UID: 54321, GID: 54321, Groups: []uint32{1, group}}, true},
	} {
		at, err := c.u.find(root+"/file", true)
		if err != nil {
			t.Fatal(err)
		}
		at.close()
		if at.loose != c.want {
			t.Errorf("%+v: loose is %t", c.u, at.loose)
		}
	}
}

// TestGuardProc: a log that is a link to what the process writes to, as in
// containers, is just that.
func TestGuardProc(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	root := tree(t, map[string]string{"log": "/dev/fd/" + strconv.Itoa(int(to.Fd()))})
	file, err := stranger.open(root+"/log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("line")
	file.Close()
	line := make([]byte, 10)
	if n, err := from.Read(line); string(line[:n]) != "line" {
		t.Error(line[:n], err)
	}
}
