package ajp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestServerBody: what the container asks for, and what the handler gets.
func TestServerBody(t *testing.T) {
	big := strings.Repeat("b", 8186)
	readAll := func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %v %v %d", len(b), err, r.TransferEncoding, r.ContentLength)
	}
	readSome := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.ReadFull(r.Body, make([]byte, 10))
		fmt.Fprint(w, n, err)
	}
	early := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "early")
		w.(http.Flusher).Flush()
		readAll(w, r)
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		headers string
		first   string   // sent with the request
		more    []string // sent when asked for; "end" ends the body
		want    string   // without headers
	}{
		{"a small one", readAll, "Content-Length: 3", "abc", nil, `"3 <nil> [] 3" end true`},
		{"two packets", readAll, "Content-Length: 8189", big, []string{"abc"}, `ask 8186 "8189 <nil> [] 8189" end true`},
		{"a slow client's", readAll, "Content-Length: 3", "a", []string{"b", "c"}, `ask 8186 ask 8186 "3 <nil> [] 3" end true`},
		{"no length", readAll, "Transfer-Encoding: chunked", "", []string{"abc", "de", "end"}, `ask 8186 ask 8186 ask 8186 "5 <nil> [chunked] -1" end true`},
		{"neither length nor coding", readAll, "X: 1", "", []string{"end"}, `ask 8186 "0 <nil> [] -1" end true`},
		{"too early at its end", readAll, "Content-Length: 5", "abc", []string{"end"}, `ask 8186 "3 unexpected EOF [] 5" end true`},
		{"longer than declared", readAll, "Content-Length: 2", "abc", nil, "EOF"},
		{"nobody reads", func(w http.ResponseWriter, r *http.Request) {}, "Content-Length: 10000", big, nil, "end true"},
		{"nobody reads, no length", func(w http.ResponseWriter, r *http.Request) {}, "Transfer-Encoding: chunked", "", nil, "end true"},
		{"a part is read", readSome, "Content-Length: 10000", big, nil, `"10 <nil>" end true`},
		{"answered first", early, "Content-Length: 8187", big, []string{"x"}, `"early" flush ask 8186 "8187 <nil> [] 8187" end true`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := handle(t, test.handler)
			for range 2 { // on one connection
				got := hear(t, c, ask("POST /", test.headers), test.first)
				for _, data := range test.more {
					if !strings.HasPrefix(got[len(got)-1], "ask") {
						t.Fatalf("nobody asks for %q: %q", data, got)
					}
					if data == "end" {
						c.SendEndOfBody()
					} else {
						c.SendBody([]byte(data))
					}
					got = append(got, listen(c)...)
				}
				var heard []string
				for _, what := range got {
					if !strings.HasPrefix(what, "headers") {
						heard = append(heard, what)
					}
				}
				if line := strings.Join(heard, " "); line != test.want {
					t.Errorf("got  %s\nwant %s", line, test.want)
				}
				if !strings.HasSuffix(test.want, "true") {
					break
				}
			}
		})
	}
}

