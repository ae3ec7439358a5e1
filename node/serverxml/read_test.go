package serverxml

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
)

// TestJavaProperties reads what java.util.Properties would.
func TestJavaProperties(t *testing.T) {
	got := javaProperties("# comment = 1\\\n! another\\\na=1\n b : 2 \nc 3\nd\\ e=4\\\n   5\\\n\t6\nf=\\u00e4\\t\\\\\ng\nh=a\\u12\n#i=\\\nj=1\r\nk==2\nl=\\")
	want := map[string]string{"a": "1", "b": "2 ", "c": "3", "d e": "456", "f": "ä\t\\", "g": "", "h": "au12", "j": "1", "k": "=2", "l": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestJavaPattern: what Go reads otherwise than Java, or not at all, is refused;
// what is left matches whole texts.
func TestJavaPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          string // "yes", "no", or a part of the error
	}{
		{`.*\.gif`, "/a.gif", "yes"},
		{`.*\.gif`, "/a.gifx", "no"},
		{`a|b`, "xb", "no"},
		{`[]a]+`, "]a", "yes"},
		{`[^]a]+`, "b", "yes"},
		{`[\]\[]`, "[", "yes"},
		{`\Q[&&\E`, "[&&", "yes"},
		{`\d{2,3}`, "123", "yes"},
		{`(?i)ABC`, "abc", "yes"},
		{`a&&b`, "a&&b", "yes"},
		{`[a&&b]`, "", "&& in [ ]"},
		{`[a[b]]`, "", "[b in [ ]"},
		{`[[:alpha:]]`, "", "[: in [ ]"},
		{`(?=a)`, "", "Perl syntax"},
		{`a++`, "", "nested repetition"},
		{`(a)\1`, "", "escape sequence"},
		{`a)|(b`, "", "unexpected )"},
	} {
		re, err := javaPattern(test.pattern)
		got := "no"
		switch {
		case err != nil:
			got = err.Error()
		case re.MatchString(test.text):
			got = "yes"
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want) || len(test.want) < 4) {
			t.Errorf("%s: %s, want %s", test.pattern, got, test.want)
		}
	}
}

// TestDateFormat: patterns of SimpleDateFormat.
func TestDateFormat(t *testing.T) {
	for _, test := range []struct{ java, want string }{
		{".yyyy-MM-dd", ".%Y-%m-%d"},
		{"yyyyMMdd.HHmmss", "%Y%m%d.%H%M%S"},
		{"'week 'D", ""},
		{"dd'th of 'MMM''yy%", "%dth of %b'%y%%"},
		{"'open", "open"},
		{"", ""},
	} {
		l := &loader{}
		got := given{l, "Valve", syntax.Attribute{Name: "fileDateFormat", Value: test.java}}.dateFormat()
		if got != test.want || (l.found.Errors() > 0) != strings.Contains(test.java, "D") {
			t.Errorf("%s: %s %v, want %s", test.java, got, l.found, test.want)
		}
	}
}

// TestBase: catalina.base is the folder above conf, or that of the file.
func TestBase(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"conf/server.xml", "server.xml"} {
		file := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		text := `<Server port="-1"><Service name="${catalina.base}"><Connector port="0"/><Engine defaultHost="h"><Host name="h"/></Engine></Service></Server>`
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(file, Options{})
		if err != nil || cfg.Base != dir || cfg.File != file || cfg.Services[0].Name != dir {
			t.Errorf("%s: %+v, %v", name, cfg, err)
		}
	}
	// As Debian has it: the folder of the file is elsewhere, and conf leads there.
	etc, states := filepath.Join(dir, "etc/tomcat10"), filepath.Join(dir, "states")
	for _, folder := range []string{etc, filepath.Join(states, "tomcat10"), filepath.Join(states, "other")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tomcat10", "other"} {
		if err := os.Symlink(etc, filepath.Join(states, name, "conf")); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		filepath.Join(etc, "server.xml"): filepath.Join(states, "tomcat10"), filepath.Join(states, "other/conf/server.xml"): filepath.Join(states, "other"),
		filepath.Join(dir, "server.xml"): dir,
	} {
		if base, guessed := baseOf(file, states); base != want || guessed != (want == dir) {
			t.Errorf("%s: %s, guessed %v", file, base, guessed)
		}
	}
	// A guess that makes a folder is told.
	for _, base := range []string{"", dir} {
		told := ""
		if _, err := Load(filepath.Join(dir, "server.xml"), Options{Base: base, Warn: func(text string) { told += text }}); err != nil || strings.Contains(told, "webapps is missing, and is made at the start") != (base == "") {
			t.Errorf("with the base %q: %v, told %q", base, err, told)
		}
	}
	if _, err := Load(filepath.Join(dir, "missing.xml"), Options{}); err == nil || err.Error() != filepath.Join(dir, "missing.xml")+": error: no such file or directory" {
		t.Errorf("a file that is missing: %v", err)
	}
}

// TestMany: a file that is wrong all over is told of in part, and an error that
// comes last is one.
func TestMany(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.xml")
	text := "<Server>" + strings.Repeat("<Servise/>", 50_000) + "<Service/></Server>"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	told := 0
	_, err := Load(file, Options{Warn: func(string) { told++ }})
	if told != maxFound || err == nil || !strings.Contains(err.Error(), "<Service> has no <Engine>") {
		t.Errorf("%d told, %v", told, err)
	}
}

// FuzzLoad: whatever the file says, loading ends without a panic, with a Config
// or errors, each with the name of a file.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`<Server port="8005" portOffset="1"><Service name="a"><Executor name="p" maxThreads="3"/><Connector port="8080" executor="p"/><Engine defaultHost="h"><Host name="h"/></Engine></Service></Server>`))
	f.Add([]byte(`<Server><Service><Connector port="1" SSLEnabled="true"><SSLHostConfig protocols="-all+TLSv1.3"><Certificate certificateFile="x"/></SSLHostConfig></Connector></Service></Server>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s := string(text); strings.Contains(s, "Base") && strings.ContainsAny(s, "/&$") {
			return // stay within the folder
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "webapps"), 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "server.xml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		o := Options{Warn: func(text string) {
			if !strings.HasPrefix(text, dir) {
				t.Errorf("told without a file: %s", text)
			}
		}}
		cfg, err := load(file, o, func(string) (netip.Addr, error) { return netip.Addr{}, fmt.Errorf("no such host") })
		if (cfg == nil) != (err != nil) || err != nil && !strings.HasPrefix(err.Error(), dir) {
			t.Fatalf("config %v, %v", cfg != nil, err)
		}
	})
}
