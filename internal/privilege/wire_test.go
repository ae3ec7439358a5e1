package privilege

import (
	"bytes"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// TestRequests: what is a request, and what is none.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		about  string
		packet string
		want   request
		ok     bool
	}{
		{"a file", "r\x00\x04/a/b", request{askRead, "/a/b", []byte{}}, true},
		{"a state", "t\x00\x02/astate", request{askWriteState, "/a", []byte("state")}, true},
		{"a reload", "n\x00\x00", request{askRenew, "", []byte{}}, true},
		{"something to keep", "k\x00\x00kept", request{askKeep, "", []byte("kept")}, true},
		{"nothing to keep", "k\x00\x00", request{askKeep, "", []byte{}}, true},
		{"what was kept", "g\x00\x00", request{askKept, "", []byte{}}, true},
		{"something to keep by name", "k\x00\x02/akept", request{}, false},
		{"what was kept, with data", "g\x00\x00kept", request{}, false},
		{"its end", "o\x00\x00\x01", request{askSettle, "", []byte{1}}, true},
		{"nothing", "", request{}, false},
		{"no length", "r\x00", request{}, false},
		{"a name cut short", "r\x00\x05/a/b", request{}, false},
		{"no name", "r\x00\x00", request{}, false},
		{"a name with a zero byte", "r\x00\x03/a\x00", request{}, false},
		{"a file with data", "r\x00\x02/ax", request{}, false},
		{"an unknown verb", "R\x00\x02/a", request{}, false},
		{"a reload of a name", "n\x00\x02/a", request{}, false},
		{"an end without outcome", "o\x00\x00", request{}, false},
		{"an end with another outcome", "o\x00\x00\x02", request{}, false},
		{"too much", "t\x00\x02/a" + strings.Repeat("x", maxPacket), request{}, false},
	} {
		got, err := parseRequest([]byte(c.packet))
		if (err == nil) != c.ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.about, got, err)
		}
		if c.ok && string(got.appendTo(nil)) != c.packet {
			t.Errorf("%s: written again: %q", c.about, got.appendTo(nil))
		}
	}
}

// TestReplies: an error keeps its text and its number.
func TestReplies(t *testing.T) {
	whole := reply{mode: fs.ModeDir | 0o750, size: 1 << 40, time: -5, data: []byte("kept")}
	if got, err := parseReply(whole.appendTo(nil)); err != nil || !reflect.DeepEqual(got, whole) || got.err() != nil {
		t.Errorf("%+v, %v", got, err)
	}
	told, err := parseReply(refusal(&fs.PathError{Op: "open", Path: "/a", Err: syscall.ENOENT}).appendTo(nil))
	if err != nil || told.err().Error() != "open /a: no such file or directory" || !errors.Is(told.err(), fs.ErrNotExist) {
		t.Error(told.err(), err)
	}
	told, err = parseReply(refusal(errors.New(strings.Repeat("x", 2*maxText))).appendTo(nil))
	if err != nil || len(told.text) != maxText || errors.Is(told.err(), fs.ErrNotExist) {
		t.Error(len(told.text), err)
	}
}

// TestReports: a report is one line, whatever the child writes into it.
func TestReports(t *testing.T) {
	got, err := parseReport([]byte("rserving\nMAINPID=1\x00\x7f\xff\tend"))
	if want := "serving MAINPID=1  ? end"; err != nil || got.line != want {
		t.Errorf("%q, %v; want %q", got.line, err, want)
	}
	for _, packet := range []string{"", "x", "r" + strings.Repeat("y", maxText+1)} {
		if _, err := parseReport([]byte(packet)); err == nil {
			t.Errorf("%.10q is a report", packet)
		}
	}
	if long := (report{Serving, strings.Repeat("ä", maxText)}).appendTo(nil); len(long) > 1+maxText {
		t.Errorf("a report of %d bytes", len(long))
	}
}

// TestNoReplies: a text that ends before it should, or is too long, is none.
func TestNoReplies(t *testing.T) {
	for _, packet := range [][]byte{nil, make([]byte, replyHead-1), append(make([]byte, replyHead-2), 0, 1), append(make([]byte, replyHead-2), 0xff, 0xff), make([]byte, maxPacket+1)} {
		if r, err := parseReply(packet); err == nil {
			t.Errorf("%d bytes: %+v", len(packet), r)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte("r\x00\x04/a/b"))
	f.Add([]byte("t\x00\x02/astate"))
	f.Add([]byte("o\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseRequest(packet)
		if err == nil && !bytes.Equal(r.appendTo(nil), packet) {
			t.Errorf("%q became %q", packet, r.appendTo(nil))
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("rserving"))
	f.Add([]byte("s\nREADY=1"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseReport(packet)
		if err != nil {
			return
		}
		if again, err := parseReport(r.appendTo(nil)); err != nil || again != r {
			t.Errorf("%+v became %+v, %v", r, again, err)
		}
		if strings.ContainsAny(r.line, "\n\r\x00") {
			t.Errorf("%q is not one line", r.line)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add(refusal(syscall.EACCES).appendTo(nil))
	f.Add(reply{data: []byte("kept")}.appendTo(nil))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseReply(packet)
		if err == nil && !bytes.Equal(r.appendTo(nil), packet) {
			t.Errorf("%q became %q", packet, r.appendTo(nil))
		}
	})
}
