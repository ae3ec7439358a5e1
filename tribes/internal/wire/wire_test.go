package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/vectors"
)

type expectMember struct {
	Alive                                    int64
	Port, SecurePort, UDPPort                int32
	Host, Command, Domain, UniqueID, Payload string
}

type expectFrame struct {
	Ack, FailAck  bool
	Options       int32
	Timestamp     int64
	UniqueID      string
	Address       *expectMember
	MessageLength int
	MessageHex    string
}

// tell describes m as index.json does.
func tell(m *Member) expectMember {
	host := m.Host.String()
	if m.Host.Is6() {
		host = hex.EncodeToString(m.Host.AsSlice())
	}
	latin1 := make([]rune, len(m.Domain))
	for i, c := range m.Domain {
		latin1[i] = rune(c)
	}
	return expectMember{m.Alive, m.Port, m.SecurePort, m.UDPPort, host,
		hex.EncodeToString(m.Command), string(latin1), m.ID.String(), hex.EncodeToString(m.Payload)}
}

func TestMemberVectors(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		if v.Kind != "mcast" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			data := vectors.Bytes(t, v.Name)
			m, size, err := ParseMember(data)
			if err != nil {
				t.Fatal(err)
			}
			var want expectMember
			if err := json.Unmarshal(v.Expect, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, tell(&m)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := m.AppendTo(nil); !bytes.Equal(again, data[:size]) {
				t.Errorf("written otherwise:\n%x\n%x", data[:size], again)
			}
			if m.Size() != size {
				t.Errorf("Size is %d, but it has %d bytes", m.Size(), size)
			}
			if size != len(data) {
				t.Errorf("%d bytes left", len(data)-size)
			}
		})
	}
	if seen < 9 {
		t.Errorf("only %d vectors", seen)
	}
}

func TestFrameVectors(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		if v.Kind != "frame" && v.Kind != "mcast-frame" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) { frameVector(t, v) })
	}
	if seen < 90 {
		t.Errorf("only %d vectors", seen)
	}
}

func frameVector(t *testing.T, v vectors.Vector) {
	data := vectors.Bytes(t, v.Name)
	var want []expectFrame
	if err := json.Unmarshal(v.Expect, &want); err != nil {
		t.Fatal(err)
	}
	var again []byte
	rest := data
	for i, w := range want {
		body, size, err := ParseFrame(rest, 1<<20)
		if err != nil || size == 0 {
			t.Fatalf("frame %d: size %d, error %v", i, size, err)
		}
		rest = rest[size:]
		if w.Ack || w.FailAck {
			if w.Ack != bytes.Equal(body, Ack) || w.FailAck != bytes.Equal(body, FailAck) {
				t.Errorf("frame %d: % x", i, body)
			}
			again = AppendFrame(again, body)
			continue
		}
		m, err := ParseMessage(body)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		got := expectFrame{Options: int32(m.Options), Timestamp: m.Timestamp, UniqueID: m.ID.String(), MessageLength: len(m.Data)}
		from := tell(&m.From)
		got.Address = &from
		if w.MessageHex != "" {
			got.MessageHex = hex.EncodeToString(m.Data)
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("frame %d (-want +got):\n%s", i, diff)
		}
		before := len(again)
		address := m.From.AppendTo(nil)
		again = AppendMessage(again, &m, address)
		if n := MessageSize(&m, len(address)); n != len(again)-before {
			t.Errorf("frame %d: MessageSize is %d, but it has %d bytes", i, n, len(again)-before)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes left", len(rest))
	}
	if !bytes.Equal(again, data) {
		t.Errorf("written otherwise:\n%x\n%x", data, again)
	}
}

// What Tomcat chokes on is refused here, before anything is allocated by it.
func TestBadVectors(t *testing.T) {
	accepted := map[string]string{
		"bad-mcast-trailing":     "bytes behind a member in a datagram are tolerated",
		"bad-not-java":           "the message is no Java stream: not a matter of frames",
		"bad-suid":               "a wrong serialVersionUID: not a matter of frames",
		"bad-unknown-class":      "an unknown class: not a matter of frames",
		"bad-start-null-primary": "a map message without a primary: not a matter of frames",
	}
	seen := 0
	for _, v := range vectors.All(t) {
		if !strings.HasPrefix(v.Kind, "bad-") {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			err := readAll(v, vectors.Bytes(t, v.Name))
			if why, ok := accepted[v.Name]; ok {
				if err != nil {
					t.Errorf("error %v, but %s", err, why)
				}
			} else if err == nil {
				t.Errorf("accepted: %s", v.Desc)
			} else {
				t.Log(err)
			}
		})
	}
	if seen < 20 {
		t.Errorf("only %d vectors", seen)
	}
}

