package main

import (
	"embed"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

//go:embed demo/conf demo/htdocs
var demoSite embed.FS

// writeDemoSite writes the configuration and the static pages of the
// demonstration below dir and returns the name of its httpd.conf. ports are
// the AJP connectors of the nodes and of the board.
func writeDemoSite(dir, listen, secret string, ports [3]string) (string, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	words := strings.NewReplacer("@DIR@", dir, "@LISTEN@", listen, "@NAME@", host, "@SECRET@", secret,
		"@PORT1@", ports[0], "@PORT2@", ports[1], "@PORT3@", ports[2])
	site, err := fs.Sub(demoSite, "demo")
	if err != nil {
		return "", err
	}
	err = fs.WalkDir(site, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		text, err := fs.ReadFile(site, name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(words.Replace(string(text))), 0o600)
	})
	return filepath.Join(dir, "conf", "httpd.conf"), err
}
