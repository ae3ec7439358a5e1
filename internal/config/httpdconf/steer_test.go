package httpdconf_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// TestConditions asks each condition once. "yes" and "no" tell whether what
// the section contains is read; otherwise it is the mistake.
func TestConditions(t *testing.T) {
	for _, test := range []struct{ condition, want string }{
		{"IfModule jk_module", "yes"},
		{"IfModule mod_jk.c", "yes"},
		{"IfModule !mod_jk.c", "no"},
		{"IfModule ! mod_jk.c", "no"},
		{`IfModule "mod_jk.c"`, "yes"},
		{`IfModule "!mod_jk.c"`, "no"},
		{"IfModule MOD_JK.c", "no"},
		{"IfModule jk", "no"},
		{"IfModule mod_ssl.c", "no"},
		{"IfModule !mod_ssl.c", "yes"},
		{"IfModule later_module", "no"},
		{"IfModule core.c", "yes"},
		{"IfModule core_module", "yes"},
		{"IfModule http_core.c", "yes"},
		{"IfModule mpm_event_module", "yes"},
		{"IfModule event.c", "yes"},
		{"IfModule mod_mpm_event.c", "no"},
		{"IfModule mod_php7.c", "yes"},
		{"IfModule php_module", "yes"},
		{"IfModule mod_unixd.c", "yes"},
		{"IfModule unixd_module", "yes"},
		{"IfModule mod_jk.c x", "httpd.conf:7:20: warning: <IfModule> looks at its first argument only\nyes"},
		{"IfModule ! mod_jk.c x", "httpd.conf:7:22: warning: <IfModule> looks at its first argument only\nno"},
		{"IfModule", "httpd.conf:7:1: error: <IfModule> directive requires additional arguments\nno"},
		{"IfModule !", "httpd.conf:7:1: error: <IfModule> directive requires additional arguments\nno"},
		{"IfDefine Given", "yes"},
		{"IfDefine Here", "yes"},
		{"IfDefine HERE", "no"},
		{"IfDefine !Here", "no"},
		{"IfDefine Name=value", "yes"},
		{"IfDefine ${Here}", "no"},
		{"IfFile conf/here", "yes"},
		{"IfFile /elsewhere", "yes"},
		{"IfFile !conf/here", "no"},
		{"IfFile /root/conf", "yes"},
		{"IfFile /nowhere", "no"},
		{"IfDirective listen", "yes"},
		{"IfDirective Include", "yes"},
		{"IfDirective <VirtualHost", "yes"},
		{"IfDirective VirtualHost", "no"},
		{"IfDirective !Bogus", "yes"},
		{"IfSection VirtualHost", "yes"},
		{"IfSection IfModule", "yes"},
		{"IfSection Listen", "no"},
		{"IfSection <VirtualHost", "no"},
		{"IfVersion 2.4.66", "yes"},
		{"IfVersion 2.4", "no"},
		{"IfVersion = 2.4.66", "yes"},
		{"IfVersion == 2.4.65", "no"},
		{"IfVersion >= 2.4", "yes"},
		{"IfVersion >= 2.4.", "yes"},
		{"IfVersion > 2", "yes"},
		{"IfVersion < 2.10", "yes"},
		{"IfVersion <= 2.4.66", "yes"},
		{"IfVersion !>= 2.5", "yes"},
		{"IfVersion != 2.4.66", "no"},
		{"IfVersion ~ 2\\.[45]", "yes"},
		{"IfVersion !~ ^2.4", "no"},
		{"IfVersion /^2\\.4/", "yes"},
		{"IfVersion = /66$/", "yes"},
		{`IfVersion >= "2.4"`, "yes"},
		{"IfVersion ~ /2.4/", "no"},
		{"IfVersion ! > 2.5", "httpd.conf:7:1: error: <IfVersion> takes an operator and a version\nno"},
		{"IfVersion ! 2.5", "httpd.conf:7:12: error: unrecognized operator '!'\nno"},
		{"IfVersion => 2.4", "httpd.conf:7:12: error: unrecognized operator '=>'\nno"},
		{"IfVersion /2.4", "httpd.conf:7:12: error: Missing delimiting / of regular expression.\nno"},
		{"IfVersion ~ [", "httpd.conf:7:12: error: Unable to compile regular expression\nno"},
		{"IfVersion >=2.4", "httpd.conf:7:12: error: Version appears to be invalid. It must have the format major[.minor[.patch]] where major, minor and patch are numbers.\nno"},
		{"IfVersion 2.4.66.1", "httpd.conf:7:12: error: Version appears to be invalid. It must have the format major[.minor[.patch]] where major, minor and patch are numbers.\nno"},
		{"IfVersion ", "httpd.conf:7:1: error: Version appears to be invalid. It must have the format major[.minor[.patch]] where major, minor and patch are numbers.\nno"},
	} {
		t.Run(test.condition, func(t *testing.T) {
			o := options(map[string]string{"/root/conf/here": "", "/elsewhere": "", "httpd.conf": `LoadModule jk_module modules/mod_jk.so
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule php_module modules/libphp7.so
Define Here Other
ServerRoot /root

<` + test.condition + ">\nListen 80\n</" + strings.Fields(test.condition)[0] + ">\nLoadModule later_module x.so\n"})
			o.Defines, o.Static = []string{"Given", "Name=value"}, []string{"core_module", "http_module", "mod_unixd.c"}
			got, found := httpdconf.Parse(o)
			want, skipped := "no", len(got.Skipped)
			for _, d := range got.Directives {
				if d.Name == "Listen" {
					want = "yes"
				}
			}
			if len(found) > 0 {
				want = firstLines(found.Error()) + "\n" + want
			}
			if want != test.want {
				t.Errorf("got %s, want %s", want, test.want)
			}
			if noted := skipped == 1; noted != (want == "no" || strings.HasSuffix(want, "only\nno")) {
				t.Errorf("noted as skipped: %v", noted)
			}
		})
	}
}

