package httpdconf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// TestSyntax gives for each rule the tree, and then the first line of every
// mistake. In the text "_" stands for a no-break space.
func TestSyntax(t *testing.T) {
	for _, test := range []struct{ rule, text, want string }{
		{"one directive a line, outer blanks do not count", "  Listen 80 \t\n\n\n", "1:3 Listen 1:10[80]"},
		{"no line end at the end", "Listen 80", "1:1 Listen 1:8[80]"},
		{"CRLF is a line end", "Listen 80\r\nUser a\r\n", "1:1 Listen 1:8[80]\n2:1 User 2:6[a]"},
		{"tab, vertical tab, form feed and return are blanks", "Listen\t80\v81\f82\r83", "1:1 Listen 1:8[80] 1:11[81] 1:14[82] 1:17[83]"},
		{"names in any case", "LISTEN 80\n<virtualhost a>\n</VIRTUALHOST>", "1:1 LISTEN 1:8[80]\n2:1 virtualhost 2:14[a] {\n}3:1"},
		{"a comment begins at the start of a line only", " # x\nListen 80 # x", "2:1 Listen 2:8[80] 2:11[#] 2:13[x]\n" +
			"httpd.conf:2:11: warning: a comment begins at the start of a line: here # is an argument"},
		{"a name in quotes", `"Listen" 80`, "1:1 Listen 1:10[80]"},

		{"a backslash at the end joins lines, places stay", "Li\\\nsten \\\n  80\nUser a", "1:1 Listen 3:3[80]\n4:1 User 4:6[a]"},
		{"a backslash before CRLF joins too", "Listen \\\r\n80", "1:1 Listen 2:1[80]"},
		{"of two backslashes at the end the last joins", "User a\\\\\nb", "1:1 User 1:6[a\\b]"},
		{"a comment is joined too", "# x \\\nListen 80\nUser a", "3:1 User 3:6[a]\n" +
			"httpd.conf:2:1: warning: this line belongs to the comment of line 1, which ends in a backslash"},
		{"a comment may swallow a comment or nothing", "# x \\\n# y\n# z \\\n\nUser a", "5:1 User 5:6[a]"},
		{"a blank after the backslash does not join", "User a\\ \nListen 80", "1:1 User 1:6[a\\]\n2:1 Listen 2:8[80]\n" +
			"httpd.conf:1:7: warning: a blank after the backslash: the line is not continued"},
		{"a backslash at the end of the file", "User a\\", "1:1 User 1:6[a]"},

		{"quotes keep blanks", `DirectoryIndex "a b" 'c d' e`, "1:1 DirectoryIndex 1:16[a b] 1:22[c d] 1:28[e]"},
		{"a backslash takes the meaning from the quote and itself", `DirectoryIndex "a\"b\\c\d\'e" 'a\'b\"'`, `1:1 DirectoryIndex 1:16[a"b\c\d\'e] 1:31[a'b\"]`},
		{"outside of quotes only from itself", `DirectoryIndex a\\b\"c`, `1:1 DirectoryIndex 1:16[a\b\"c]`},
		{"a quote inside a word is a letter", `DirectoryIndex a"b c"`, `1:1 DirectoryIndex 1:16[a"b] 1:20[c"]`},
		{"an empty argument", `DirectoryIndex ""`, `1:1 DirectoryIndex 1:16[]`},
		{"after a closing quote a new argument begins", `DirectoryIndex "a"b`, "1:1 DirectoryIndex 1:16[a] 1:19[b]\n" +
			"httpd.conf:1:19: warning: no blank after the closing quote: httpd begins a new argument here"},
		{"in an expression that is usual", "<If \"%{A}\"==\"b\">\n</If>", "1:1 If 1:5[%{A}] 1:11[==\"b\"] {\n}2:1"},
		{"the missing quote at the end", `ServerName "a b`, "1:1 ServerName 1:12[a b]\n" +
			"httpd.conf:1:12: warning: the closing quote is missing: the argument goes on to the end of the line"},
		{"other quotes are letters", "DocumentRoot “/x”", "1:1 DocumentRoot 1:14[“/x”]\n" +
			"httpd.conf:1:14: warning: U+201C (“) is no quote to httpd, but part of the argument"},
		{"other text than ASCII is fine", "# 域名\nDocumentRoot \"/home/应用程序\"\nServerAdmin é@x", "2:1 DocumentRoot 2:14[/home/应用程序]\n3:1 ServerAdmin 3:13[é@x]"},

		{"a byte order mark", "\ufeffListen 80", "1:4 Listen 1:11[80]\n" +
			"httpd.conf:1:1: warning: the file begins with a byte order mark, which httpd takes for a part of the first name"},
		{"UTF-16", "\xff\xfeL\x00", "httpd.conf:1:1: error: the file is UTF-16, which httpd cannot read"},
		{"a zero byte", "User a\nUs\x00er b", "httpd.conf:2:3: error: the file has a zero byte: it is not text"},

		{"a section", "<VirtualHost *:80 a>\n Listen 80\n</VirtualHost>", "1:1 VirtualHost 1:14[*:80] 1:19[a] {\n  2:2 Listen 2:9[80]\n}3:1"},
		{"a section without arguments", "<RequireAll>\n</RequireAll>", "1:1 RequireAll {\n}2:1"},
		{"the last > ends the tag", "<Directory \"/a>b\">\n</Directory>", "1:1 Directory 1:12[/a>b] {\n}2:1"},
		{"text after an opening tag", "<VirtualHost *:80> # x\n</VirtualHost>", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:1:20: warning: text after the opening tag of <VirtualHost> is ignored"},
		{"text after one without arguments", "<RequireAll> # x\n</RequireAll>", "1:1 RequireAll {\n}2:1\n" +
			"httpd.conf:1:14: warning: text after the opening tag of <RequireAll> is ignored"},
		{"text after a closing tag", "<VirtualHost *:80>\n</VirtualHost> # x", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:2:16: warning: text after </VirtualHost> is ignored"},
		{"an opening tag without >", "<VirtualHost *:80 \n</VirtualHost>", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:1:18: error: <VirtualHost> directive missing closing '>' [AH00526]"},
		{"a closing tag without >", "<VirtualHost *:80>\n</VirtualHost", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:2:14: error: </VirtualHost> directive missing closing '>'"},
		{"a closing tag with a blank", "<VirtualHost *:80>\n</VirtualHost >", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:2:14: error: </VirtualHost> directive missing closing '>'"},
		{"a closing tag with two >", "<VirtualHost *:80>\n</VirtualHost>>", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:2:15: error: </VirtualHost> has more than one '>'"},
		{"both tags on one line", "<RequireAll></RequireAll>\nListen 80", "1:1 RequireAll {\n}1:13\n2:1 Listen 2:8[80]\n" +
			"httpd.conf:1:13: error: <RequireAll> is closed on the line on which it begins: httpd wants </RequireAll> on a line of its own"},
		{"both tags on one line, with arguments", "<VirtualHost *:80></VirtualHost>", "1:1 VirtualHost 1:14[*:80] {\n}1:19\n" +
			"httpd.conf:1:19: error: <VirtualHost> is closed on the line on which it begins: httpd wants </VirtualHost> on a line of its own"},

		{"closed by another's tag", "<VirtualHost *:80>\n</Directory>", "1:1 VirtualHost 1:14[*:80] {\n}2:1\n" +
			"httpd.conf:2:1: error: </Directory> closes <VirtualHost> of line 1"},
		{"a closing tag too many", "<VirtualHost *:80>\n</Directory>\n</VirtualHost>", "1:1 VirtualHost 1:14[*:80] {\n}3:1\n" +
			"httpd.conf:2:1: error: </Directory> closes <VirtualHost> of line 1"},
		{"a closing tag is missing", "<VirtualHost *:80>\n<Directory />\n</VirtualHost>\nListen 80",
			"1:1 VirtualHost 1:14[*:80] {\n  2:1 Directory 2:12[/] {\n  }3:1\n}3:1\n4:1 Listen 4:8[80]\n" +
				"httpd.conf:3:1: error: </VirtualHost> closes <Directory> of line 2"},
		{"closed but never open", "</VirtualHost>\nListen 80", "2:1 Listen 2:8[80]\nhttpd.conf:1:1: error: </VirtualHost> without matching <VirtualHost> section"},
		{"open but never closed", "<VirtualHost *:80>\n<Directory />\nListen 80",
			"1:1 VirtualHost 1:14[*:80] {\n  2:1 Directory 2:12[/] {\n    3:1 Listen 3:8[80]\n  }0:0\n}0:0\n" +
				"httpd.conf:1:1: error: <VirtualHost> was not closed.\nhttpd.conf:2:1: error: <Directory> was not closed."},

		{"an unknown name", "Bogus x\nListen 80", "1:1 Bogus 1:7[x] unknown\n2:1 Listen 2:8[80]\n" +
			"httpd.conf:1:1: error: Invalid command 'Bogus', perhaps misspelled or defined by a module not included in the server configuration [AH00526]"},
		{"Error stops", "Error \"not so\"\nError\nError a 'b'",
			"httpd.conf:1:7: error: not so [AH00526]\nhttpd.conf:2:1: error: The Error directive was used with no message. [AH00526]\n" +
				"httpd.conf:3:7: error: a 'b' [AH00526]"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got := firstLines(report(options(map[string]string{"httpd.conf": test.text})))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// firstLines leaves out the lines of a report that show the text and the fix.
func firstLines(report string) string {
	var kept []string
	mistakes := false
	for l := range strings.SplitSeq(strings.TrimSuffix(report, "\n"), "\n") {
		mistakes = mistakes || strings.Contains(l, "error: ") || strings.Contains(l, "warning: ")
		if !mistakes || !strings.HasPrefix(l, "  ") {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// TestRaw shows what directives that cut their arguments themselves are given.
func TestRaw(t *testing.T) {
	o := options(map[string]string{"httpd.conf": "Define A \"x y\"\n Listen  \"a b\"  ${A} c  \n<If  \"${A}\" -eq 'x' >\n</If>\nListen"})
	got, found := httpdconf.Parse(o)
	if len(found) > 0 {
		t.Error(found)
	}
	type raw struct{ Name, Raw, Place string }
	var all []raw
	for _, d := range got.Directives {
		all = append(all, raw{d.Name, d.Raw, d.RawPos.String()})
	}
	want := []raw{{"Listen", `"a b"  x y c`, "httpd.conf:2:10"}, {"If", `"x y" -eq 'x'`, "httpd.conf:3:6"}, {"Listen", "", ""}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLineAt finds the line of a file for each place of a directive.
func TestLineAt(t *testing.T) {
	got, _ := httpdconf.Parse(options(map[string]string{"httpd.conf": "\\\nListen \\\n  80 \\\r\n 81"}))
	d := got.Directives[0]
	for i, want := range []string{`  80 \`, " 81"} {
		if line := d.LineAt(d.Args[i].Pos); line != want {
			t.Errorf("line of %s is %q, want %q", d.Args[i].Pos, line, want)
		}
	}
	if line := d.LineAt(d.Pos); line != `Listen \` {
		t.Errorf("line of the name is %q", line)
	}
	elsewhere := d.Pos
	elsewhere.Line = 99
	if line := d.LineAt(elsewhere); line != "" {
		t.Errorf("a line that is not of the directive is %q", line)
	}
}
