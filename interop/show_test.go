package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/interop/peer"
)

// virtualHosts are cases of <VirtualHost>, each a rule of how httpd lists them.
var virtualHosts = []struct{ rule, conf string }{
	{"none", "ServerName main.example\n"},
	{"by name", `ServerName main.example
<VirtualHost *:80>
ServerName A.Example
ServerAlias www.A.example *.a.example x?.b.example
ServerAlias second.example
</VirtualHost>
<VirtualHost *:80>
ServerName b.example:8080
</VirtualHost>`},
	{"by address and port", `ServerName main.example
<VirtualHost 10.0.0.1:80>
ServerName one.example
</VirtualHost>
<VirtualHost 10.0.0.2:80>
ServerName two.example
</VirtualHost>
<VirtualHost 10.0.0.2:81>
ServerName three.example
</VirtualHost>
<VirtualHost 10.0.0.2:*>
ServerName four.example
</VirtualHost>`},
	{"all addresses", `ServerName main.example
<VirtualHost *>
ServerName a.example
</VirtualHost>
<VirtualHost _default_:443>
ServerName https://b.example:444
</VirtualHost>
<VirtualHost *:*>
ServerName c.example
</VirtualHost>
<VirtualHost 0.0.0.0:80>
ServerName d.example
</VirtualHost>
<VirtualHost [::]:80>
ServerName e.example
</VirtualHost>`},
	{"duplicates", `ServerName main.example
<VirtualHost *:80 *:80>
ServerName a.example
</VirtualHost>
<VirtualHost *:80 10.0.0.1:80 *:80>
ServerName b.example
</VirtualHost>
<VirtualHost 10.0.0.1:80 10.0.0.1:80>
ServerName a.example
</VirtualHost>
<VirtualHost 10.0.0.1:80 10.0.0.2:80 10.0.0.1:80>
ServerName c.example
</VirtualHost>`},
	{"IPv6", `ServerName main.example
<VirtualHost [::1]:80 [fe80::1]>
ServerName a.example
</VirtualHost>
<VirtualHost [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535>
ServerName b.example
ServerAlias a-name-that-is-longer-than-all-columns-of-a-terminal-are-wide.and-goes-on.and-on.example
</VirtualHost>
<VirtualHost [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535>
ServerName c.example
</VirtualHost>
<VirtualHost [::ffff:10.0.0.1]:80>
ServerName d.example
</VirtualHost>`},
	{"without names", `ServerName main.example
<VirtualHost *:80>
</VirtualHost>
<VirtualHost 127.0.0.1:80>
</VirtualHost>
<VirtualHost localhost:81>
</VirtualHost>
<VirtualHost nosuch.invalid:82>
ServerName dropped.example
</VirtualHost>
<VirtualHost nosuch.invalid:82 10.0.0.1:82>
ServerName kept.example
</VirtualHost>`},
	{"no name at all", "<VirtualHost *:80>\n</VirtualHost>\n"},
	{"from macros and other files", `ServerName main.example
Include more.conf
<IfModule !mod_absent.c>
<VirtualHost *:80>
ServerName b.example
</VirtualHost>
</IfModule>`},
}

// TestVirtualHostsAreShownAsByHTTPD: `show vhosts`, and -S, write what httpd -S
// does, byte for byte up to the line of ServerRoot.
func TestVirtualHostsAreShownAsByHTTPD(t *testing.T) {
	binary := catflapBinary(t)
	for _, test := range virtualHosts {
		t.Run(test.rule, func(t *testing.T) { sameVirtualHosts(t, binary, test.conf) })
	}
	n := 25
	if os.Getenv("CATFLAP_FULL") != "" {
		n = 500
	}
	for seed := range n {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { sameVirtualHosts(t, binary, randomHosts(uint64(seed))) }) {
			break
		}
	}
}

