package interop

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/interop/peer"
)

// accessCases are sections of access control that the random ones seldom are.
var accessCases = []string{
	"", "Require all denied", "Satisfy Any", "Satisfy Any\nRequire all denied", "Satisfy Any\nOrder allow,deny\nRequire all granted", "Order allow,deny", "Order mutual-failure\nAllow from all",
	"<Limit POST>\nRequire all denied\n</Limit>", "<Limit GET>\nRequire all denied\n</Limit>", "<LimitExcept GET>\nRequire all denied\n</LimitExcept>",
	"<Limit POST>\nRequire ip 10.1\n</Limit>\nRequire ip 127.0.0.1", "<Limit POST>\nRequire ip 127.0.0.1\n</Limit>\nRequire ip 10.1",
	"<RequireAll>\nRequire all granted\n<Limit POST>\nRequire not ip 127.0.0.1\n</Limit>\n</RequireAll>", "<RequireAny>\n<Limit POST>\nRequire all granted\n</Limit>\n</RequireAny>",
	"<RequireAll>\n<Limit POST>\nRequire all denied\n</Limit>\n</RequireAll>", "<Limit POST>\n<RequireAll>\nRequire all granted\nRequire not ip 127.0.0.1\n</RequireAll>\n</Limit>",
	"<RequireAll>\nRequire all granted\n<RequireNone>\n<Limit POST>\nRequire ip 127.0.0.1\n</Limit>\n</RequireNone>\n</RequireAll>",
	"Order deny,allow\n<Limit POST>\nOrder allow,deny\n</Limit>", "<Limit POST>\nDeny from all\n</Limit>", "Deny from all\n<Limit GET>\nAllow from 127.0.0.1\n</Limit>",
	"AllowMethods GET", "AllowMethods POST DELETE", "AllowMethods GET\nAllowMethods POST", "AllowMethods reset", "<Limit POST>\nAllowMethods GET\n</Limit>",
	"Require method GET", "Require method POST DELETE", "<RequireAll>\nRequire all granted\nRequire not method POST\n</RequireAll>", "Require method GET\nRequire ip 10.1",
	"<RequireAll>\n<RequireAny>\nRequire ip 10.1\n<Limit POST>\nRequire all granted\n</Limit>\n</RequireAny>\nRequire all granted\n</RequireAll>",
}

// randomAccess is a section of access control that httpd takes.
func randomAccess(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(2) {
		open, close := "", ""
		switch r.IntN(4) {
		case 0:
			open, close = "<Limit "+[]string{"GET", "POST", "POST DELETE"}[r.IntN(3)]+">\n", "</Limit>\n"
		case 1:
			open, close = "<LimitExcept "+[]string{"GET", "POST", "GET POST"}[r.IntN(3)]+">\n", "</LimitExcept>\n"
		}
		b.WriteString(open)
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "Order %s\n", []string{"allow,deny", "deny,allow", "mutual-failure"}[r.IntN(3)])
			for range r.IntN(3) {
				fmt.Fprintf(&b, "%s from %s\n", []string{"Allow", "Deny"}[r.IntN(2)], []string{"all", "127.0.0.1", "10.1"}[r.IntN(3)])
			}
		default:
			randomRequire(&b, r, 2, false)
		}
		b.WriteString(close)
	}
	if r.IntN(5) == 0 {
		b.WriteString("Satisfy " + []string{"Any", "All"}[r.IntN(2)] + "\n")
	}
	return b.String()
}

// randomRequire writes one Require, or a container of some.
func randomRequire(b *strings.Builder, r *rand.Rand, depth int, mayNot bool) {
	single := func() string {
		return []string{"all granted", "all denied", "ip 127.0.0.1", "ip 10.1", "local", "method GET", "method POST DELETE"}[r.IntN(7)]
	}
	switch kind := r.IntN(6); {
	case depth > 0 && kind == 0:
		fmt.Fprintf(b, "<RequireAll>\nRequire %s\n", single())
		for range r.IntN(3) {
			randomRequire(b, r, depth-1, true)
		}
		b.WriteString("</RequireAll>\n")
	case depth > 0 && kind == 1:
		b.WriteString("<RequireAny>\n")
		for range 1 + r.IntN(2) {
			randomRequire(b, r, depth-1, false)
		}
		b.WriteString("</RequireAny>\n")
	case depth > 0 && kind == 2 && mayNot:
		fmt.Fprintf(b, "<RequireNone>\nRequire %s\n</RequireNone>\n", single())
	case kind == 3 && mayNot:
		fmt.Fprintf(b, "Require not %s\n", []string{"ip 127.0.0.1", "ip 10.1", "local", "method GET", "method POST"}[r.IntN(5)])
	default:
		fmt.Fprintf(b, "Require %s\n", single())
	}
}

// TestAccessIsHTTPDs: who may come in is what httpd says, for every method and
// also where one section is below another.
func TestAccessIsHTTPDs(t *testing.T) {
	node := ajptest.NewServer(func(c *ajptest.Call) {
		io.Copy(io.Discard, c)
		c.Answer(200, "served")
	})
	t.Cleanup(node.Close)
	n := 60
	if os.Getenv("CATFLAP_FULL") != "" {
		n = 400
	}
	r := rand.New(rand.NewPCG(3, 7))
	all := append([]string{}, accessCases...)
	for range n {
		all = append(all, randomAccess(r))
	}
	var site strings.Builder
	site.WriteString(peer.LoadModules("allowmethods") + "JkMount /c* w\nJkMountCopy All\n<VirtualHost *:@PORT@>\n")
	for i, conf := range all {
		below := all[(i*7+3)%len(all)]
		fmt.Fprintf(&site, "<Location /c%d>\n%s\n</Location>\n<Location /c%d/d>\n%s\n</Location>\n", i, conf, i, below)
	}
	site.WriteString("</VirtualHost>\n")
	f := front{dir: peer.Folder(t), site: site.String(), workers: fmt.Sprintf("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port=%d\n", node.Port())}
	answers := map[string][]int{}
	onBothFronts(t, func(t *testing.T, start func(string) *peer.Front) {
		server := start(f.write(t))
		client := http.Client{Timeout: 20 * time.Second}
		defer client.CloseIdleConnections()
		for i := range all {
			for _, target := range []string{"GET /c%d/x", "POST /c%d/x", "DELETE /c%d/x", "HEAD /c%d/x", "GET /c%d/d/x", "POST /c%d/d/x"} {
				method, path, _ := strings.Cut(fmt.Sprintf(target, i), " ")
				request, err := http.NewRequest(method, "http://"+server.Addr+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				key := method + " " + path
				answers[key] = append(answers[key], answer.StatusCode)
			}
		}
	})
	wrong := 0
	for key, got := range answers {
		if len(got) != 2 || got[0] != got[1] {
			var i int
			fmt.Sscanf(key[strings.Index(key, "/c")+2:], "%d", &i)
			if wrong++; wrong <= 12 {
				t.Errorf("%s: httpd and catflap answer %v\n%s\nbelow:\n%s", key, got, all[i], all[(i*7+3)%len(all)])
			}
		}
	}
}
