package htaccess

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// outcome is what a folder's file means, by the section that was read.
func outcome(s *Store, folder string, allowed settings.Override) string {
	resolver := vhost.NewResolver(vhost.Sections{
		Of: []vhost.Section{{Kind: vhost.Directory, Pattern: "/", Layer: &settings.Layer{Override: &settings.OverrideChange{Allow: &allowed}}}},
		Find: func(f string, a settings.Override) *vhost.Override {
			if f != folder {
				return nil
			}
			return s.Find(f, a)
		},
	})
	merged := resolver.Settings("/x", filepath.Join(folder, "x"), false)
	if merged.Closed != nil {
		return "closed by " + merged.Closed.By
	}
	return strings.Join(merged.Index.Names, " ")
}

func TestFind(t *testing.T) {
	dir, all := t.TempDir(), settings.Override{Classes: settings.OverrideAll}
	reads := 0
	s := New(Config{Names: []string{".acl", ".htaccess"}, Read: func(f File) vhost.Section {
		reads++
		return vhost.Section{Kind: vhost.Directory, Pattern: f.Folder, Layer: &settings.Layer{Index: &settings.IndexChange{Names: []string{string(f.Text)}}}}
	}})
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(rule, text string, n int) {
		t.Helper()
		if got := outcome(s, dir, all); got != text || reads != n {
			t.Errorf("%s: %q after %d reads, want %q, %d", rule, got, reads, text, n)
		}
	}
	want("no file", "index.html", 0)
	write(".htaccess", "one")
	want("a file", "one", 1)
	want("read once", "one", 1)
	write(".htaccess", "other")
	want("another size", "other", 2)
	write(".htaccess", "again")
	if err := os.Chtimes(filepath.Join(dir, ".htaccess"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want("another time", "again", 3)
	if got := outcome(s, dir, settings.Override{Classes: settings.OverrideLimit}); got != "again" || reads != 4 {
		t.Errorf("under another AllowOverride it is read again: %q, %d", got, reads)
	}
	write(".acl", "first")
	want("the first name counts", "first", 5)
	os.Remove(filepath.Join(dir, ".acl"))
	os.Mkdir(filepath.Join(dir, ".acl"), 0o755)
	want("a folder of that name", "closed by "+dir+"/.acl, which cannot be read: it is not a regular file", 5)
	os.Remove(filepath.Join(dir, ".acl"))
	write(".acl", strings.Repeat("x", mostBytes+1))
	want("too large", "closed by "+dir+"/.acl, which cannot be read: it has more than 1048576 bytes", 5)
	os.Remove(filepath.Join(dir, ".acl"))
	os.Symlink(".acl", filepath.Join(dir, ".acl"))
	if got := outcome(s, dir, all); !strings.HasPrefix(got, "closed by ") {
		t.Errorf("a circle of links: %q", got)
	}
	if s.Find(filepath.Join(dir, ".htaccess"), all) != nil {
		t.Error("a file is no folder")
	}
}