// TestSteering shows how sections that are left out, variables and included
// files change what is read.
func TestSteering(t *testing.T) {
	for _, test := range []struct {
		rule  string
		files string // the main file, then "== NAME" and others
		want  string
	}{
		{"what a true condition contains belongs to the section around", "<VirtualHost a>\n<IfDefine !X>\nListen 80\n</IfDefine>\n</VirtualHost>",
			"1:1 VirtualHost 1:14[a] {\n  3:1 Listen 3:8[80]\n}5:1"},
		{"in what is left out only the nesting counts", "<IfDefine X>\nBogus \"a\n<Bogus>\n<IfDefine Y>\n</IfDefine>\n</Bogus>\n</IfDefine>\nListen 80", "8:1 Listen 8:8[80]"},
		{"a comment in it is none of that", "<IfDefine X>\n# </IfDefine>\n</IfDefine>\nListen 80", "4:1 Listen 4:8[80]"},
		{"a wrong tag in it", "<IfDefine X>\n<VirtualHost a>\n</Directory>\n</VirtualHost>\n</IfDefine>\nListen 80", "6:1 Listen 6:8[80]\n" +
			"httpd.conf:3:1: error: Expected </VirtualHost> but saw </Directory>"},
		{"an open section in it", "<IfDefine X>\n<VirtualHost a>\n</IfDefine>\nListen 80", "4:1 Listen 4:8[80]\n" +
			"httpd.conf:3:1: error: Expected </VirtualHost> but saw </IfDefine>"},
		{"glued tags in it", "<IfDefine X>\n<Directory\"/x\">\n</Directory>\n</IfDefine>\nListen 80", "5:1 Listen 5:8[80]"},
		{"its tag without >", "<IfDefine X>\n</IfDefine\nListen 80", "3:1 Listen 3:8[80]\nhttpd.conf:2:11: error: </IfDefine> directive missing closing '>'"},
		{"text after its tag", "<IfDefine X>\n</IfDefine> # x\nListen 80", "3:1 Listen 3:8[80]\nhttpd.conf:2:13: warning: text after </IfDefine> is ignored"},
		{"left out and never closed", "Listen 80\n<IfDefine X>\nUser a", "1:1 Listen 1:8[80]\n" +
			"httpd.conf:2:1: error: Expected </IfDefine> before end of configuration"},
		{"read and never closed, which httpd accepts", "<IfDefine !X>\nUser a", "2:1 User 2:6[a]\nhttpd.conf:1:1: warning: <IfDefine> was not closed."},
		{"and what it contains", "<VirtualHost a>\n<IfDefine !X>\n<Files b>\nUser a", "1:1 VirtualHost 1:14[a] {\n  3:1 Files 3:8[b] {\n    4:1 User 4:6[a]\n  }0:0\n}0:0\n" +
			"httpd.conf:1:1: error: <VirtualHost> was not closed.\nhttpd.conf:2:1: warning: <IfDefine> was not closed.\nhttpd.conf:3:1: warning: <Files> was not closed."},
		{"a section that a condition ends in", "<IfDefine !X>\n<VirtualHost a>\n</IfDefine>\n", "2:1 VirtualHost 2:14[a] {\n}3:1\n" +
			"httpd.conf:3:1: error: </IfDefine> closes <VirtualHost> of line 2"},
		{"a condition without >", "<IfDefine !X\nListen 80\n</IfDefine>", "2:1 Listen 2:8[80]\nhttpd.conf:1:13: error: <IfDefine> directive missing closing '>' [AH00526]"},

		{"a variable, in any case of letters, in names and arguments", "Define Port 80\nDefine L Listen\n${l} a:${PORT}${Port}", "3:1 Listen 3:6[a:8080]"},
		{"its blanks and quotes count", "Define A \"x 'y\"\nDirectoryIndex ${A} z'\nDirectoryIndex \"${A}\" z", "2:1 DirectoryIndex 2:16[x] 2:16[y z]\n3:1 DirectoryIndex 3:16[x 'y] 3:23[z]"},
		{"it may be a whole line, but no comment", "Define A \"#Listen 80\"\n${A}\nDefine A \"</VirtualHost>\"\n<VirtualHost a>\n${A}",
			"2:1 #Listen 2:1[80] unknown\n4:1 VirtualHost 4:14[a] {\n}5:1\n" +
				"httpd.conf:2:1: error: Invalid command '#Listen', perhaps misspelled or defined by a module not included in the server configuration [AH00526]"},
		{"it is not looked at again", "Define A $\nDirectoryIndex ${A}{A}", "2:1 DirectoryIndex 2:16[${A}]"},
		{"the environment comes after Define", "DirectoryIndex ${HOME} ${LANG}\nDefine HOME h\nDirectoryIndex ${HOME}", "1:1 DirectoryIndex 1:16[/home] 1:24[C]\n3:1 DirectoryIndex 3:16[h]"},
		{"what nothing defines stays", "Listen a${No}b", "1:1 Listen 1:8[a${No}b]\nhttpd.conf:1:9: warning: Config variable ${No} is not defined [AH00111]"},
		{"a colon in it is no mistake", "Listen ${a:b}", "1:1 Listen 1:8[${a:b}]"},
		{"what is no variable", "DirectoryIndex $ $$ ${A $A", "1:1 DirectoryIndex 1:16[$] 1:18[$$] 1:21[${A] 1:25[$A]"},
		{"a name without value is no variable", "Define A\nListen ${A}", "2:1 Listen 2:8[${A}]\nhttpd.conf:2:8: warning: Config variable ${A} is not defined [AH00111]"},
		{"-D is no variable either", "Listen ${Given}", "1:1 Listen 1:8[${Given}]\nhttpd.conf:1:8: warning: Config variable ${Given} is not defined [AH00111]"},
		{"the last Define counts, UnDefine ends it", "Define A 1\nDefine A 2\nListen ${A}\nUnDefine A\nUnDefine B\n<IfDefine A>\nListen 3\n</IfDefine>", "3:1 Listen 3:8[2]"},
		{"in a section too", "<VirtualHost a>\nDefine A 1\n</VirtualHost>\nListen ${A}", "1:1 VirtualHost 1:14[a] {\n}3:1\n4:1 Listen 4:8[1]"},
		{"not where it is left out", "<IfDefine A>\nDefine B\nUser ${C}\n</IfDefine>\n<IfDefine !B>\nListen 1\n</IfDefine>", "6:1 Listen 6:8[1]"},
		{"a colon in its name", "Define a:b c\nUnDefine a:b", "httpd.conf:1:8: error: Variable name must not contain ':'\nhttpd.conf:2:10: error: Variable name must not contain ':'"},
		{"the number of its arguments", "Define\nDefine a b c\nUnDefine\nUnDefine a b",
			"httpd.conf:1:7: error: Define takes 1-2 arguments, Define a variable, optionally to a value.  Same as passing -D to the command line.\n" +
				"httpd.conf:2:12: error: Define takes 1-2 arguments, Define a variable, optionally to a value.  Same as passing -D to the command line.\n" +
				"httpd.conf:3:9: error: UnDefine takes one argument, Undefine the existence of a variable. Undo a Define.\n" +
				"httpd.conf:4:12: error: UnDefine takes one argument, Undefine the existence of a variable. Undo a Define."},

		{"ServerRoot is where names begin from then on", "IncludeOptional a\nServerRoot /r\nInclude a\nServerRoot sub\nInclude a\n== a\nUser 1\n== /r/a\nUser 2\n== /r/sub/a\nUser 3",
			"1:1 User 1:6[1]\n2:1 ServerRoot 2:12[/r]\n1:1 User 1:6[2]\n4:1 ServerRoot 4:12[sub]\n1:1 User 1:6[3]"},
		{"it has to be a folder", "ServerRoot /no\nServerRoot\nServerRoot a\n== a\n", "1:1 ServerRoot 1:12[/no]\n2:1 ServerRoot\n3:1 ServerRoot 3:12[a]\n" +
			"httpd.conf:1:12: error: ServerRoot must be a valid directory [AH00526]\n" +
			"httpd.conf:2:11: error: ServerRoot takes one argument, Common directory of server-related files (logs, confs, etc.)\n" +
			"httpd.conf:3:12: error: ServerRoot must be a valid directory [AH00526]"},

		{"Include puts a file in", "<VirtualHost a>\nInclude a\n</VirtualHost>\n== a\nListen 1\n", "1:1 VirtualHost 1:14[a] {\n  1:1 Listen 1:8[1]\n}3:1"},
		{"a folder, and those in it, by name", "Include d\n== d/c\nUser c\n== d/b/x\nUser bx\n== d/b/a\nUser ba\n== d/.h\nUser h", "1:1 User 1:6[h]\n1:1 User 1:6[ba]\n1:1 User 1:6[bx]\n1:1 User 1:6[c]"},
		{"a pattern, by name", "Include d/*.conf\n== d/b.conf\nUser b\n== d/a.conf\nUser a\n== d/.x.conf\nUser x\n== d/c.txt\nUser c", "1:1 User 1:6[a]\n1:1 User 1:6[b]"},
		{"other patterns", "Include d/?.[!a]*\n== d/1.a\nUser 1\n== d/2.b\nUser 2\n== d/.b\nUser 3", "1:1 User 1:6[2]"},
		{"a pattern among the folders", "Include s*/conf/[ab].conf\n== s2/conf/a.conf\nUser 2a\n== s1/conf/b.conf\nUser 1b\n== sx\nUser x", "1:1 User 1:6[1b]\n1:1 User 1:6[2a]"},
		{"a pattern for a folder", "Include s*\n== s1/b\nUser b\n== s1/a\nUser a", "1:1 User 1:6[a]\n1:1 User 1:6[b]"},
		{"a name without pattern behind one", "Include s*/a\n== s1/a\nUser 1\n== s2/b\nUser 2", "1:1 User 1:6[1]\n" +
			"httpd.conf:1:9: error: Could not open configuration file s2/a: No such file or directory"},
		{"what is missing", "Include no.conf\nInclude /no/*.conf\nInclude *.none\nUser a", "4:1 User 4:6[a]\n" +
			"httpd.conf:1:9: error: Could not open configuration file no.conf: No such file or directory\n" +
			"httpd.conf:2:9: error: Include/IncludeOptional: Could not open directory /no: No such file or directory\n" +
			"httpd.conf:3:9: error: Include/IncludeOptional: No matches for the wildcard '*.none' in '.', failing"},
		{"IncludeOptional does not mind", "IncludeOptional no.conf\nIncludeOptional /no/*.conf\nIncludeOptional *.none\nUser a", "4:1 User 4:6[a]"},
		{"the number of arguments", "Include\nInclude a b\nInclude \"\"\nIncludeOptional a # x", "" +
			"httpd.conf:1:8: error: Include takes one argument, Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file\n" +
			"httpd.conf:2:11: error: Include takes one argument, Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file\n" +
			"httpd.conf:3:11: error: Include takes one argument, Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file\n" +
			"httpd.conf:4:19: warning: a comment begins at the start of a line: here # is an argument\n" +
			"httpd.conf:4:19: error: IncludeOptional takes one argument, Name or pattern of the config file(s) to be included; ignored if the file does not exist or the pattern does not match any files"},
		{"a file closes its own sections only", "<VirtualHost a>\nInclude a\nInclude b\n</VirtualHost>\n== a\n</VirtualHost>\n== b\n<Directory />",
			"1:1 VirtualHost 1:14[a] {\n  1:1 Directory 1:12[/] {\n  }0:0\n}4:1\na:1:1: error: </VirtualHost> without matching <VirtualHost> section\n" +
				"b:1:1: error: <Directory> was not closed."},
		{"a condition ends with its file, too", "Include a\nUser b\n== a\n<IfDefine !X>\nUser a", "2:1 User 2:6[a]\n2:1 User 2:6[b]\na:1:1: warning: <IfDefine> was not closed."},
		{"a file that includes itself", "Include a\n== a\nUser a\nInclude b\n== b\nInclude a", strings.Repeat("1:1 User 1:6[a]\n", 3) +
			"a:2:9: error: Exceeded maximum include depth of 5, There appears to be a recursion."},
		{"a file that includes itself once", "Include a\n== a\nUser a\n<IfDefine !A>\nDefine A\nInclude a\n</IfDefine>", "1:1 User 1:6[a]\n1:1 User 1:6[a]"},

		{"LoadModule", "LoadModule a\nLoadModule a b c\nLoadModule x_module x.so\nLoadModule x_module y.so\nLoadModule core_module c.so",
			"1:1 LoadModule 1:12[a]\n2:1 LoadModule 2:12[a] 2:14[b] 2:16[c]\n3:1 LoadModule 3:12[x_module] 3:21[x.so]\n4:1 LoadModule 4:12[x_module] 4:21[y.so]\n" +
				"5:1 LoadModule 5:12[core_module] 5:24[c.so]\n" +
				"httpd.conf:1:13: error: LoadModule takes two arguments, a module name and the name of a shared object file to load it from\n" +
				"httpd.conf:2:16: error: LoadModule takes two arguments, a module name and the name of a shared object file to load it from\n" +
				"httpd.conf:4:12: warning: module x_module is already loaded, skipping [AH01574]"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			main, others, _ := strings.Cut(test.files, "\n== ")
			all := map[string]string{"httpd.conf": main}
			for _, other := range strings.Split(others, "\n== ") {
				if name, text, found := strings.Cut(other, "\n"); found || name != "" {
					all[name] = text
				}
			}
			o := options(all)
			o.MaxDepth, o.Defines = 5, []string{"Given"}
			o.Env = func(name string) (string, bool) {
				value, found := map[string]string{"HOME": "/home", "LANG": "C"}[name]
				return value, found
			}
			if diff := cmp.Diff(test.want, firstLines(report(o))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCommandLine reads -C before the main file and -c behind it.
func TestCommandLine(t *testing.T) {
	o := options(map[string]string{"httpd.conf": "User ${A}\nUser b"})
	o.Before, o.After = []string{"Define A 1", "Bogus"}, []string{"<VirtualHost a>", "Listen 80"}
	want := `2:1 Bogus unknown
1:1 User 1:6[1]
2:1 User 2:6[b]
1:1 VirtualHost 1:14[a] {
  2:1 Listen 2:8[80]
}0:0
-C:2:1: error: Invalid command 'Bogus', perhaps misspelled or defined by a module not included in the server configuration [AH00526]
-c:1:1: error: <VirtualHost> was not closed.`
	if diff := cmp.Diff(want, firstLines(report(o))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTree shows what Parse tells beside the directives.
func TestTree(t *testing.T) {
	got, found := httpdconf.Parse(httpdconf.Options{File: "httpd.conf", Root: "/r", Defines: []string{"D"}, Files: newFiles(map[string]string{
		"httpd.conf": "Define A 1\nDefine B\nUnDefine B\nLoadModule x_module modules/x.so\nInclude a\n<IfModule !mod_x.c>\nUser a\n# c\n<VirtualHost a>\nUser b\n</VirtualHost>\n</IfModule>",
		"/r/a":       "Include b\n<IfDefine X>\n</IfDefine>",
		"/r/b":       "",
	})})
	if len(found) > 0 {
		t.Error(found)
	}
	var b strings.Builder
	fmt.Fprintln(&b, got.Files, got.Root)
	for _, m := range got.Modules {
		fmt.Fprintln(&b, m.Pos, m.Name, m.File)
	}
	for _, s := range got.Skipped {
		fmt.Fprintln(&b, s.Pos, s.Name, s.Condition, s.Directives)
	}
	for _, d := range got.Defines {
		fmt.Fprintln(&b, d.Pos, d.Name, d.Value)
	}
	for _, d := range got.Carried {
		fmt.Fprintln(&b, d.Pos, d.Name, d.Raw, len(d.Body))
	}
	want := `[httpd.conf /r/a /r/b] /r
httpd.conf:4:1 x_module modules/x.so
/r/a:2:1 IfDefine X 0
httpd.conf:6:1 IfModule !mod_x.c 3
 D 
httpd.conf:1:1 A 1
httpd.conf:1:1 Define A 1 0
httpd.conf:2:1 Define B 0
httpd.conf:3:1 UnDefine B 0
httpd.conf:5:1 Include a 0
/r/a:1:1 Include b 0
/r/a:2:1 IfDefine X 0
httpd.conf:6:1 IfModule !mod_x.c 0
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// guarded is a file system that does not let one file be read.
type guarded struct {
	files
	name string
}

func (g guarded) Open(name string) (io.ReadCloser, error) {
	if name == g.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return g.files.Open(name)
}

// TestUnreadable reports what may not be read: an error for the server, a
// warning for a check by somebody else.
func TestUnreadable(t *testing.T) {
	for _, test := range []struct {
		unprivileged bool
		want         string
	}{
		{false, "2:1 User 2:6[a]\nhttpd.conf:1:9: error: Could not open configuration file secret: Permission denied"},
		{true, "2:1 User 2:6[a]\nhttpd.conf:1:9: warning: Could not open configuration file secret: Permission denied: it was not checked"},
	} {
		o := options(nil)
		o.Files = guarded{newFiles(map[string]string{"httpd.conf": "Include secret\nUser a", "secret": "x"}), "secret"}
		o.Unprivileged = test.unprivileged
		if diff := cmp.Diff(test.want, firstLines(report(o))); diff != "" {
			t.Errorf("unprivileged %v (-want +got):\n%s", test.unprivileged, diff)
		}
	}
	_, found := httpdconf.Parse(options(nil))
	want := "httpd.conf: error: Could not open configuration file httpd.conf: No such file or directory"
	if found.Error() != want || found.Errors() != 1 {
		t.Errorf("without a main file: %v", found)
	}
}

// broken is a file system whose files end in an error.
type broken struct{ files }

func (b broken) Open(string) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("User a\n"), errorReader{})), nil
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func TestReadError(t *testing.T) {
	o := options(nil)
	o.Files = broken{newFiles(nil)}
	if _, found := httpdconf.Parse(o); found.Error() != "httpd.conf: error: Could not open configuration file httpd.conf: disk gone" {
		t.Error(found)
	}
}
