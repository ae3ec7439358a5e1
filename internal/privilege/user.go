package privilege

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// A User is whose rights the child has.
type User struct {
	Name   string // for messages
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary ones
}

// LookupUser returns the user that User and Group name, each by name or as
// #NUMBER, with the groups that the system gives to the user. Without a group
// it is the user's own.
//
// Source: httpd modules/arch/unix/mod_unixd.c, unixd_set_user, and its
// unixd_setup_child, as seen at work.
func LookupUser(name, group string) (User, error) {
	u := User{Name: name}
	known, err := user.Lookup(name)
	if number, ok := strings.CutPrefix(name, "#"); ok {
		if u.UID, err = number32(number); err != nil {
			return User{}, fmt.Errorf("user %s: %w", name, err)
		}
		if known, err = user.LookupId(number); err != nil {
			known, err = &user.User{Uid: number}, nil
		}
	}
	if err != nil {
		return User{}, fmt.Errorf("user %s: %w", name, err)
	}
	if u.UID, err = number32(known.Uid); err != nil {
		return User{}, fmt.Errorf("user %s: %w", name, err)
	}
	if u.GID, err = groupNumber(group, known.Gid); err != nil {
		return User{}, err
	}
	u.Groups = []uint32{u.GID}
	if known.Username == "" { // a number that is nobody's
		return u, nil
	}
	more, err := known.GroupIds()
	if err != nil {
		return User{}, fmt.Errorf("groups of user %s: %w", name, err)
	}
	for _, id := range more {
		if gid, err := number32(id); err == nil && !slices.Contains(u.Groups, gid) {
			u.Groups = append(u.Groups, gid)
		}
	}
	return u, nil
}

// groupNumber is the number of a group; own if it is empty.
func groupNumber(group, own string) (uint32, error) {
	switch number, ok := strings.CutPrefix(group, "#"); {
	case ok:
		own = number
	case group != "":
		known, err := user.LookupGroup(group)
		if err != nil {
			return 0, fmt.Errorf("group %s: %w", group, err)
		}
		own = known.Gid
	case own == "":
		return 0, errors.New("the user is in no group: name a Group")
	}
	gid, err := number32(own)
	if err != nil {
		return 0, fmt.Errorf("group %s: %w", group, err)
	}
	return gid, nil
}

func number32(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}
