package replica

import (
	"reflect"
	"testing"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func opaque(t *testing.T, v any) javaserial.Opaque {
	t.Helper()
	n, err := javaserial.Java(v)
	if err != nil {
		t.Fatal(err)
	}
	return javaserial.Opaque{Node: n}
}

// Changes come out of a delta as they went in; values as objects of Java.
func TestChanges(t *testing.T) {
	listener := opaque(t, []any{"l"})
	told := []session.Change{
		{Kind: session.KindIsNew, Value: true}, {Kind: session.KindMaxInactive, Value: 1500 * time.Millisecond},
		{Kind: session.KindAttribute, Name: "a", Value: int32(5)}, {Kind: session.KindAttribute, Name: "b", Remove: true},
		{Kind: session.KindAuthType, Value: "FORM"}, {Kind: session.KindPrincipal, Value: &session.Principal{Name: "ada", Roles: []string{"x", "y"}}},
		{Kind: session.KindNote, Name: "n", Value: "note"}, {Kind: session.KindListener, Value: listener}, {Kind: session.KindListener, Value: listener, Remove: true},
		{Kind: session.KindPrincipal, Remove: true}, {Kind: session.KindAuthType, Remove: true}, {Kind: session.KindMaxInactive, Value: time.Duration(0)},
	}
	stream, err := Delta("ID", true, told).Encode()
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.ParseDelta(stream, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	d.Actions = append(d.Actions, wire.Action{Type: 77, Name: "?"})
	heard, unknown := Changes(&d)
	if unknown != 1 || len(heard) != len(told) {
		t.Fatalf("%d changes, %d unknown", len(heard), unknown)
	}
	want := append([]session.Change{}, told...)
	want[1].Value, want[11].Value = 2*time.Second, time.Duration(-1)
	for i := range heard {
		got := heard[i]
		switch got.Kind {
		case session.KindAttribute, session.KindNote, session.KindListener:
			if o, ok := got.Value.(javaserial.Opaque); ok {
				got.Value, _ = javaserial.Go(o.Node)
			}
			if o, ok := want[i].Value.(javaserial.Opaque); ok {
				want[i].Value, _ = javaserial.Go(o.Node)
			}
		}
		want[i].Name = got.Name // of those that have none of their own
		if p, ok := got.Value.(*session.Principal); ok {
			got.Value = &session.Principal{Name: p.Name, Roles: p.Roles}
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("change %d is %+v, want %+v", i, got, want[i])
		}
	}
}

// A session that a Tomcat has sent goes back as it came, but for its times.
func TestState(t *testing.T) {
	w := wire.Session{
		ID: "ID", Created: 1700000000000, MaxInactive: 1800, IsValid: true, Principal: wire.Principal("bob", []string{"admin"}),
		NoteID: opaque(t, "ID"), NoteRequest: opaque(t, []any{1}), Listeners: []javaserial.Node{opaque(t, "l").Node},
		Attributes: []wire.Attribute{{Name: "a", Value: opaque(t, "v")}},
	}
	s := State(&w)
	if s.Principal.Name != "bob" || s.MaxInactive != 30*time.Minute || time.Since(s.This) > time.Minute || len(s.Notes) != 2 {
		t.Errorf("%+v of %+v", s, s.Principal)
	}
	e := session.Restore(s)
	if e.Primary() {
		t.Error("it is this node's")
	}
	s, _ = e.State()
	again := Session(&s)
	again.Last, again.This = 0, 0
	w.Attributes[0].Value, w.NoteID = "v", "ID"
	if !reflect.DeepEqual(w, again) {
		t.Errorf("%+v becomes %+v", w, again)
	}
}

func TestSkip(t *testing.T) {
	skip, err := Skip("a.*", "java\\.lang\\.(String|Integer)")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		value any
		want  bool
	}{
		{"a", "x", false}, {"ab", int32(1), false}, {"ba", "x", true}, {"a", int64(1), true}, {"a", nil, false},
		{"a", opaque(t, "x"), false}, {"a", opaque(t, []any{}), true}, {"a", []byte{}, true}, {"a", map[string]any{}, true},
	} {
		if got := skip(test.name, test.value); got != test.want {
			t.Errorf("%s of %T: skipped %v, want %v", test.name, test.value, got, test.want)
		}
	}
	for _, patterns := range [][2]string{{"(", ""}, {"", "("}} {
		if _, err := Skip(patterns[0], patterns[1]); err == nil {
			t.Errorf("%q is taken", patterns)
		}
	}
	if skip, err := Skip("", ""); skip != nil || err != nil {
		t.Error("no patterns skip something")
	}
}
