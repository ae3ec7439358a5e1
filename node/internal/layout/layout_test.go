package layout

import "testing"

// TestContexts: a folder's name gives a context, and the context the folder.
func TestContexts(t *testing.T) {
	for _, test := range []struct{ folder, contextPath, version string }{
		{"ROOT", "", ""}, {"ROOT##2", "", "2"}, {"shop", "/shop", ""}, {"shop##10", "/shop", "10"}, {"a#b", "/a/b", ""}, {"root", "/root", ""},
	} {
		contextPath, version := ContextOf(test.folder)
		if contextPath != test.contextPath || version != test.version || FolderOf(contextPath, version) != test.folder {
			t.Errorf("%s: %q, %q, of which the folder is %s", test.folder, contextPath, version, FolderOf(contextPath, version))
		}
	}
}

// TestIsContextPath: what has one reading only is a context path.
func TestIsContextPath(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "/shop": true, "/a/b": true, "/": false, "shop": false, "/shop/": false, "/a/../b": false, "/a//b": false, "/a;b": false, "/a%20b": false, "/a#b": false,
	} {
		if IsContextPath(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// TestUnder: a relative name begins at the base.
func TestUnder(t *testing.T) {
	for _, test := range []struct{ name, want string }{{"webapps", "/srv/webapps"}, {"/data/../x", "/x"}, {"../y", "/y"}} {
		if got := Under("/srv", test.name); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
