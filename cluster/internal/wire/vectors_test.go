package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// inFrame returns the message in the first frame of b.
func inFrame(b []byte) []byte {
	b = b[7+4+4+8:]
	for range 2 { // unique id, address
		b = b[4+binary.BigEndian.Uint32(b):]
	}
	return b[4 : 4+binary.BigEndian.Uint32(b)]
}

// decoded returns what index.json says of a vector if it is a session message, a
// map message with a session, or a delta.
func decoded(t testing.TB, v vectors.Vector) (want any, kind string) {
	t.Helper()
	switch v.Kind {
	case "delta":
		return v.Means(t), "delta"
	case "stream":
		want = v.Means(t)
	case "frame":
		first, ok := v.Means(t).([]any)[0].(map[string]any)
		if !ok {
			return nil, ""
		}
		want = first["decoded"]
	}
	m, _ := want.(map[string]any)
	for kind = range m {
		if kind == "$SessionMessageImpl" || kind == "$MapMessage" {
			return m, kind
		}
	}
	return nil, ""
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	normal := func(v any) (out any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if diff := cmp.Diff(normal(want), normal(got)); diff != "" {
		t.Errorf("decoded otherwise (-want +got):\n%s", diff)
	}
}

func same(t *testing.T, want, got []byte) {
	t.Helper()
	if diff := cmp.Diff(hex.Dump(want), hex.Dump(got)); diff != "" {
		t.Errorf("written otherwise (-want +got):\n%s", diff)
	}
}

// inGo makes Go values of what was read, so that writing begins with them.
func inGo(v any) any {
	o, ok := v.(javaserial.Opaque)
	if !ok {
		return v
	}
	if got, exact := javaserial.Go(o.Node); exact {
		return got
	}
	return v
}

// TestVectors reads what Tomcat has sent, and writes it again from what was
// read: byte for byte where Go has what Java's sharing of objects depends on.
func TestVectors(t *testing.T) {
	seen := map[string]int{}
	for _, v := range vectors.All(t) {
		want, kind := decoded(t, v)
		if kind == "" {
			continue
		}
		seen[kind]++
		t.Run(v.Name, func(t *testing.T) {
			data := vectors.Bytes(t, v.Name)
			if v.Kind == "frame" {
				data = inFrame(data)
			}
			switch kind {
			case "delta":
				testDelta(t, v, want, data)
			case "$MapMessage":
				testMap(t, v, want.(map[string]any)[kind].(map[string]any), data)
			default:
				testMessage(t, v, want, data)
			}
		})
	}
	if seen["delta"] != 41 || seen["$SessionMessageImpl"] < 35 || seen["$MapMessage"] < 20 {
		t.Errorf("%v vectors were looked at", seen)
	}
}

func testDelta(t *testing.T, v vectors.Vector, want any, data []byte) {
	d, err := ParseDelta(data, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, want, describeDelta(d))
	again, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	same(t, data, again)
	if v.Reencode != "identical" || v.Name == "delta-arraylist" { // there Java has one string twice in the list
		return
	}
	for i := range d.Actions {
		d.Actions[i].Value = inGo(d.Actions[i].Value)
	}
	if again, err = d.Encode(); err != nil {
		t.Fatal(err)
	}
	same(t, data, again)
}

func testSession(t *testing.T, v vectors.Vector, s Session) Session {
	if v.Reencode == "identical" {
		for i := range s.Attributes {
			s.Attributes[i].Value = inGo(s.Attributes[i].Value)
		}
	}
	return s
}

func testMessage(t *testing.T, v vectors.Vector, want any, data []byte) {
	n, err := javaserial.Decode(data, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m, mine, err := ParseMessage(n)
	if !mine || err != nil {
		t.Fatal(mine, err)
	}
	var payload any
	again := m
	switch m.Event {
	case EventDelta:
		d, err := ParseDelta(m.Payload, javaserial.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		payload = describeDelta(d)
		again.Payload, err = d.Encode()
		if err != nil {
			t.Fatal(err)
		}
	case EventChangeID:
		id, err := ParseID(m.Payload)
		if err != nil {
			t.Fatal(err)
		}
		payload = tree{"newSessionId": id}
		if again.Payload, err = AppendID(id); err != nil {
			t.Fatal(err)
		}
	case EventAllData:
		var all []Session
		described := []any{}
		err := ParseSessions(m.Payload, javaserial.Limits{}, func(s Session) {
			described = append(described, describeSession(s))
			all = append(all, testSession(t, v, s))
		})
		if err != nil {
			t.Fatal(err)
		}
		payload = described
		if v.Reencode != "identical" { // strings are the same object in Java by chance
			again.Payload = m.Payload
			twice(t, all)
			break
		}
		if again.Payload, err = EncodeSessions(all); err != nil {
			t.Fatal(err)
		}
	}
	at := time.UnixMilli(m.Timestamp)
	made := &m
	switch m.Event {
	case EventGetAll:
		made = GetAll(m.Context, at)
	case EventAllData:
		made = AllData(m.Context, m.Payload, at)
	case EventTransferComplete:
		made = TransferComplete(m.Context, at)
	case EventNoContextManager:
		made = NoContextManager(m.Context)
	}
	if !cmp.Equal(m, *made) {
		t.Errorf("made %+v, want %+v", *made, m)
	}
	equal(t, want, describeMessage(m, payload))
	same(t, data, javaserial.Encode(again.Object()))
	same(t, data, again.Encode())
	if read, ok := ReadMessage(data); !ok || !cmp.Equal(read, m) {
		t.Errorf("read from its stream: %v, %+v, want %+v", ok, read, m)
	}
}

// twice checks that sessions are the same after writing and reading.
func twice(t *testing.T, all []Session) {
	t.Helper()
	b, err := EncodeSessions(all)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	err = ParseSessions(b, javaserial.Limits{}, func(s Session) {
		equal(t, describeSession(all[i]), describeSession(s))
		i++
	})
	if err != nil || i != len(all) {
		t.Fatalf("%d of %d sessions: %v", i, len(all), err)
	}
}

// testMap looks at the session in a map message.
func testMap(t *testing.T, v vectors.Vector, want map[string]any, data []byte) {
	n, err := javaserial.Decode(data, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string) []byte {
		_, value, _ := n.(*javaserial.Object).Field("", name)
		if a, ok := value.Node().(*javaserial.Array); ok {
			return a.Raw
		}
		return nil
	}
	if b := part("diffvalue"); b != nil {
		d, err := ParseDelta(b, javaserial.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, want["diffvalue"], describeDelta(d))
		again, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		same(t, b, again)
	}
	session, _ := want["value"].(map[string]any)
	if session["$DeltaSession"] == nil {
		return
	}
	b := part("valuedata")
	if n, err = javaserial.Decode(b, javaserial.Limits{}); err != nil {
		t.Fatal(err)
	}
	s, err := ParseSession(n)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, session["$DeltaSession"], describeSession(s))
	s = testSession(t, v, s)
	o, err := s.Object()
	if err != nil {
		t.Fatal(err)
	}
	again := javaserial.Encode(o)
	if v.Reencode == "identical" {
		same(t, b, again)
	}
	if n, err = javaserial.Decode(again, javaserial.Limits{}); err != nil {
		t.Fatal(err)
	}
	if s, err = ParseSession(n); err != nil {
		t.Fatal(err)
	}
	equal(t, session["$DeltaSession"], describeSession(s))
}

// Older nodes leave out the two notes; what Go does not send, but can come.
func TestOtherForms(t *testing.T) {
	e, heap := javaserial.NewEncoder(), &javaserial.Heap{}
	write := func(v any) {
		n, err := heap.Java(v)
		if err != nil {
			t.Fatal(err)
		}
		e.Object(n)
	}
	for _, v := range []any{int64(1), int64(2), int32(3), false, true, int64(4), int64(0)} {
		write(v)
	}
	e.Bool(true)
	e.Object(Principal("ada", []string{"staff", "root"}))
	for _, v := range []any{"ID", int32(1), "name", "value", int32(1), nil} {
		write(v)
	}
	r := sessionReader{next: javaserial.NewDecoder(e.Bytes(), javaserial.Limits{}).Next}
	s := r.session()
	if r.err != nil {
		t.Fatal(r.err)
	}
	name, roles, ok := ParsePrincipal(s.Principal)
	if s.ID != "ID" || len(s.Attributes) != 1 || s.NoteID != nil || name != "ada" || len(roles) != 2 || !ok || len(s.Listeners) != 0 {
		t.Errorf("%+v of %q, %q", s, name, roles)
	}
}

// FuzzMessage: no input makes reading panic, and what was read is the same
// after writing and reading again.
func FuzzMessage(f *testing.F) {
	for _, v := range vectors.All(f) {
		_, kind := decoded(f, v)
		data := vectors.Bytes(f, v.Name)
		if v.Kind == "frame" && kind != "" {
			data = inFrame(data)
		}
		switch kind {
		case "delta":
			f.Add(data)
		case "$SessionMessageImpl":
			f.Add(data)
			if n, err := javaserial.Decode(data, javaserial.Limits{}); err == nil {
				if m, _, _ := ParseMessage(n); m.Event == EventAllData {
					f.Add(m.Payload)
				}
			}
		}
	}
	limits := javaserial.Limits{Bytes: 1 << 16, Depth: 100, Objects: 20000}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := javaserial.Decode(data, limits)
		if quick, ok := ReadMessage(data); ok && err == nil {
			if m, mine, err := ParseMessage(n); !mine || err != nil || !cmp.Equal(m, quick) || !bytes.Equal(quick.Encode(), javaserial.Encode(m.Object())) {
				t.Fatalf("from its stream %+v, from its object %+v: %v", quick, m, err)
			}
		} else if ok && len(data) <= limits.Bytes {
			t.Fatalf("%+v is read, but %v", quick, err)
		}
		if err == nil {
			if m, mine, err := ParseMessage(n); mine && err == nil {
				again, _, err := ParseMessage(m.Object())
				if err != nil || !cmp.Equal(m, again) {
					t.Fatalf("%+v becomes %+v: %v", m, again, err)
				}
				data = m.Payload
			}
			_, _ = ParseSession(n)
		}
		if d, err := ParseDelta(data, limits); err == nil {
			once, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseDelta(once, javaserial.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if twice, err := again.Encode(); err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("written otherwise the second time: %v\n%x\n%x", err, once, twice)
			}
		}
		var all []Session
		if ParseSessions(data, limits, func(s Session) { all = append(all, s) }) == nil {
			if _, err := EncodeSessions(all); err != nil {
				t.Fatal(err)
			}
		}
	})
}
