package privilege

import (
	"fmt"
	"os/user"
	"slices"
	"testing"
)

// TestLookupUser: User and Group as httpd reads them.
func TestLookupUser(t *testing.T) {
	for _, c := range []struct {
		user, group string
		want        string // name, uid, gid, first group
		err         string
	}{
		{"root", "", "root 0 0 [0]", ""},
		{"#0", "", "#0 0 0 [0]", ""},
		{"daemon", "#7", "daemon 1 7 [7", ""},
		{"#4000111222", "#5", "#4000111222 4000111222 5 [5]", ""},
		{"#4000111222", "", "", "the user is in no group: name a Group"},
		{"no.such", "", "", "user no.such: user: unknown user no.such"},
		{"root", "no.such", "", "group no.such: group: unknown group no.such"},
		{"#x", "", "", `user #x: strconv.ParseUint: parsing "x": invalid syntax`},
		{"root", "#x", "", `group #x: strconv.ParseUint: parsing "x": invalid syntax`},
		{"#4294967296", "#1", "", `user #4294967296: strconv.ParseUint: parsing "4294967296": value out of range`},
	} {
		u, err := LookupUser(c.user, c.group)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s %s: %v", c.user, c.group, err)
			}
			continue
		}
		got := fmt.Sprintf("%s %d %d %v", u.Name, u.UID, u.GID, u.Groups)
		if err != nil || got[:min(len(got), len(c.want))] != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.user, c.group, got, err, c.want)
		}
	}
}

// TestLookupUserGroups: the user's groups are those of the system, and the
// Group.
func TestLookupUserGroups(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := me.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	u, err := LookupUser(me.Username, "#12321")
	if err != nil || u.GID != 12321 || u.Groups[0] != 12321 {
		t.Fatal(u, err)
	}
	for _, id := range ids {
		if n, _ := number32(id); !slices.Contains(u.Groups, n) {
			t.Errorf("group %s is missing in %v", id, u.Groups)
		}
	}
}
