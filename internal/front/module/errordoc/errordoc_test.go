package errordoc

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

func write(t *testing.T, method string, docs settings.ErrorDocs, p Page, prepare func(http.Header)) (*httptest.ResponseRecorder, *exchange.Exchange) {
	t.Helper()
	s := settings.Default()
	s.ErrorDocs = docs
	x := &exchange.Exchange{Settings: s, Request: exchange.Request{Method: method}}
	rec := httptest.NewRecorder()
	if prepare != nil {
		prepare(rec.Header())
	}
	if err := Write(rec, httptest.NewRequest("GET", "/", nil), x, p); err != nil {
		t.Fatal(err)
	}
	return rec, x
}

func TestBuiltIn(t *testing.T) {
	for _, status := range []int{301, 302, 400, 403, 404, 405, 410, 413, 414, 416, 500, 501, 502, 503, 504, 599} {
		rec, _ := write(t, "GET", nil, Page{Status: status}, nil)
		body := rec.Body.String()
		if rec.Code != status || !strings.Contains(body, "<title>"+Title(status)+"</title>") || !strings.HasSuffix(body, "</body></html>\n") ||
			rec.Header().Get("Content-Length") != strconv.Itoa(len(body)) || rec.Header().Get("Content-Type") != "text/html; charset=iso-8859-1" {
			t.Errorf("%d: %d %v\n%s", status, rec.Code, rec.Header(), body)
		}
	}
}

func TestBodiless(t *testing.T) {
	if rec, _ := write(t, "HEAD", nil, Page{Status: 404}, nil); rec.Body.Len() > 0 || rec.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %q, %v", rec.Body, rec.Header())
	}
	if rec, _ := write(t, "GET", nil, Page{Status: 304}, nil); rec.Body.Len() > 0 || rec.Code != 304 {
		t.Errorf("304: %q", rec.Body)
	}
}

func TestErrorDocument(t *testing.T) {
	docs := settings.ErrorDocs{404: {Text: "<b>gone</b>"}, 503: {URL: "http://status.example/"}, 500: {}}
	if rec, _ := write(t, "GET", docs, Page{Status: 404}, nil); rec.Body.String() != "<b>gone</b>" || rec.Code != 404 {
		t.Errorf("text: %d %q", rec.Code, rec.Body)
	}
	rec, x := write(t, "GET", docs, Page{Status: 503}, nil)
	if rec.Code != 302 || rec.Header().Get("Location") != "http://status.example/" || x.Response.Original != 503 {
		t.Errorf("URL: %d %v, original %d", rec.Code, rec.Header(), x.Response.Original)
	}
	if rec, _ := write(t, "GET", docs, Page{Status: 500}, nil); !strings.Contains(rec.Body.String(), "500 Internal") {
		t.Errorf("default: %q", rec.Body)
	}
	if rec, _ := write(t, "GET", docs, Page{Status: 404, Failed: true}, nil); !strings.Contains(rec.Body.String(), "ErrorDocument") {
		t.Errorf("failed: %q", rec.Body)
	}
}

func TestHeadersOfTheRefusedAnswerGo(t *testing.T) {
	rec, _ := write(t, "GET", nil, Page{Status: 401}, func(h http.Header) {
		h.Set("ETag", "x")
		h.Set("Content-Encoding", "gzip")
		h.Set("WWW-Authenticate", "Basic")
	})
	failed, _ := write(t, "GET", nil, Page{Status: 410, Failed: true}, func(h http.Header) { h.Set("Location", "/elsewhere") })
	if to := failed.Header().Get("Location"); to != "" {
		t.Errorf("an ErrorDocument that is a redirect leaves Location: %s", to)
	}
	if h := rec.Header(); h.Get("ETag") != "" || h.Get("Content-Encoding") != "" || h.Get("WWW-Authenticate") != "Basic" {
		t.Errorf("%v", h)
	}
}

func TestNothingOfTheClientIsMarkup(t *testing.T) {
	for _, status := range []int{405, 501} {
		if rec, _ := write(t, "<script>", nil, Page{Status: status}, nil); strings.Contains(rec.Body.String(), "<script>") {
			t.Errorf("%d: %s", status, rec.Body)
		}
	}
	rec, _ := write(t, "GET", nil, Page{Status: 302}, func(h http.Header) { h.Set("Location", `/"><script>`) })
	if strings.Contains(rec.Body.String(), "<script>") {
		t.Errorf("%s", rec.Body)
	}
}
