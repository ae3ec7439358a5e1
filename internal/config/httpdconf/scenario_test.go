package httpdconf_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// scenario returns the scenario's files where its httpd.conf expects them.
func scenario(t testing.TB) map[string]string {
	t.Helper()
	contents := map[string]string{}
	for _, name := range []string{"httpd.conf", "extra/http_jk.conf", "extra/httpd-vhosts.conf"} {
		text, err := os.ReadFile("testdata/scenario/" + name)
		if err != nil {
			t.Fatal(err)
		}
		contents["/usr/local/apache2/conf/"+name] = string(text)
	}
	return contents
}

// TestScenario reads the scenario's files as they are, without a mistake.
func TestScenario(t *testing.T) {
	o := options(scenario(t))
	o.File = "/usr/local/apache2/conf/httpd.conf"
	got, found := httpdconf.Parse(o)
	if len(found) > 0 {
		t.Fatal(found)
	}
	if want := []string{o.File, "/usr/local/apache2/conf/extra/http_jk.conf", "/usr/local/apache2/conf/extra/httpd-vhosts.conf"}; !slices.Equal(got.Files, want) {
		t.Errorf("read %q, want %q", got.Files, want)
	}
	counts := map[string]int{}
	count(counts, got.Directives)
	want := map[string]int{"JkMount": 6 + 8 + 2 + 7, "VirtualHost": 4, "Directory": 4, "LoadModule": 9, "ServerName": 5, "Options": 3, "ServerRoot": 1}
	for name := range counts {
		if _, asked := want[name]; !asked {
			delete(counts, name)
		}
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("number of directives (-want +got):\n%s", diff)
	}
	for _, d := range got.Directives {
		if d.Name == "JkOptions" && d.Pos.String() != "/usr/local/apache2/conf/extra/http_jk.conf:17:1" {
			t.Errorf("JkOptions is at %s", d.Pos)
		}
	}
}

func count(counts map[string]int, directives []httpdconf.Directive) {
	for _, d := range directives {
		counts[d.Name]++
		count(counts, d.Body)
	}
}

// TestBounds ends files that would never end, or fill the memory.
func TestBounds(t *testing.T) {
	double := "Define A xxxxxxxxxxxxxxxx\n" + strings.Repeat("Define A ${A}${A}\n", 64) + "User a"
	macros := "<Macro M0>\nUser a\n</Macro>\n"
	for i := range 40 {
		macros += strings.NewReplacer("P", string(rune('a'+i%26))+string(rune('a'+i/26)), "Q", string(rune('a'+(i+1)%26))+string(rune('a'+(i+1)/26))).
			Replace("<Macro Q>\nUse P\nUse P\n</Macro>\n")
	}
	macros += "<Macro aa>\nUser a\n</Macro>\nUse ob"
	for _, test := range []struct{ rule, text, want string }{
		{"bytes", strings.Repeat("#", 70000), "httpd.conf: error: all files, variables and macros together have more than 65536 bytes: the rest is not read"},
		{"variables that double", double, "httpd.conf:12: error: all files, variables and macros together have more than 65536 bytes: the rest is not read"},
		{"macros that double", macros, "httpd.conf:33: error: all files and macros together have more than 1000 lines: the rest is not read"},
		{"lines", strings.Repeat("\n", 1001), "httpd.conf:1001: error: all files and macros together have more than 1000 lines: the rest is not read"},
		{"files", strings.Repeat("Include a\n", 50), "a: error: more than 20 files are included: the rest is not read"},
		{"files that include each other twice", "Include b", "b:1:9: error: Exceeded maximum include depth of 10, There appears to be a recursion."},
		{"sections", strings.Repeat("<If a>\n", 11) + strings.Repeat("</If>\n", 11) + "User a", "httpd.conf:11:1: error: more than 10 sections inside each other"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			o := options(map[string]string{"httpd.conf": test.text, "a": "", "b": "Include b\nInclude b\n"})
			o.MaxBytes, o.MaxLines, o.MaxDepth, o.MaxFiles = 1<<16, 1000, 10, 20
			_, found := httpdconf.Parse(o)
			if got := firstLines(found.Error()); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	o := options(map[string]string{"httpd.conf": strings.Repeat("Bogus\n", 2000)})
	_, found := httpdconf.Parse(o)
	if len(found) != 1001 || found[1000].Text != "more than 1000 mistakes: the rest is not read" {
		t.Errorf("%d mistakes, the last %v", len(found), found[len(found)-1])
	}
}
