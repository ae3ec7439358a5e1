package static

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// mostLinks bounds how many symlinks lead to one file.
const mostLinks = 40

// open opens name, which is below d. A symlink that os.Root takes for a way
// out, since it is absolute or climbs above d and comes back, is followed here
// as far as it stays below d.
func (d *root) open(name string) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	file, err := d.OpenFile(name, flags, 0)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		return file, err
	}
	if found, ok := d.resolve(name); ok {
		return d.OpenFile(found, flags, 0)
	}
	return nil, err
}

// resolve returns the name below d, without a symlink in it, of what name
// leads to; ok is false if that is missing or not below d.
func (d *root) resolve(name string) (found string, ok bool) {
	left, links := strings.Split(name, "/"), 0
	for len(left) > 0 {
		next := path.Join(found, left[0])
		left = left[1:]
		info, err := d.Lstat(next)
		if err != nil {
			return "", false
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			found = next
			continue
		}
		target, err := d.Readlink(next)
		if links++; err != nil || links > mostLinks {
			return "", false
		}
		if target, ok = d.below(found, target); !ok {
			return "", false
		}
		left, found = append(strings.Split(target, "/"), left...), ""
	}
	return found, true
}

// below returns the name below d of the target of a symlink in folder.
func (d *root) below(folder, target string) (string, bool) {
	if !path.IsAbs(target) {
		target = path.Join(d.Name(), folder, target)
	}
	target = path.Clean(target)
	for _, top := range [...]string{path.Clean(d.Name()), d.real} {
		if target == top {
			return ".", true
		}
		if rest, ok := strings.CutPrefix(target, strings.TrimSuffix(top, "/")+"/"); ok {
			return rest, true
		}
	}
	return "", false
}

// checksLinks reports whether the settings of x restrict symlinks.
// SymLinksIfOwnerMatch does, with FollowSymLinks or without.
func checksLinks(x *exchange.Exchange) bool {
	o := x.Settings.Options
	return !o.Has(settings.FollowSymLinks) || o.Has(settings.SymLinksIfOwnerMatch)
}

// linksAllowed refuses symlinks below the root, or those whose owner is not
// that of what they lead to.
//
// Source: httpd server/request.c, resolve_symlink, as seen at work.
func linksAllowed(d *root, x *exchange.Exchange, below string) error {
	at := ""
	for part := range strings.SplitSeq(below, "/") {
		at = path.Join(at, part)
		info, err := d.Lstat(at)
		if err != nil {
			return explain(x, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		found, ok := d.resolve(at)
		if !x.Settings.Options.Has(settings.SymLinksIfOwnerMatch) || ok && !sameOwner(d, found, info) {
			return linkRefused(x, at)
		}
		if !ok {
			return nil // opening it tells why
		}
		at = found
	}
	return nil
}

func linkRefused(x *exchange.Exchange, link string) *exchange.Refusal {
	return &exchange.Refusal{Status: http.StatusForbidden, Code: "AH00037",
		Log: "Symbolic link not allowed or link target not accessible: " + path.Join(x.Target.Root, link), Level: "error", Module: "core"}
}

// sameOwner reports whether the owner of found is that of the link.
func sameOwner(d *root, found string, link fs.FileInfo) bool {
	target, err := d.Lstat(found)
	if err != nil {
		return false
	}
	a, ok1 := link.Sys().(*syscall.Stat_t)
	b, ok2 := target.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && a.Uid == b.Uid
}

// isFolder reports whether name leads to a folder below d.
func (d *root) isFolder(name string) bool {
	found, ok := d.resolve(name)
	if !ok {
		return false
	}
	info, err := d.Lstat(found)
	return err == nil && info.IsDir()
}

// dangles reports whether name is a symlink.
func (d *root) dangles(name string) bool {
	info, err := d.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