// readAll reads data as a socket would; bytes that are missing at the end are
// an error.
func readAll(v vectors.Vector, data []byte) error {
	if v.Kind == "bad-udp" {
		_, _, err := ParseMember(data)
		return err
	}
	for len(data) > 0 {
		body, size, err := ParseFrame(data, 64<<20)
		if err != nil {
			return err
		}
		if size == 0 {
			return &Error{"frame", len(data), "ends too early"}
		}
		if data = data[size:]; bytes.Equal(body, Ack) {
			continue
		}
		if _, err := ParseMessage(body); err != nil {
			return err
		}
	}
	return nil
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		text string
		want Options
		err  string
	}{
		{"8", 8, ""}, {" 6 ", 6, ""}, {"async", 8, ""}, {"asynchronous", 8, ""}, {"use_ack , sync", 6, ""},
		{"synchronized_ack,use_ack", 6, ""}, {"byte,byte_message", 1, ""}, {"multicast", 64, ""}, {"udp,secure", 48, ""},
		{"acknowledged", 0, `send option "acknowledged" is unknown`}, {"", 0, `send option "" is unknown`},
	} {
		got, err := ParseOptions(test.text)
		if got != test.want || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("ParseOptions(%q) = %d, %v; want %d, %q", test.text, got, err, test.want, test.err)
		}
	}
	for o, want := range map[Options]string{6: "sync, use_ack", 8: "async", 0: "0", 127: "multicast, udp, secure, async, sync, use_ack, byte", 264: "async, 256"} {
		if got := o.String(); got != want {
			t.Errorf("%d is %q, want %q", o, got, want)
		}
	}
}

func TestAbsoluteOrder(t *testing.T) {
	at := func(host string, port int32, id byte) Member {
		return Member{Host: netip.MustParseAddr(host), Port: port, ID: ID{15: id}}
	}
	want := []Member{at("9.0.0.1", 5000, 1), at("10.0.0.1", 4000, 1), at("10.0.0.1", 4000, 200), at("10.0.0.1", 4001, 0), at("200.0.0.1", 1, 0), at("::1", 1, 0)}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b Member) int { return a.Compare(&b) })
	for i := range want {
		if got[i].Key() != want[i].Key() {
			t.Errorf("place %d has %v, want %v", i, &got[i], &want[i])
		}
	}
	if name := want[1].Name(); name != "tcp://{10, 0, 0, 1}:4000" {
		t.Errorf("name %s", name)
	}
}

func FuzzMember(f *testing.F) {
	for _, v := range vectors.All(f) {
		if v.Kind == "mcast" || v.Kind == "bad-udp" {
			f.Add(vectors.Bytes(f, v.Name))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, size, err := ParseMember(data)
		if err != nil {
			return
		}
		again := m.AppendTo(nil)
		other, n, err := ParseMember(again)
		if err != nil || n != len(again) || other.Key() != m.Key() || size > len(data) {
			t.Fatalf("%v, %d of %d bytes: %v becomes %v", err, n, len(again), m, other)
		}
	})
}

func FuzzFrames(f *testing.F) {
	for _, v := range vectors.All(f) {
		if v.Kind == "frame" || v.Kind == "bad-tcp" {
			f.Add(vectors.Bytes(f, v.Name))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for len(data) > 0 {
			body, size, err := ParseFrame(data, 1<<20)
			if err != nil || size == 0 {
				return
			}
			data = data[size:]
			m, err := ParseMessage(body)
			if err != nil {
				continue
			}
			frame := AppendMessage(nil, &m, m.From.AppendTo(nil))
			again, n, err := ParseFrame(frame, 1<<21)
			if err != nil || n != len(frame) {
				t.Fatalf("frame of %d bytes read as %d: %v", len(frame), n, err)
			}
			other, err := ParseMessage(again)
			if err != nil || !bytes.Equal(other.Data, m.Data) || other.ID != m.ID || other.Options != m.Options {
				t.Fatalf("%v: %v becomes %v", err, m, other)
			}
		}
	})
}
