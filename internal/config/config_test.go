package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/golden"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// write writes the files of a case below a folder, in which $DIR stands for
// it, and makes the folders that servers expect.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"logs", "htdocs", "conf"} {
		os.MkdirAll(filepath.Join(dir, folder), 0o755)
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "$DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads httpd.conf of dir. No name is looked up but ours.
func load(dir string) (*front.Config, *Report) {
	noName := func(netip.Addr) (string, error) { return "", fmt.Errorf("no name") }
	return Load(Options{File: filepath.Join(dir, "httpd.conf"), Root: dir, Version: "1.2", Reverse: noName, Resolve: func(name string) ([]netip.Addr, error) {
		switch name {
		case "localhost":
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		case "known.example":
			return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
		}
		return nil, fmt.Errorf("no such host")
	}})
}

// TestGolden loads each case of testdata/golden: what comes out are its
// mistakes, and what the Config says.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/golden", func(t *testing.T, c golden.Case) string {
		dir := write(t, c.Files)
		if strings.Contains(c.Files["httpd.conf"], " tls/") {
			writePKI(t, filepath.Join(dir, "tls"))
		}
		cfg, report := load(dir)
		out := report.Mistakes.Error() + "\n"
		if cfg != nil {
			out += dump(cfg)
		}
		return strings.TrimLeft(strings.ReplaceAll(out, dir, "$DIR"), "\n")
	})
}

// dump tells what a Config says, a line a fact.
func dump(cfg *front.Config) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, l := range cfg.Listen {
		p("listen %s", l.Address)
	}
	for i, s := range cfg.Sites {
		p("site %d %s:%d %v %v root=%s admin=%s", i, s.Exchange.Name, s.Exchange.PortOf(false), addressTexts(s.Host.Addresses), s.Host.Aliases, s.Translate.DocumentRoot, s.Exchange.Admin)
		p("  limits %v keepalive=%+v line=%d field=%d fields=%d", s.Limits.Timeout, s.Limits.KeepAlive, s.Limits.RequestLine, s.Limits.FieldSize, s.Limits.Fields)
		vars := s.Exchange.Forward.EnvVars
		s.Exchange.Forward.EnvVars = nil
		p("  forward %s", strings.Replace(strings.Replace(fmt.Sprintf("%+v", s.Exchange.Forward), " EnvVars:[]", "", 1), fmt.Sprintf(" SSL:%+v", exchange.Indicators{}), "", 1))
		if vars != nil || s.Translate.StripSession != "" {
			p("  env to the container %v, strips %q", vars, s.Translate.StripSession)
		}
		if s.Exchange.Product != product || s.Exchange.Trace != exchange.TraceOff {
			p("  server %s, trace %d, slashes %d", s.Exchange.Product, s.Exchange.Trace, s.Slashes)
		}
		if l := s.Limits; l.Head.First+l.Body.First+l.Handshake.First > 0 {
			p("  paces: handshake %v, header %v, body %v", l.Handshake, l.Head, l.Body)
		}
		if s.Early != nil {
			p("  early%s", headerText(s.Early))
		}
		for _, r := range s.EnvIf {
			p("  envif %s", envRuleText(r))
		}
		if s.TLS != nil {
			p("  tls %s", tlsText(s.TLS))
		}
		if s.HTTP2.Clear || s.HTTP2.Streams != 100 {
			p("  http2 %+v", s.HTTP2)
		}
		for _, r := range s.Translate.Mounts.Rules() {
			p("  mount %s %s exclude=%v %v", r.Pattern, r.Worker, r.Exclude, extensionText(r.Ext))
		}
		for _, r := range s.Translate.Redirects {
			p("  redirect %s", redirectText(r))
		}
		for _, a := range s.Translate.Aliases {
			p("  alias %s %v %s %s", a.Path, a.Pattern, a.Dir, templateText(a.Below))
		}
		for _, rules := range s.Refusals {
			for _, r := range rules {
				p("  %s", refusalText(r))
			}
		}
		for j, l := range s.Sections.Server {
			if !reflect.ValueOf(*l).IsZero() {
				p("  server level %d: %s", j, layerText(*l))
			}
		}
		for _, x := range s.Sections.Of {
			p("  section %d %s: %s inside=%d", x.Kind, x.Pattern, layerText(*x.Layer), len(x.Inside))
		}
		p("  logs error=%s access=%d jk=%s", s.Logs.Error.Name, len(s.Logs.Access), s.Logs.JK.Name)
		for _, a := range s.Logs.Access {
			if a.Env != "" || strings.HasPrefix(a.Name, "|") {
				p("  log %s env=%s", a.Name, a.Env)
			}
		}
	}
	for _, w := range cfg.Workers.AJP {
		w.Place, w.Lines = "", nil
		p("worker %+v", w)
	}
	for _, l := range cfg.Workers.Balancers {
		l.Place, l.Lines = "", nil
		l.Members = slices.Clone(l.Members)
		for i := range l.Members {
			l.Members[i].Lines = nil
		}
		p("balancer %+v", l)
	}
	for _, s := range cfg.Workers.Status {
		s.Place = ""
		p("status %+v", s)
	}
	return b.String()
}

