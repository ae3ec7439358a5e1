// Package wire turns session messages, deltas and full sessions into bytes and
// back, as Tomcat's cluster has them. What comes in are Java objects and
// streams of peers, what goes out are a Message, a Delta, Sessions; and the
// other way. It does no I/O.
//
// Source: org.apache.catalina.ha.session of Tomcat 10.1: SessionMessageImpl,
// DeltaRequest, DeltaSession, DeltaManager.
package wire

import (
	"fmt"

	"github.com/catflap/catflap/javaserial"
)

// Types of fields.
var (
	typeString = &javaserial.String{Text: "Ljava/lang/String;"}
	typeBytes  = &javaserial.String{Text: "[B"}
)

// Descriptors of Tomcat's classes.
var (
	classBase = &javaserial.Class{
		Name: "org.apache.catalina.ha.ClusterMessageBase", SUID: 1, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{{Code: 'J', Name: "timestamp"}},
	}
	classMessage = &javaserial.Class{
		Name: "org.apache.catalina.ha.session.SessionMessageImpl", SUID: 2, Flags: javaserial.FlagSerializable, Super: classBase,
		Fields: []javaserial.Field{
			{Code: 'I', Name: "mEvtType"}, {Code: 'J', Name: "serializationTimestamp"}, {Code: 'Z', Name: "timestampSet"},
			{Code: 'L', Name: "mContextName", Type: typeString}, {Code: '[', Name: "mSession", Type: typeBytes},
			{Code: 'L', Name: "mSessionID", Type: typeString}, {Code: 'L', Name: "uniqueId", Type: typeString},
		},
	}
)

// An Event says what a Message is about.
type Event int32

// The events of Tomcat. Others are ignored by who gets them.
const (
	EventCreated          Event = 1
	EventExpired          Event = 2
	EventAccessed         Event = 3
	EventGetAll           Event = 4  // a node that starts asks for the sessions
	EventAllData          Event = 12 // those, or some of them
	EventDelta            Event = 13
	EventTransferComplete Event = 14
	EventChangeID         Event = 15
	EventNoContextManager Event = 16 // in place of 12 and 14
)

func (e Event) String() string {
	switch e {
	case EventCreated:
		return "SESSION_CREATED"
	case EventExpired:
		return "SESSION_EXPIRED"
	case EventAccessed:
		return "SESSION_ACCESSED"
	case EventGetAll:
		return "GET_ALL_SESSIONS"
	case EventAllData:
		return "ALL_SESSION_DATA"
	case EventDelta:
		return "SESSION_DELTA"
	case EventTransferComplete:
		return "ALL_SESSION_TRANSFERCOMPLETE"
	case EventChangeID:
		return "CHANGE_SESSION_ID"
	case EventNoContextManager:
		return "ALL_SESSION_NOCONTEXTMANAGER"
	}
	return fmt.Sprintf("event %d", int32(e))
}

// A Message is about one session, or all, of one context.
//
// Source: ha.session.SessionMessageImpl.
type Message struct {
	Event     Event
	Context   string // of the web application
	Everybody bool   // no context (null): it is for all of them
	ID        string // of the session, or what stands for all
	Key       string // names the message in logs
	Timestamp int64  // in ms since 1970
	Unstamped bool   // timestampSet is false
	Payload   []byte // by Event; nil is null
}

// Size is about how many bytes of memory m takes.
func (m *Message) Size() int {
	return 256 + len(m.Context) + len(m.ID) + len(m.Key) + len(m.Payload)
}

// Object returns m as Java has it.
func (m *Message) Object() *javaserial.Object {
	var context, payload javaserial.Node
	if !m.Everybody {
		context = &javaserial.String{Text: m.Context}
	}
	if m.Payload != nil {
		payload = javaserial.ByteArray(m.Payload)
	}
	return &javaserial.Object{Class: classMessage, Data: []javaserial.ClassData{
		{Class: classBase, Fields: []javaserial.Value{javaserial.IntValue(0)}},
		{Class: classMessage, Fields: []javaserial.Value{
			javaserial.IntValue(int64(m.Event)), javaserial.IntValue(m.Timestamp), javaserial.BoolValue(!m.Unstamped),
			javaserial.NodeValue(context), javaserial.NodeValue(payload),
			javaserial.NodeValue(&javaserial.String{Text: m.ID}), javaserial.NodeValue(&javaserial.String{Text: m.Key}),
		}},
	}}
}

// ParseMessage reads a message. mine is false if n is an object of another
// class. Fields stand by their names, and one that is missing is null or 0, as
// Java reads it.
func ParseMessage(n javaserial.Node) (m Message, mine bool, err error) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Proxy || o.Class.Name != classMessage.Name {
		return Message{}, false, nil
	}
	if err := o.Class.CheckSUID(classMessage); err != nil {
		return Message{}, true, err
	}
	f := fields{of: o}
	m.Event = Event(f.number("mEvtType", 'I'))
	m.Timestamp = f.number("serializationTimestamp", 'J')
	m.Unstamped = f.number("timestampSet", 'Z') == 0
	m.Context, ok = f.text("mContextName")
	m.Everybody = !ok
	m.ID, _ = f.text("mSessionID")
	m.Key, _ = f.text("uniqueId")
	m.Payload = f.bytes("mSession")
	return m, true, f.err
}

// fields reads those of a SessionMessageImpl. The first error sticks.
type fields struct {
	of  *javaserial.Object
	err error
}

func (f *fields) value(name string, code byte) (v javaserial.Value, ok bool) {
	got, v, ok := f.of.Field(classMessage.Name, name)
	if ok && got != code {
		f.fail(name)
		return javaserial.Value{}, false
	}
	return v, ok
}

func (f *fields) fail(name string) {
	if f.err == nil {
		f.err = fmt.Errorf("session message: its field %s has another type", name)
	}
}

func (f *fields) number(name string, code byte) int64 {
	v, _ := f.value(name, code)
	return v.Int()
}

// text returns a string; ok is false if it is null.
func (f *fields) text(name string) (text string, ok bool) {
	v, _ := f.value(name, 'L')
	switch n := v.Node().(type) {
	case nil:
		return "", false
	case *javaserial.String:
		return n.Text, true
	}
	f.fail(name)
	return "", false
}

func (f *fields) bytes(name string) []byte {
	v, _ := f.value(name, '[')
	switch n := v.Node().(type) {
	case nil:
		return nil
	case *javaserial.Array:
		if n.Class.Name == "[B" {
			return n.Raw
		}
	}
	f.fail(name)
	return nil
}

// AppendID returns the payload of an EventChangeID.
func AppendID(id string) ([]byte, error) {
	e := javaserial.NewEncoder()
	if !e.UTF(id) {
		return nil, fmt.Errorf("session id of %d bytes: too long for a message", len(id))
	}
	return e.Bytes(), nil
}

// ParseID reads the payload of an EventChangeID.
func ParseID(b []byte) (string, error) {
	d := javaserial.NewDecoder(b, javaserial.Limits{})
	id, err := d.UTF()
	if err != nil {
		return "", fmt.Errorf("new session id: %w", err)
	}
	return id, d.End()
}