// TestServerUnread: an answer does not wait for a body that nobody wants, but
// the connection does.
func TestServerUnread(t *testing.T) {
	c := handle(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	if err := c.SendRequest(ask("POST /", "Content-Length: 3"), nil); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Receive(); err != nil || m.Prefix != PrefixSendHeaders || m.Headers.Status != http.StatusForbidden {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := c.SendBody([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	want(t, listen(c), "end true")
}

// TestServerForm: a form is read up to maxPostSize, anything else without a
// limit.
func TestServerForm(t *testing.T) {
	for _, test := range []struct {
		name, kind string
		most       int64
		declared   bool
		want       string
	}{
		{"a form within", "application/x-www-form-urlencoded; charset=utf-8", 10, true, "<nil> 10"},
		{"a form beyond", "Application/X-WWW-Form-urlencoded", 9, true, "http: request body too large 0"},
		{"a form beyond, without a length", "application/x-www-form-urlencoded", 9, false, "http: request body too large 9"},
		{"a form, no limit", "application/x-www-form-urlencoded", -1, true, "<nil> 10"},
		{"another type", "application/json", 9, true, "<nil> 10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			c := serve(t, &Server{MaxPostSize: test.most, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				got = fmt.Sprint(err, " ", len(b))
				if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok && tooLarge.Limit != test.most {
					t.Errorf("the limit is %d", tooLarge.Limit)
				}
			})})()
			if test.declared {
				hear(t, c, ask("POST /", "Content-Type: "+test.kind, "Content-Length: 10"), "0123456789")
			} else {
				hear(t, c, ask("POST /", "Content-Type: "+test.kind, "Transfer-Encoding: chunked"), "")
				c.SendBody([]byte("0123456789"))
				for heard := listen(c); strings.HasPrefix(heard[0], "ask"); heard = listen(c) {
					c.SendEndOfBody()
				}
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestServerDuplex: a handler that reads and writes at the same time, as a
// proxy does, keeps to the protocol: nothing comes between a Get Body Chunk
// and its answer.
func TestServerDuplex(t *testing.T) {
	c := handle(t, func(w http.ResponseWriter, r *http.Request) {
		read := make(chan int64)
		go func() {
			n, _ := io.Copy(io.Discard, r.Body)
			read <- n
		}()
		for range 2000 {
			io.WriteString(w, "0123456789")
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, <-read)
	})
	heard := hear(t, c, ask("POST /", "Transfer-Encoding: chunked"), "")
	answer, asked := heard, 0
	for strings.HasPrefix(heard[len(heard)-1], "ask") {
		if asked++; asked <= 50 {
			c.SendBody([]byte("abc"))
		} else {
			c.SendEndOfBody()
		}
		heard = listen(c)
		answer = append(answer, heard...)
	}
	data := ""
	for _, what := range answer {
		if strings.HasPrefix(what, `"`) {
			data += strings.Trim(what, `"`)
		}
	}
	if len(data) != 20003 || !strings.HasSuffix(data, "150") || answer[len(answer)-1] != "end true" {
		t.Errorf("%d bytes, end %q, then %q", len(data), data[max(0, len(data)-10):], answer[len(answer)-1])
	}
}

// TestServerBodyAfter: nothing of a request can be used after its handler has
// returned.
func TestServerBodyAfter(t *testing.T) {
	var body io.Reader
	var writer http.ResponseWriter
	c := handle(t, func(w http.ResponseWriter, r *http.Request) { body, writer = r.Body, w })
	hear(t, c, ask("POST /", "Content-Length: 3"), "abc")
	if n, err := body.Read(make([]byte, 3)); n != 0 || err != http.ErrBodyReadAfterClose {
		t.Errorf("read: %d, %v", n, err)
	}
	if n, err := io.WriteString(writer, "x"); n != 0 || err != errEnded {
		t.Errorf("write: %d, %v", n, err)
	}
	if err := http.NewResponseController(writer).Flush(); err != errEnded {
		t.Errorf("flush: %v", err)
	}
	if err := http.NewResponseController(writer).SetReadDeadline(time.Now()); err != errEnded {
		t.Errorf("deadline: %v", err)
	}
	want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")
}

// TestServerCopy: io.Copy in both directions.
func TestServerCopy(t *testing.T) {
	c := handle(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if n, err := io.Copy(w, r.Body); n != 100000 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
	})
	sent := strings.Repeat("0123456789", 10000)
	rest := sent
	part := func() []byte {
		n := min(len(rest), c.MaxBody())
		defer func() { rest = rest[n:] }()
		return []byte(rest[:n])
	}
	got := ""
	for heard := hear(t, c, ask("POST /", "Content-Length: 100000"), string(part())); ; heard = listen(c) {
		for _, what := range heard {
			if strings.HasPrefix(what, `"`) {
				got += strings.Trim(what, `"`)
			}
		}
		if last := heard[len(heard)-1]; !strings.HasPrefix(last, "ask") {
			if last != "end true" {
				t.Errorf("ends with %s", last)
			}
			break
		}
		c.SendBody(part())
	}
	if got != sent {
		t.Errorf("%d bytes came back", len(got))
	}
}

// TestServerDeadline: a handler's own deadline ends a read that waits, and is
// gone with the request.
func TestServerDeadline(t *testing.T) {
	c := handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			return
		}
		io.ReadAll(r.Body)
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(-time.Hour))
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
	})
	hear(t, c, ask("POST /", "Content-Length: 3"), "abc")
	want(t, hear(t, c, ask("GET /", none), ""), "headers 200 Content-Length=0", "end true")

	ended := make(chan error, 1)
	c = handle(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		go func() {
			_, err := r.Body.Read(make([]byte, 1))
			ended <- err
		}()
		time.Sleep(10 * time.Millisecond) // so that it waits, most often
		control.SetReadDeadline(time.Now())
		<-r.Context().Done()
	})
	if err := c.SendRequest(ask("POST /", "Content-Length: 3"), nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the read ended with %v", err)
	}
	c.Close()
}
