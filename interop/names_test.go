package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/interop/peer"
)

// TestNamesOfFiles: what the names of files tell, and which of several is
// chosen by language, is what httpd says.
func TestNamesOfFiles(t *testing.T) {
	dir := peer.Folder(t)
	names := strings.Fields("a.html a.html.es a.es a.es.html a.html.en.fr a.txt.utf8 a.utf8.html a.html.latin1.utf8 a.tar.gz a.gz.tar a.html.gz a.tgz a.Z a.html.bak a.bak.html " +
		".x.html x.HTML.EN noext a..html a.pt-br.html a.Z.es plain.en p.html.en p.html.de p.html.fr q.html q.html.de r.html.en r.txt.en r.txt.de s.html.de s.html.en.gz u.html.pt-br u.html.en")
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the file "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := front{dir: dir, site: `DocumentRoot @DIR@
<Directory @DIR@>
Options FollowSymLinks MultiViews
Require all granted
</Directory>
AddType application/x-compress .Z
AddType application/x-gzip .gz .tgz
AddType application/ecmascript .es
AddEncoding x-gzip .gz
AddLanguage en .en
AddLanguage fr .fr
AddLanguage de .de
RemoveType es
AddLanguage es .es
AddLanguage pt-BR .pt-br
AddCharset UTF-8 .utf8
AddCharset ISO-8859-1 .latin1
Alias /d @DIR@
Alias /f @DIR@
Alias /prio @DIR@
Alias /fall @DIR@
Alias /none @DIR@
<Location /d>
DefaultLanguage de
AddDefaultCharset utf-8
RemoveEncoding .gz
RemoveLanguage en
RemoveCharset latin1
RemoveType tgz html
</Location>
<Location /f>
ForceType text/x-forced
</Location>
<Location /prio>
LanguagePriority fr en de
</Location>
<Location /fall>
LanguagePriority fr en de
ForceLanguagePriority Prefer Fallback
</Location>
<Location /none>
LanguagePriority fr en de
ForceLanguagePriority None
</Location>
`, workers: "worker.list=\n"}
	answers := map[string]map[string]string{}
	onBothFronts(t, func(t *testing.T, start func(string) *peer.Front) {
		server := start(f.write(t))
		seen := map[string]string{}
		for _, prefix := range []string{"", "/d", "/f"} {
			for _, name := range names {
				seen[prefix+"/"+name] = described(t, server.Addr, prefix+"/"+name, "", "")
			}
		}
		for _, prefix := range []string{"", "/prio", "/fall", "/none"} {
			for _, accept := range []string{"", "de", "fr, de;q=0.5", "en-us", "es", "es, *;q=0.1", "de;q=0.5, en;q=0.5"} {
				seen[prefix+"/p for "+accept] = described(t, server.Addr, prefix+"/p", "Accept-Language", accept)
			}
		}
		for _, path := range []string{"/q", "/r", "/s", "/u"} {
			for _, accept := range []string{"", "de", "en", "pt", "pt-BR"} {
				seen[path+" for "+accept] = described(t, server.Addr, path, "Accept-Language", accept)
			}
		}
		seen["/r as text/html"] = described(t, server.Addr, "/r", "Accept", "text/html")
		answers[server.Name] = seen
	})
	if diff := cmp.Diff(answers["httpd"], answers["catflap"]); diff != "" {
		t.Errorf("(-httpd +catflap)\n%s", diff)
	}
}

// described is what an answer says about what it holds.
func described(t *testing.T, addr, path, name, value string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	if value != "" {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer answer.Body.Close()
	text := answer.Status
	if answer.StatusCode != http.StatusOK {
		return text
	}
	for _, name := range []string{"Content-Type", "Content-Language", "Content-Encoding", "Content-Location", "TCN", "Vary", "Content-Length"} {
		text += " | " + name + ": " + answer.Header.Get(name)
	}
	return text
}
