// Package scenario is the configuration that the project starts from: one
// front, two Tomcats, four sites. What comes in are a folder and the addresses
// of this machine, what goes out are the files below conf with nothing but
// addresses, ports and folders replaced, and the sites' static files.
package scenario

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

//go:embed conf
var conf embed.FS

// Places are what is replaced.
type Places struct {
	Front  string // where the front listens, IP:port
	TLS    string // and for TLS, IP:port; empty: not at all
	A, B   string // the AJP connectors of JVMRoute-pj001 and JVMRoute-pj002, IP:port
	Secret string // of both; empty if they have none
}

// Sites are the document roots, below Write's folder, and the name of each.
var Sites = map[string]string{
	"home/apache2/htdocs":          "127.0.0.1",
	"home/apache2/htdocs/resource": "www.resource.example",
	"home/webapps/site-a":          "site-a.example",
	"home/webapps/site-b":          "site-b.example",
	"home/webapps/site-c":          "site-c.example",
}

// Write writes the configuration and static files below dir, which is absolute,
// and returns the name of its httpd.conf.
func Write(dir string, p Places) (string, error) {
	server := filepath.Join(dir, "usr/local/apache2")
	for _, folder := range []string{"usr/local/apache2/logs", "home/logs/apache2/mod_jk"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return "", err
		}
	}
	for root, name := range Sites {
		if err := site(filepath.Join(dir, root), name); err != nil {
			return "", err
		}
	}
	err := fs.WalkDir(conf, "conf", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := conf.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(server, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		replaced, err := replace(string(text), dir, p)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(replaced), 0o644)
	})
	main := filepath.Join(server, "conf/httpd.conf")
	if err == nil && p.TLS != "" {
		err = include(main, "conf/extra/httpd-ssl.conf")
	}
	return main, err
}

// include appends an Include to a file.
func include(file, what string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, "Include "+what)
	return errors.Join(err, f.Close())
}

// site writes the static files of one document root.
func site(root, name string) error {
	if err := os.MkdirAll(filepath.Join(root, "css"), 0o755); err != nil {
		return err
	}
	page := fmt.Sprintf("<!doctype html>\n<title>%s</title>\n<link rel=\"stylesheet\" href=\"/css/site.css\">\n<h1>%s</h1>\n<p>A static page of the front.</p>\n", name, name)
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "css/site.css"), []byte("h1 { color: darkgreen }\n"), 0o644)
}

// replace puts the places of this machine into text.
func replace(text, dir string, p Places) (string, error) {
	hostA, portA, errA := net.SplitHostPort(p.A)
	hostB, portB, errB := net.SplitHostPort(p.B)
	if errA != nil || errB != nil {
		return "", fmt.Errorf("the nodes %q and %q want to be IP:port", p.A, p.B)
	}
	pairs := []string{
		"192.168.1.100:80", p.Front,
		"192.168.1.100:443", p.TLS,
		"host=192.168.1.101\nworker.JVMRoute-pj001.port=8009", "host=" + hostA + "\nworker.JVMRoute-pj001.port=" + portA,
		"host=192.168.1.102\nworker.JVMRoute-pj002.port=8009", "host=" + hostB + "\nworker.JVMRoute-pj002.port=" + portB,
		`"/usr/local/apache2"`, `"` + dir + `/usr/local/apache2"`,
		`"/home/`, `"` + dir + `/home/`,
		" /home/", " " + dir + "/home/",
	}
	if p.Secret != "" {
		pairs = append(pairs, "worker.jk_watcher.type=status",
			"worker.JVMRoute-pj001.secret="+p.Secret+"\nworker.JVMRoute-pj002.secret="+p.Secret+"\n\nworker.jk_watcher.type=status")
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}
