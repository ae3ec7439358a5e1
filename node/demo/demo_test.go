package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/session"
)

// A visitor has a browser's cookie.
type visitor struct {
	t      *testing.T
	h      http.Handler
	cookie string
}

func node(t *testing.T, name string) http.Handler {
	t.Helper()
	h, err := session.Handler(session.Config{ContextPath: "/demo"}, session.NewMemory(session.MemoryConfig{Route: name}), New(Config{Node: name}))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// do asks for "METHOD path", with a form of name, value pairs and headers
// "Name: value" among them.
func (v *visitor) do(line string, more ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	form := url.Values{}
	r := httptest.NewRequest(method, target, nil)
	for _, each := range more {
		if name, value, ok := strings.Cut(each, ": "); ok && !strings.Contains(name, "=") {
			r.Header.Set(name, value)
			continue
		}
		name, value, _ := strings.Cut(each, "=")
		form.Set(name, value)
	}
	if method == "POST" {
		body := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		body.Header = r.Header
		body.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r = body
	}
	r.Header.Set("Cookie", v.cookie)
	w := httptest.NewRecorder()
	v.h.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
	}
	return w
}

var (
	ids   = regexp.MustCompile(`[0-9A-F]{32}`)
	dates = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ`)
)

// api is do on the API; the answer is without what depends on the run.
func (v *visitor) api(line string, form ...string) string {
	v.t.Helper()
	w := v.do(line, form...)
	if kind := w.Header().Get("Content-Type"); kind != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		v.t.Errorf("%s: headers %v", line, w.Header())
	}
	return strings.TrimSpace(dates.ReplaceAllString(ids.ReplaceAllString(w.Body.String(), "ID"), "DATE"))
}

// TestAPI is the contract, byte for byte.
func TestAPI(t *testing.T) {
	v := &visitor{t: t, h: node(t, "pj001")}
	const session = `"session":{"id":"ID.pj001","isNew":false,"createdAt":"DATE","lastAccessedAt":"DATE"}`
	for _, step := range []struct{ line, form, want string }{
		{"GET", "", `{"node":"pj001","session":null,"count":0,"attributes":{}}`},
		{"POST", "op=rotate", `{"node":"pj001","session":null,"count":0,"attributes":{}}`},
		{"POST", "op=remove&name=x", `{"node":"pj001","session":null,"count":0,"attributes":{}}`},
		{"POST", "op=count", `{"node":"pj001",` + strings.Replace(session, "false", "true", 1) + `,"count":1,"attributes":{"count":{"type":"int","value":"1"}}}`},
		{"POST", "op=count", `{"node":"pj001",` + session + `,"count":2,"attributes":{"count":{"type":"int","value":"2"}}}`},
		{"POST", "op=set&name=who&type=string&value=ada", `{"node":"pj001",` + session + `,"count":2,"attributes":{"count":{"type":"int","value":"2"},"who":{"type":"string","value":"ada"}}}`},
		{"POST", "op=remove&name=count", `{"node":"pj001",` + session + `,"count":0,"attributes":{"who":{"type":"string","value":"ada"}}}`},
		{"POST", "op=rotate", `{"node":"pj001",` + session + `,"count":0,"attributes":{"who":{"type":"string","value":"ada"}}}`},
		{"GET", "", `{"node":"pj001",` + session + `,"count":0,"attributes":{"who":{"type":"string","value":"ada"}}}`},
		{"POST", "op=invalidate", `{"node":"pj001","session":null,"count":0,"attributes":{}}`},
		{"GET", "", `{"node":"pj001","session":null,"count":0,"attributes":{}}`},
	} {
		before := v.cookie
		if got := v.api(step.line+" /demo/api", strings.Split(step.form, "&")...); got != step.want {
			t.Errorf("%s %s:\n got %s\nwant %s", step.line, step.form, got, step.want)
		}
		if rotated := v.cookie != before && before != ""; rotated != (step.form == "op=rotate" && before != "") {
			t.Errorf("%s %s: another id: %v", step.line, step.form, rotated)
		}
	}
}

// TestTypes: what is set in words comes back in words.
func TestTypes(t *testing.T) {
	v := &visitor{t: t, h: node(t, "n")}
	for _, test := range []struct{ kind, value, want string }{
		{"string", "äöü & <b>", "äöü & <b>"}, {"string", "", ""}, {"int", "-2147483648", "-2147483648"}, {"long", "9223372036854775807", "9223372036854775807"},
		{"bool", "true", "true"}, {"double", "1.50", "1.5"}, {"double", "1e300", "1e+300"}, {"double", "NaN", "NaN"},
		{"date", "2026-01-31T12:00:00.1239+01:00", "2026-01-31T11:00:00.123Z"}, {"bytes", "AAEC", "AAEC"}, {"list", `[1, 2.5, "x", [true, null]]`, `[1,2.5,"x",[true,null]]`},
		{"map", `{"b": {"c": 1}, "a": []}`, `{"a":[],"b":{"c":1}}`}, {"list", "[]", "[]"},
	} {
		var got struct{ Attributes map[string]attribute }
		w := v.do("POST /demo/api", "op=set", "name=x", "type="+test.kind, "value="+test.value)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Attributes["x"] != (attribute{test.kind, test.want}) {
			t.Errorf("%s %s: %s, %v", test.kind, test.value, w.Body, err)
		}
	}
	for value, want := range map[any]attribute{int16(1): {"short", "1"}, int8(-1): {"byte", "-1"}, float32(0.5): {"float", "0.5"}} {
		if got := inWords(value); got != want {
			t.Errorf("%T: %v", value, got)
		}
	}
	if got := inWords(map[any]any{int64(1): "x"}); got != (attribute{"map", `{"1":"x"}`}) {
		t.Errorf("a map with numbers for keys: %v", got)
	}
}

func TestMistakes(t *testing.T) {
	v := &visitor{t: t, h: node(t, "n")}
	v.do("POST /demo/api", "op=set", "name=count", "type=string", "value=x")
	for _, test := range []struct{ form, want string }{
		{"", `op=\"\": it is count, set, remove, invalidate or rotate`},
		{"op=x", `op=\"x\": it is`},
		{"op=count", "the attribute count is no int: remove it first"},
		{"op=set&type=string&value=x", "name is empty"},
		{"op=set&name=a&value=x", `type=\"\": it is string, int, long, bool, double, date, bytes, list, map`},
		{"op=set&name=a&type=int&value=2147483648", `value=\"2147483648\" is no int`},
		{"op=set&name=a&type=long&value=x", "is no long"}, {"op=set&name=a&type=bool&value=1", "is no bool: it is true or false"},
		{"op=set&name=a&type=double&value=x", "is no double"}, {"op=set&name=a&type=date&value=today", "is no date"},
		{"op=set&name=a&type=bytes&value=!", "is no bytes"}, {"op=set&name=a&type=list&value={}", "is no list"},
		{"op=set&name=a&type=list&value=[1] 2", "something follows at byte"}, {"op=set&name=a&type=map&value=null", "it is null"},
		{"op=set&name=a&type=list&value=" + strings.Repeat("[", 100) + strings.Repeat("]", 100), "too deep in each other"},
	} {
		w := v.do("POST /demo/api", strings.Split(test.form, "&")...)
		if !strings.Contains(w.Body.String(), test.want) || w.Code != 400 {
			t.Errorf("%s: %d %s, want %s", test.form, w.Code, w.Body, test.want)
		}
	}
	if w := v.do("POST /demo/api", "op=set", "name=a", "type=string", "value="+strings.Repeat("x", maxForm)); w.Code != 400 || !strings.Contains(w.Body.String(), "too large") {
		t.Errorf("a large form: %d %s", w.Code, w.Body)
	}
	for i := range maxAttributes {
		v.do("POST /demo/api", "op=set", "name=n"+strings.Repeat("x", i), "type=int", "value=1")
	}
	if w := v.do("POST /demo/api", "op=set", "name=more", "type=int", "value=1"); w.Code != 400 || !strings.Contains(w.Body.String(), "100 attributes already") {
		t.Errorf("many attributes: %d %s", w.Code, w.Body)
	}
	if w := v.do("POST /demo/api", "op=set", "name=n", "type=int", "value=2"); w.Code != 200 {
		t.Errorf("one of many: %d %s", w.Code, w.Body)
	}
}

