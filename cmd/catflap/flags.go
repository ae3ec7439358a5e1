package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/privilege"
)

// files are the flags of the commands that read httpd.conf, spelled as
// httpd's own.
type files struct {
	file    string
	root    string
	defines []string
	before  []string
	after   []string
}

func (f *files) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "httpd.conf to read (default "+redHat+", else "+debian+")")
	flags.StringVarP(&f.root, "root", "d", "", "ServerRoot, in place of the built-in one")
	flags.StringArrayVarP(&f.defines, "define", "D", nil, "define `NAME` for <IfDefine>")
	flags.StringArrayVarP(&f.before, "before", "C", nil, "a `line` to process before the file")
	flags.StringArrayVarP(&f.after, "after", "c", nil, "a `line` to process after the file")
}

// Where the distributions keep their httpd.conf.
const (
	redHat  = "/etc/httpd/conf/httpd.conf"
	debian  = "/etc/apache2/apache2.conf"
	envvars = "/etc/apache2/envvars"
)

// options returns what to load.
func (f *files) options(opener privilege.Opener) (config.Options, error) {
	o := config.Options{
		File: f.file, Root: f.root, Defines: f.defines, Before: f.before, After: f.after,
		Env: os.LookupEnv, Opener: opener,
	}
	if o.File != "" {
		return o, nil
	}
	for _, name := range []string{redHat, debian} {
		if _, err := opener.Stat(name); err == nil {
			o.File = name
			break
		}
	}
	switch o.File {
	case "":
		return o, failed("no configuration: neither %s nor %s is there; name yours with -f FILE", redHat, debian)
	case debian:
		set, err := readEnvvars(opener)
		if err != nil {
			return o, failed("%v", err)
		}
		o.Env = func(name string) (string, bool) {
			if value, ok := os.LookupEnv(name); ok {
				return value, true
			}
			value, ok := set[name]
			return value, ok
		}
	}
	return o, nil
}

// readEnvvars returns what Debian's envvars exports: lines of the form
// [export] NAME=VALUE, the value's $NAME and ${NAME} being earlier ones or of
// the environment. Everything else in the file is shell, which is not run.
func readEnvvars(opener privilege.Opener) (map[string]string, error) {
	set := map[string]string{}
	file, err := opener.Read(envvars)
	if os.IsNotExist(err) {
		return set, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read envvars: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, 1<<20))
	for lines.Scan() {
		line := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export ")
		name, value, ok := strings.Cut(line, "=")
		if !ok || !isName(name) {
			continue
		}
		value = strings.Trim(value, `"'`)
		set[name] = os.Expand(value, func(n string) string {
			if v, ok := set[n]; ok {
				return v
			}
			return os.Getenv(n)
		})
	}
	return set, lines.Err()
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
