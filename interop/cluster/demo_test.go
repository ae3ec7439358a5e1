package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/node/demo"
	"github.com/catflap/catflap/session"
)

// ofTheRun is what differs between two runs: ids and times.
var ofTheRun = regexp.MustCompile(`[0-9A-F]{32}|20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ`)

// The demonstration application in Go and the servlet answer the same JSON, but
// for ids and times, and in words of their own when the visitor was wrong.
func TestDemo(t *testing.T) {
	tomcat := peer.StartTomcat(t, peer.TomcatConfig{Route: "n1", App: peer.Demo})
	h, err := session.Handler(session.Config{ContextPath: "/demo"}, session.NewMemory(session.MemoryConfig{Route: "n1"}), demo.New(demo.Config{Node: "n1"}))
	if err != nil {
		t.Fatal(err)
	}
	own := httptest.NewServer(h)
	defer own.Close()
	servers := []string{"http://" + tomcat.HTTPAddr, own.URL}
	clients := make([]*http.Client, 2)
	for i := range clients {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = &http.Client{Jar: jar}
	}
	set := func(name, kind, value string) string {
		return url.Values{"op": {"set"}, "name": {name}, "type": {kind}, "value": {value}}.Encode()
	}
	forms := []string{
		"", "op=rotate", "op=remove&name=x", "op=invalidate", "op=count", "op=count", "", set("text", "string", "häl<lo> & \"😀\"\\\n\u2028\x00"), set("empty", "string", ""),
		set("int", "int", "-2147483648"), set("long", "long", "9223372036854775807"), set("yes", "bool", "true"), set("date", "date", "2026-01-31T12:00:00.1239+01:00"),
		set("bytes", "bytes", "AAEC"), set("list", "list", `[1, 2.5, "x<", [true, null], 0.0000001, -2.0]`), set("none", "list", "[]"), set("map", "map", `{"b": {"c": 1}, "a": []}`),
		set("count", "string", "x"), "op=count", "op=remove&name=count", "op=rotate", "", "op=x", set("", "int", "1"), set("a", "x", "1"),
		set("a", "int", "2147483648"), set("a", "long", "x"), set("a", "bool", "1"), set("a", "double", "x"), set("a", "date", "today"), set("a", "bytes", "!"), set("a", "list", "{}"), set("a", "map", "x"),
		"op=invalidate", "",
	}
	for _, d := range []string{"2.5", "1.50", "1e300", "0", "NaN", "-Infinity", "1000000", "999999", "123456.789", "0.0001", "0.00001", "-1e-7", "1e21"} {
		forms = append(forms, set("double", "double", d))
	}
	for _, form := range forms {
		var said [2]string
		for i, server := range servers {
			said[i] = sayOf(t, clients[i], server+"/demo/api", form)
		}
		if said[0] != said[1] {
			t.Errorf("%q: Tomcat says\n%s\nGo says\n%s", form, said[0], said[1])
		}
	}
}

// sayOf is the answer to a form, GET if there is none, in a form to compare.
func sayOf(t *testing.T, client *http.Client, to, form string) string {
	t.Helper()
	ask := func() (*http.Response, error) { return client.Get(to) }
	if form != "" {
		ask = func() (*http.Response, error) {
			return client.Post(to, "application/x-www-form-urlencoded", strings.NewReader(form))
		}
	}
	answer, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%q: %v: %s", form, err, body)
	}
	if _, wrong := value["error"]; wrong {
		body = []byte("a mistake")
	}
	return fmt.Sprintf("%d %s %s %s", answer.StatusCode, answer.Header.Get("Cache-Control"), answer.Header.Get("Content-Type")[:len("application/json")], ofTheRun.ReplaceAll(bytes.TrimSpace(body), []byte("…")))
}