func TestAddresses(t *testing.T) {
	v := &visitor{t: t, h: node(t, "n")}
	for _, test := range []struct {
		line, header string
		status       int
		location     string
	}{
		{"GET /demo", "", 302, "/demo/"}, {"GET /demo/", "", 200, ""}, {"HEAD /demo/", "", 200, ""}, {"GET /demo/absent", "", 404, ""}, {"GET /demo/api/x", "", 404, ""},
		{"PUT /demo/api", "", 405, ""}, {"DELETE /demo/", "", 405, ""},
		{"POST /demo/", "Sec-Fetch-Site: cross-site", 403, ""}, {"POST /demo/api", "Origin: http://evil.example", 403, ""},
		{"POST /demo/", "Sec-Fetch-Site: same-origin", 303, "/demo/"}, {"GET /demo/api", "Sec-Fetch-Site: cross-site", 200, ""},
	} {
		w := v.do(test.line, test.header, "op=count")
		if w.Code != test.status || w.Header().Get("Location") != test.location {
			t.Errorf("%s %s: %d to %q", test.line, test.header, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestPage: the page tells what the API does, and its forms work.
func TestPage(t *testing.T) {
	v := &visitor{t: t, h: node(t, "pj001")}
	holds := func(page string, want ...string) {
		t.Helper()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("the page does not say %q:\n%s", text, page)
			}
		}
	}
	holds(v.do("GET /demo/").Body.String(), "<h1>pj001</h1>", "There is none yet", `<p class="count">0</p>`)
	w := v.do("POST /demo/", "op=count")
	if w.Code != 303 || w.Header().Get("Location") != "/demo/" {
		t.Errorf("a click: %d to %q", w.Code, w.Header().Get("Location"))
	}
	v.do("POST /demo/", "op=set", "name=<i>", "type=string", "value=\"><script>")
	page := v.do("GET /demo/").Body.String()
	id := strings.TrimSuffix(strings.TrimPrefix(v.cookie, "JSESSIONID="), ".pj001")
	holds(page, `<p class="count">1</p>`, id+`<wbr><span class="route" style="--hue:330">.pj001</span></code>`, `<code><span class="route" style="--hue:330">pj001</span></code>`, "&lt;i&gt;", "&lt;script&gt;")
	if strings.Contains(page, "<script>") || strings.Contains(page, "<i>") || strings.Contains(page, "http://") || strings.Contains(page, "https://") || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("the page holds what it must not:\n%s", page)
	}
	if w := v.do("POST /demo/", "op=set", "name=", "type=int"); w.Code != 400 || !strings.Contains(w.Body.String(), `role="alert"`) || !strings.Contains(w.Body.String(), "name is empty") {
		t.Errorf("a mistake: %d\n%s", w.Code, w.Body)
	}
}

// TestLost: a visitor whose node is gone is told so, by the page that he sees
// and by the one after his next click.
func TestLost(t *testing.T) {
	v := &visitor{t: t, h: node(t, "pj001")}
	v.do("POST /demo/", "op=count")
	v.h = node(t, "pj002")
	const told = "Your session was on node <strong>pj001</strong>; here it is not known"
	if page := v.do("GET /demo/").Body.String(); !strings.Contains(page, told) || !strings.Contains(page, "the next click begins a new one") {
		t.Errorf("not told:\n%s", page)
	}
	w := v.do("POST /demo/", "op=count")
	location := w.Header().Get("Location")
	if location != "/demo/?lost=pj001" || !strings.HasSuffix(v.cookie, ".pj002") {
		t.Errorf("after the click: %q, cookie %s", location, v.cookie)
	}
	if page := v.do("GET " + location).Body.String(); !strings.Contains(page, told) || !strings.Contains(page, "this is a new one") {
		t.Errorf("not told:\n%s", page)
	}
	if page := v.do("GET /demo/").Body.String(); strings.Contains(page, "Your session was") {
		t.Errorf("told again:\n%s", page)
	}
}