func addressTexts(all []vhost.Address) (texts []string) {
	for _, a := range all {
		texts = append(texts, fmt.Sprintf("{%v %d %s}", a.IP, a.Port, a.Name))
	}
	return texts
}

func extensionText(e exchange.Extensions) string {
	var all []string
	if e.ReplyTimeout != nil {
		all = append(all, "reply_timeout="+e.ReplyTimeout.String())
	}
	if e.UseServerErrors != 0 {
		all = append(all, fmt.Sprint("use_server_errors=", e.UseServerErrors))
	}
	if e.Activation != nil {
		all = append(all, fmt.Sprint("activation=", e.Activation))
	}
	return strings.Join(all, " ")
}

// TestRowsHaveTests: the test that each row of the table names is there.
func TestRowsHaveTests(t *testing.T) {
	var all strings.Builder
	err := filepath.WalkDir("../..", func(name string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			all.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range table {
		name := r.test[strings.LastIndexByte(r.test, ' ')+1:]
		name, golden, isGolden := strings.Cut(name, "/")
		if _, err := os.Stat("testdata/golden/" + golden + ".txtar"); isGolden && err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if !strings.Contains(all.String(), "\nfunc "+name+"(t *testing.T)") {
			t.Errorf("%s names the test %q, which is not there", r.name, r.test)
		}
		if r.does == "" || seen[strings.ToLower(r.name)] {
			t.Errorf("%s says nothing, or stands twice", r.name)
		}
		seen[strings.ToLower(r.name)] = true
	}
}

// TestDocs holds docs/directives.md against the table. Run with UPDATE=1, or
// make generate, to write it.
func TestDocs(t *testing.T) {
	const name = "../../docs/directives.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != document() {
		t.Error("docs/directives.md is not what the table says: run make generate")
	}
}

// TestScenario: the scenario's own files load, with warnings for its slips and
// nothing else.
func TestScenario(t *testing.T) {
	files := map[string]string{}
	for name, to := range map[string]string{"httpd.conf": "httpd.conf", "workers.properties": "conf/workers.properties", "mime.types": "conf/mime.types",
		"extra/http_jk.conf": "conf/extra/http_jk.conf", "extra/httpd-vhosts.conf": "conf/extra/httpd-vhosts.conf"} {
		text, err := os.ReadFile("../../interop/scenario/conf/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[to] = strings.NewReplacer(`"/usr/local/apache2"`, `"$DIR"`, `"/home/`, `"$DIR/home/`, " /home/", " $DIR/home/").Replace(string(text))
	}
	for _, folder := range []string{"home/logs/apache2/mod_jk/x", "home/apache2/htdocs/resource/x", "home/webapps/site-a/x", "home/webapps/site-b/x", "home/webapps/site-c/x"} {
		files[folder] = ""
	}
	cfg, report := load(write(t, files))
	if cfg == nil || len(cfg.Sites) != 5 || len(cfg.Workers.AJP) != 2 || report.Mistakes.Errors() != 0 {
		t.Fatalf("%v", report.Mistakes)
	}
	var texts []string
	for _, m := range report.Mistakes {
		texts = append(texts, m.Text)
	}
	for _, want := range []string{"lbfactor again (first line 6); the last, 1, counts; JVMRoute-pj002 has none", "worker.JVMRoute-pj001.sticky_session has no effect", "ForwardURICompat"} {
		if !strings.Contains(strings.Join(texts, "\n"), want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if len(texts) != 7 {
		t.Errorf("%d mistakes, want 7:\n%s", len(texts), strings.Join(texts, "\n"))
	}
	if lb := cfg.Workers.Balancers[0]; !lb.Sticky.Off || len(lb.Members) != 2 || lb.Members[0].Redirect != "JVMRoute-pj002" {
		t.Errorf("%+v", lb)
	}
	if cfg.Sites[0].Limits.Timeout != time.Minute {
		t.Errorf("%+v", cfg.Sites[0].Limits)
	}
}

// FuzzLoad: whatever the files say, loading ends without a panic, and with
// either a Config or errors.
func FuzzLoad(f *testing.F) {
	f.Add("Listen 80\nJkWorkersFile w\nJkMount /*.jsp lb\n", "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=a\n")
	f.Add("Listen [::1]:80 https\n<VirtualHost *:80 known.example:*>\nRequire ip 10 10.1/16\n</VirtualHost>\n", "worker.a.port=x\n")
	f.Add("Listen 443 https\nSSLEngine on\nRemoteIPHeader X\n<Directory />\nAllowOverride All\n<RequireNone>\nRequire user a\n</RequireNone>\n</Directory>\nAddHandler cgi .c\n", "")
	f.Add("<Location /a>\nJkMount a\nAuthType Basic\n</Location>\nRewriteRule ^/x - [F]\n", "")
	f.Fuzz(func(t *testing.T, conf, workers string) {
		if strings.Contains(conf, "Include") || strings.Contains(conf, "/") && strings.Contains(conf, "..") {
			return // stay within the folder
		}
		cfg, report := load(write(t, map[string]string{"httpd.conf": conf, "w": workers}))
		if (cfg == nil) != (report.Mistakes.Errors() > 0) {
			t.Fatalf("config %v, mistakes %v", cfg != nil, report.Mistakes)
		}
	})
}

// TestNames: no directive is both honoured and not, and each that is not says
// why.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range names() {
		low := strings.ToLower(name)
		if seen[low] {
			t.Errorf("%s stands twice", name)
		}
		seen[low] = true
	}
	for _, b := range unhonoured() {
		if b.why == "" || b.module == "" || strings.Contains(b.name, ":") {
			t.Errorf("%+v: no reason, or no module", b)
		}
	}
	for i, b := range foreigners() {
		for _, before := range foreigners()[:i] {
			if strings.HasPrefix(strings.ToLower(b.name), strings.ToLower(before.name)) {
				t.Errorf("%s is hidden by %s before it", b.name, before.name)
			}
		}
		if b.why == "" || known(b.name) {
			t.Errorf("%+v: no reason, or it is httpd's", b)
		}
	}
	for name := range special {
		if unhonouredByName()[name] == nil {
			t.Errorf("%s is read, and in no list", name)
		}
	}
}

// TestNamed: a name that was found for a host is none that the file gives it.
func TestNamed(t *testing.T) {
	dir := write(t, map[string]string{"httpd.conf": "Listen 80\nServerName www.example:80\n<VirtualHost *:80>\n</VirtualHost>\n<VirtualHost *:80>\nServerName shop.example\n</VirtualHost>\n"})
	cfg, report := load(dir)
	if cfg == nil {
		t.Fatal(report.Mistakes)
	}
	for i, want := range []vhost.Host{{Name: "www.example", Named: true}, {Name: "www.example"}, {Name: "shop.example", Named: true}} {
		if got := cfg.Sites[i].Host; got.Name != want.Name || got.Named != want.Named {
			t.Errorf("host %d: %+v, want %+v", i, got, want)
		}
	}
}
