package ajp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestForwardRequestBytes is the example of the reference, section 5.1.
func TestForwardRequestBytes(t *testing.T) {
	m := &ForwardRequest{
		Method: "GET", Protocol: "HTTP/1.1", URI: "/a", RemoteAddr: "10.0.0.9", ServerName: "h", ServerPort: 80,
		Headers: []Header{{"host", "h"}, {"content-length", "0"}},
		Attributes: Attributes{
			HasQuery: true, Query: "x=1", Request: []RequestAttribute{{"AJP_REMOTE_PORT", "51000"}},
		},
	}
	got, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := unhex(t, `02 02 00 08 48 54 54 50 2f 31 2e 31 00 00 02 2f 61 00 00 08 31 30 2e 30 2e 30 2e 39 00
		ff ff 00 01 68 00 00 50 00 00 02 a0 0b 00 01 68 00 a0 08 00 01 30 00 05 00 03 78 3d 31 00
		0a 00 0f 41 4a 50 5f 52 45 4d 4f 54 45 5f 50 4f 52 54 00 00 05 35 31 30 30 30 00 ff`)
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	back, err := ParseForwardRequest(want)
	if err != nil {
		t.Fatal(err)
	}
	m.Headers = []Header{{"Host", "h"}, {"Content-Length", "0"}} // codes have one spelling
	if diff := cmp.Diff(m, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// TestContainerPackets are the vectors of the reference, sections 8.1 and 13.
func TestContainerPackets(t *testing.T) {
	for _, test := range []struct {
		message interface{ AppendTo([]byte) []byte }
		want    string
	}{
		{&SendHeaders{Status: 200, Reason: "200", Headers: []Header{{"Content-Type", "text/plain"}}},
			"41 42 00 1a 04 00 c8 00 03 32 30 30 00 00 01 a0 01 00 0a 74 65 78 74 2f 70 6c 61 69 6e 00"},
		{SendBodyChunk{[]byte("ok")}, "41 42 00 06 03 00 02 6f 6b 00"},
		{SendBodyChunk{}, "41 42 00 04 03 00 00 00"},
		{EndResponse{true}, "41 42 00 02 05 01"},
		{EndResponse{false}, "41 42 00 02 05 00"},
		{GetBodyChunk{8186}, "41 42 00 03 06 1f fa"},
		{CPong{}, "41 42 00 01 09"},
	} {
		if got := AppendPacket(nil, test.message); !bytes.Equal(got, unhex(t, test.want)) {
			t.Errorf("%T: got % x, want %s", test.message, got, test.want)
		}
	}
	if got := appendBody(nil, []byte("abc")); !bytes.Equal(got, unhex(t, "12 34 00 05 00 03 61 62 63")) {
		t.Errorf("body packet: % x", got)
	}
}

func TestMethods(t *testing.T) {
	for code, name := range methods {
		if code > 0 && int(methodCode(name)) != code {
			t.Errorf("%s has code %d, want %d", name, methodCode(name), code)
		}
	}
	if len(methods) != 28 || methods[27] != "MKACTIVITY" || methods[21] != "SEARCH" {
		t.Error("the table of methods is off")
	}
	for _, name := range []string{"PATCH", "get", "BASELINE_CONTROL", ""} {
		if methodCode(name) != methodStored {
			t.Errorf("%q has code %d", name, methodCode(name))
		}
	}
}

func TestForwardRequestErrors(t *testing.T) {
	head := "02 02 0001 41 00 0001 2f 00 ffff ffff ffff 0000 00 "
	for _, test := range []struct{ name, bytes, want string }{
		{"empty", "", "Forward Request at byte 0: truncated"},
		{"another message", "03 02", "not this message"},
		{"truncated", "02 02 0008 48", "Forward Request at byte 4: truncated"},
		{"a string without NUL", "02 02 0001 41 41", "byte 5: a string that does not end in NUL"},
		{"more headers than bytes", head + "0002 a00b 0001 68 00", "truncated"},
		{"header code 0", head + "0001 a000 0001 68 00 ff", "unknown coded header name"},
		{"header code 15", head + "0001 a00f 0001 68 00 ff", "unknown coded header name"},
		{"a header without a name", head + "0001 ffff 0001 68 00 ff", "without a name"},
		{"unknown attribute", head + "0000 0e 0001 68 00 ff", "unknown attribute code"},
		{"no end", head + "0000", "truncated"},
		{"trailing bytes", head + "0000 ff 00", "trailing bytes"},
		{"method 0", strings.Replace(head, "02 02", "02 00", 1) + "0000 ff", "byte 1: an unknown method code"},
		{"method 28", strings.Replace(head, "02 02", "02 1c", 1) + "0000 ff", "byte 1: an unknown method code"},
		{"no stored method", strings.Replace(head, "02 02", "02 ff", 1) + "0000 ff", "stored method without"},
	} {
		_, err := ParseForwardRequest(unhex(t, test.bytes))
		var wrong *ProtocolError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("x", maxString+1)
	for name, m := range map[string]*ForwardRequest{
		"uri":         {Method: "GET", URI: long},
		"method":      {Method: long},
		"value":       {Headers: []Header{{"Cookie", long}}},
		"name":        {Headers: []Header{{long, ""}}},
		"coded name":  {Headers: []Header{{strings.Repeat("x", 0xa00b), "v"}}},
		"attribute":   {Attributes: Attributes{Query: long}},
		"req value":   {Attributes: Attributes{Request: []RequestAttribute{{"a", long}}}},
		"header list": {Headers: make([]Header, 65535)},
	} {
		b, err := m.AppendTo([]byte("kept"))
		var tooLarge *TooLargeError
		if !errors.As(err, &tooLarge) || string(b) != "kept" {
			t.Errorf("%s: %v, %d bytes", name, err, len(b))
		}
		if name == "value" && tooLarge.Largest != "Cookie" {
			t.Errorf("the largest header is %q", tooLarge.Largest)
		}
	}
}

// TestForwardRequestRoundTrip: what is written reads back the same.
func TestForwardRequestRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 40, 200)
	word := rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		m := &ForwardRequest{
			Method:   rapid.OneOf(rapid.SampledFrom(methods[1:]), word).Draw(t, "method"),
			Protocol: text.Draw(t, "protocol"), URI: text.Draw(t, "uri"), RemoteAddr: text.Draw(t, "addr"),
			RemoteHost: text.Draw(t, "host"), ServerName: text.Draw(t, "server"),
			ServerPort: rapid.IntRange(0, 65535).Draw(t, "port"), TLS: rapid.Bool().Draw(t, "tls"),
		}
		for range rapid.IntRange(0, 8).Draw(t, "headers") {
			name := rapid.OneOf(rapid.SampledFrom(requestHeaders[1:]), word).Draw(t, "name")
			if code := requestCode(name); code != 0 {
				name = requestHeaders[code]
			}
			m.Headers = append(m.Headers, Header{name, text.Draw(t, "value")})
		}
		a := &m.Attributes
		a.RemoteUser, a.AuthType, a.Query = text.Draw(t, "user"), text.Draw(t, "auth"), text.Draw(t, "query")
		a.HasQuery = a.Query != "" || rapid.Bool().Draw(t, "asked")
		a.Route, a.SSLCert, a.SSLCipher = text.Draw(t, "route"), text.Draw(t, "cert"), text.Draw(t, "cipher")
		a.SSLSession, a.Secret = text.Draw(t, "session"), text.Draw(t, "secret")
		a.SSLKeySize = rapid.IntRange(0, 65535).Draw(t, "size")
		for range rapid.IntRange(0, 4).Draw(t, "attributes") {
			a.Request = append(a.Request, RequestAttribute{text.Draw(t, "name"), text.Draw(t, "value")})
		}
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseForwardRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		if methodCode(m.Method) == methodStored {
			a.StoredMethod = m.Method
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSendHeadersErrors(t *testing.T) {
	for _, test := range []struct{ name, bytes, want string }{
		{"status 100", "0064 0000 00 0000", "a status that cannot end"},
		{"status 0", "0000 0000 00 0000", "a status that cannot end"},
		{"status 1000", "03e8 0000 00 0000", "a status that cannot end"},
		{"count too large", "00c8 0000 00 0005", "truncated"},
		{"code 12", "00c8 0000 00 0001 a00c 0001 61 00", "unknown coded"},
		{"null value", "00c8 0000 00 0001 a001 ffff", "HTTP cannot carry"},
		{"line end in a value", "00c8 0000 00 0001 a001 0003 61 0d0a 00", "HTTP cannot carry"},
		{"NUL in a value", "00c8 0000 00 0001 a001 0003 61 0061 00", "HTTP cannot carry"},
		{"blank in a name", "00c8 0000 00 0001 0003 61 20 62 00 0001 61 00", "HTTP cannot carry"},
		{"empty name", "00c8 0000 00 0001 0000 00 0001 61 00", "HTTP cannot carry"},
		{"trailing", "00c8 0000 00 0000 00", "trailing"},
	} {
		var m SendHeaders
		err := m.parse(&payload{message: "Send Headers", bytes: unhex(t, test.bytes)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestReasons(t *testing.T) {
	for reason, want := range map[string]string{"200": "", "": "", "Fine": "Fine", "200 OK": "200 OK"} {
		m := SendHeaders{Status: 200, Reason: reason}
		var back SendHeaders
		if err := back.parse(&payload{bytes: m.AppendTo(nil)[1:]}); err != nil || back.Reason != want {
			t.Errorf("reason %q reads as %q, %v", reason, back.Reason, err)
		}
	}
}

// FuzzServerPacket: what a web server could send. What parses is the same
// after writing and parsing again.
func FuzzServerPacket(f *testing.F) {
	m := &ForwardRequest{Method: "PATCH", Protocol: "HTTP/1.1", URI: "/x", Headers: []Header{{"Host", "h"}, {"X-A", "b"}},
		Attributes: Attributes{HasQuery: true, SSLKeySize: 256, Secret: "s", Request: []RequestAttribute{{"a", "b"}}}}
	seed, err := m.AppendTo(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseForwardRequest(b)
		if err != nil {
			return
		}
		m.Attributes.StoredMethod = ""
		again, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseForwardRequest(again)
		if err != nil {
			t.Fatalf("% x: %v", again, err)
		}
		back.Attributes.StoredMethod = ""
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatal(diff)
		}
	})
}
