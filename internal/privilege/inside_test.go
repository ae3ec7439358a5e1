package privilege

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestInside: what is inside is written, everything else is refused and left
// as it was.
func TestInside(t *testing.T) {
	top := t.TempDir()
	i := Inside{Direct{}, filepath.Join(top, "in")}
	os.Mkdir(i.Dir, 0o755)
	for _, c := range []struct {
		name string
		may  bool
	}{
		{"in/log", true}, {"out", false}, {"in/../out", false}, {"inner", false}, {"in", false},
	} {
		name := top + "/" + c.name
		file, err := i.Append(name)
		if err == nil {
			file.Close()
		}
		for what, err := range map[string]error{
			"append": err, "pid": i.WritePid(name), "state": i.WriteState(name, nil), "no state": i.RemoveState(name), "no pid": i.RemovePid(name),
		} {
			if c.may && err != nil || !c.may && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s %s: %v", what, c.name, err)
			}
		}
	}
	if _, err := i.Pipe("|cat"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a program: %v", err)
	}
	if left, _ := filepath.Glob(top + "/*"); len(left) != 1 {
		t.Errorf("written outside: %q", left)
	}
}