// randomHosts are virtual hosts of a few addresses and names, so that many
// share one.
func randomHosts(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	var b strings.Builder
	b.WriteString("ServerName main.example\n")
	for range 1 + r.IntN(12) {
		b.WriteString("<VirtualHost")
		for range 1 + r.IntN(3) {
			address := pick("*", "*", "_default_", "10.0.0.1", "10.0.0.2", "10.1.0.3", "[::1]", "[fe80::1]", "[::]", "127.0.0.1")
			b.WriteString(" " + address + pick("", ":80", ":80", ":81", ":*"))
		}
		fmt.Fprintf(&b, ">\nServerName %s.example\n", pick("a", "b", "C", "d"))
		for range r.IntN(3) {
			fmt.Fprintf(&b, "ServerAlias %s.example %[1]s-2.example\n", pick("x", "*", "y?", "Z"))
		}
		b.WriteString("</VirtualHost>\n")
	}
	return b.String()
}

// sameVirtualHosts compares what both write for conf.
func sameVirtualHosts(t *testing.T, binary, conf string) {
	dir := peer.Folder(t)
	file := filepath.Join(dir, "httpd.conf")
	head := fmt.Sprintf("ServerRoot %q\n", dir) + peer.LoadModules("mpm_event", "authz_core") + "Listen 127.0.0.1:8080\nErrorLog error_log\nDocumentRoot .\n"
	for name, text := range map[string]string{
		file: head + conf, filepath.Join(dir, "more.conf"): "\n<VirtualHost *:80>\nServerName a.example\nServerAlias c.example\n</VirtualHost>\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	until := func(text string) string {
		before, _, found := strings.Cut(text, "ServerRoot:")
		if !found {
			t.Fatalf("no line ServerRoot: in %q", text)
		}
		return before
	}
	want, messages, code := peer.RunHTTPD(t, "-f", file, "-S")
	if code != 0 {
		t.Fatalf("httpd: %s", messages)
	}
	for _, arguments := range [][]string{{"show", "vhosts", "-f", file}, {"-S", "-f" + file}} {
		got, messages, code := peer.RunCatflap(t, binary, arguments...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", arguments, code, messages)
		}
		if diff := cmp.Diff(until(want), until(got)); diff != "" {
			t.Errorf("%v (-httpd +catflap):\n%s\nof\n%s", arguments, diff, conf)
		}
	}
}

// TestHTTPDSpelling: -M writes what httpd -M does for the file's LoadModule
// lines, -t its words and exit codes.
func TestHTTPDSpelling(t *testing.T) {
	binary := catflapBinary(t)
	dir := peer.Folder(t)
	conf := fmt.Sprintf("ServerRoot %q\nListen 127.0.0.1:8080\nServerName a.example\nErrorLog error_log\n", dir) +
		peer.LoadModules("mpm_event", "authz_core", "jk", "alias", "dir", "jk")
	good, bad := filepath.Join(dir, "good.conf"), filepath.Join(dir, "bad.conf")
	for name, text := range map[string]string{good: conf + "JkShmFile jk.shm\n", bad: conf + "Nonsense on\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range []string{
		"-M -f " + good, "-tDDUMP_MODULES -f " + good, "-t -D DUMP_VHOSTS -f " + good, "-t -D DUMP_VHOSTS -D DUMP_MODULES -f " + good,
		"-t -f " + good, "-t -f " + bad, "-M -f " + bad, "-t -d " + dir + " -f good.conf", "-t -f " + good + " -C Nonsense", "-d " + dir + " -f bad.conf -S",
	} {
		want, messages, code := peer.RunHTTPD(t, strings.Fields(arguments)...)
		got, told, gotCode := peer.RunCatflap(t, binary, strings.Fields(arguments)...)
		if got != want || gotCode != code {
			t.Errorf("%s: exit code %d, httpd %d\n%s", arguments, gotCode, code, cmp.Diff(want, got))
		}
		if strings.HasSuffix(messages, "Syntax OK\n") != strings.HasSuffix(told, "Syntax OK\n") {
			t.Errorf("%s: httpd says %q, catflap %q", arguments, messages, told)
		}
	}
}
