package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnlyPlacesAreReplaced holds every line of the written files against the
// scenario's own.
func TestOnlyPlacesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	main, err := Write(dir, Places{Front: "127.0.0.1:8080", A: "127.0.0.1:8009", B: "127.0.0.2:8010", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"httpd.conf", "workers.properties", "mime.types", "extra/http_jk.conf", "extra/httpd-vhosts.conf"} {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(main), name))
		if err != nil {
			t.Fatal(err)
		}
		original, err := conf.ReadFile("conf/" + name)
		if err != nil {
			t.Fatal(err)
		}
		back := strings.NewReplacer(dir, "", "127.0.0.1:8080", "192.168.1.100:80", "host=127.0.0.1", "host=192.168.1.101",
			"host=127.0.0.2", "host=192.168.1.102", "port=8010", "port=8009",
			"worker.JVMRoute-pj001.secret=s\nworker.JVMRoute-pj002.secret=s\n\n", "").Replace(string(got))
		if back != string(original) {
			t.Errorf("%s is changed in more than its places:\n%s", name, got)
		}
		if strings.Contains(string(got), "192.168.1.") && name != "httpd.conf" {
			t.Errorf("%s keeps an address:\n%s", name, got)
		}
	}
}
