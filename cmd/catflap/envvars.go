package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/internal/privilege"
)

// readEnvvars returns what Debian's envvars exports: lines of the form
// [export] NAME=VALUE, the value's $NAME and ${NAME} being earlier ones or of
// the environment. Everything else in the file is shell, which is not run; of
// what stands under a condition there is SUFFIX, which follows from the name
// of the folder: "-two" for /etc/apache2-two.
func readEnvvars(opener privilege.Opener, name string) (map[string]string, error) {
	set := map[string]string{}
	if instance, ok := strings.CutPrefix(filepath.Base(filepath.Dir(name)), "apache2-"); ok {
		set["SUFFIX"] = "-" + instance
	}
	file, err := opener.Read(name)
	if os.IsNotExist(err) {
		return set, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read envvars: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, 1<<20))
	conditions := 0
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(line, "if "):
			conditions++
		case line == "fi":
			conditions--
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok || conditions > 0 || !isName(name) {
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
