package rpc

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// The serialVersionUID of a peer's MemberImpl is taken over, and the log says
// once which Tomcats have it.
func TestClassesLearn(t *testing.T) {
	var log bytes.Buffer
	c := &Classes{Log: slog.New(slog.NewTextHandler(&log, nil))}
	m := tribes.Member{Host: netip.MustParseAddr("10.0.0.1"), Port: 4000, SecurePort: -1, UDPPort: -1}
	for _, static := range []bool{false, true} {
		m.Static = static
		if got, err := c.Member(c.Object(m, true)); err != nil || got.Static != static || got.Key() != m.Key() {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged for 10.1.60: %s", &log)
	}
	old := &Classes{}
	old.member.Store(memberClass(0x535528fd049659fe))
	for range 3 {
		if _, err := c.Member(old.Object(m, true)); err != nil {
			t.Fatal(err)
		}
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "10.1.0 to 10.1.39") || !strings.Contains(text, "535528fd049659fe") {
		t.Errorf("logged %q", text)
	}
	if suid := c.Object(m, true).Class.Super.SUID; suid != 0x535528fd049659fe {
		t.Errorf("written with %x afterwards", uint64(suid))
	}
	if _, err := c.Member(&javaserial.String{Text: "x"}); err == nil {
		t.Error("a string is a member")
	}
}
