package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/mistake"
)

// wordsConf stands before each line of httpd-words.txt; httpd had it with all
// its modules.
const wordsConf = "ServerName x.example\nListen 127.0.0.1:19555\nLoadModule ssl_module s\n"

// otherWords are lines on which httpd decides otherwise, and why.
var otherWords = map[string]string{
	"TypesConfig nosuch": "httpd says so only at its start",
	"JkLogFile nosuch/x": "mod_jk says so only at its start",
	"<Directory />;Require ip 10.0.0.0/255.0.255.0;</Directory>":               "no network has such a mask",
	"<Directory />;Allow from 10.0.0.0/255.0.255.0;</Directory>":               "no network has such a mask",
	"<Directory />;Alias /x /y;</Directory>":                                   "one phrase for every context",
	"<Directory />;<RequireAll>;<Files x>;</Files>;</RequireAll>;</Directory>": "<Limit> is not what stands there",
	`LogFormat "%{x"`: "it says what is missing",
	`LogFormat "%"`:   "it says what is missing",
	"<VirtualHost *:80>;LoadModule a b;</VirtualHost>": "modules are not loaded",
	"LogLevel nosuch:info":                             "modules are not loaded",
	"<VirtualHost *:80>;ServerRoot /;</VirtualHost>":   "httpd then misses workers.properties; here it was found before",
}

// TestWords holds our words against those of httpd 2.4.71 with mod_jk 1.2.48:
// each line of testdata/httpd-words.txt is a configuration (";" stands for a
// new line) and what `httpd -t` said. Arguments of directives that are not
// honoured are not checked.
func TestWords(t *testing.T) {
	text, err := os.ReadFile("testdata/httpd-words.txt")
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`httpd\.conf:\d+`)
	used := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		in, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " => ")
		conf := wordsConf
		for _, name := range []string{"TypesConfig conf/mime.types", "JkWorkersFile conf/w.properties"} {
			if directive, _, _ := strings.Cut(name, " "); !strings.Contains(in, directive) {
				conf += name + "\n"
			}
		}
		dir := write(t, map[string]string{"httpd.conf": conf + strings.ReplaceAll(in, ";", "\n") + "\n", "conf/w.properties": "worker.list=w\n", "conf/mime.types": ""})
		_, report := load(dir)
		got := []string{}
		for _, m := range report.Mistakes {
			if m.Severity == mistake.Error {
				got = append(got, number.ReplaceAllString(strings.ReplaceAll(m.Text, dir, "$DIR"), "httpd.conf:N"))
			}
		}
		if agrees(want, got) || want != "Syntax OK" && len(got) == 0 && onlyStandBy(report) {
			continue
		}
		if _, known := otherWords[in]; known {
			used[in] = true
			continue
		}
		t.Errorf("%s\nhttpd: %s\nours:  %q", in, want, got)
	}
	for in := range otherWords {
		if !used[in] {
			t.Errorf("otherWords has a line that is not needed: %s", in)
		}
	}
}

// agrees tells whether one of our errors is httpd's, but for the case of
// letters, or whether both have none.
func agrees(want string, got []string) bool {
	for _, g := range got {
		if strings.EqualFold(strings.TrimSpace(g), strings.TrimSpace(want)) {
			return true
		}
	}
	return want == "Syntax OK" && len(got) == 0
}

// onlyStandBy tells whether the configuration has a directive that is not
// honoured.
func onlyStandBy(r *Report) bool {
	return r.Count(Needless)+r.Count(Unsupported) > 0
}
