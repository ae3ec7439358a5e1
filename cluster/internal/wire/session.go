package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/catflap/catflap/javaserial"
)

// Descriptors of Tomcat's classes.
var (
	classStandard = &javaserial.Class{
		Name: "org.apache.catalina.session.StandardSession", SUID: 1, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{
			{Code: 'J', Name: "creationTime"}, {Code: 'Z', Name: "isNew"}, {Code: 'Z', Name: "isValid"},
			{Code: 'J', Name: "lastAccessedTime"}, {Code: 'I', Name: "maxInactiveInterval"}, {Code: 'J', Name: "thisAccessedTime"},
			{Code: 'L', Name: "attributes", Type: &javaserial.String{Text: "Ljava/util/concurrent/ConcurrentMap;"}},
			{Code: 'L', Name: "id", Type: typeString},
		},
	}
	classSession = &javaserial.Class{
		Name: "org.apache.catalina.ha.session.DeltaSession", SUID: 0x041d33b9b82ea975,
		Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData, Super: classStandard,
	}
)

// An Attribute of a Session. Its Value is as that of an Action.
type Attribute struct {
	Name  string
	Value any
}

// A Session is all of a session. Times are in ms since 1970.
//
//	creationTime         object Long
//	lastAccessedTime     object Long
//	maxInactiveInterval  object Integer   seconds
//	isNew                object Boolean
//	isValid              object Boolean
//	thisAccessedTime     object Long
//	version              object Long      0
//	principal follows    boolean
//	principal            object           only if so
//	id                   object String
//	note SESSION_ID      object           older nodes write neither
//	note REQUEST         object
//	attributes           object Integer, for each: object String, object
//	listeners            object Integer, for each: object
//
// Source: ha.session.DeltaSession.doWriteObject.
type Session struct {
	ID          string
	Created     int64
	Last        int64 // lastAccessedTime
	This        int64 // thisAccessedTime
	Version     int64
	MaxInactive int32
	IsNew       bool
	IsValid     bool
	Principal   javaserial.Node // nil is nobody
	NoteID      any             // note SESSION_ID; as Action.Value
	NoteRequest any
	Attributes  []Attribute
	Listeners   []javaserial.Node
}

// contents returns what s is made of.
func (s *Session) contents(heap *javaserial.Heap) ([]javaserial.Content, error) {
	w := sessionWriter{heap: heap}
	for _, v := range [...]any{s.Created, s.Last, s.MaxInactive, s.IsNew, s.IsValid, s.This, s.Version} {
		w.object(v)
	}
	if s.Principal != nil {
		w.all = append(w.all, javaserial.Content{Block: []byte{1}}, javaserial.Content{Node: s.Principal})
	} else {
		w.all = append(w.all, javaserial.Content{Block: []byte{0}})
	}
	for _, v := range [...]any{s.ID, s.NoteID, s.NoteRequest, int32(len(s.Attributes))} {
		w.object(v)
	}
	for _, a := range s.Attributes {
		w.object(a.Name)
		w.object(a.Value)
	}
	w.object(int32(len(s.Listeners)))
	for _, n := range s.Listeners {
		w.all = append(w.all, javaserial.Content{Node: n})
	}
	if w.err != nil {
		return nil, fmt.Errorf("session: %w", w.err)
	}
	return w.all, nil
}

// A sessionWriter collects contents. The first error sticks.
type sessionWriter struct {
	heap *javaserial.Heap
	all  []javaserial.Content
	err  error
}

func (w *sessionWriter) object(v any) {
	n, err := w.heap.Java(v)
	if w.err == nil {
		w.err = err
	}
	w.all = append(w.all, javaserial.Content{Node: n})
}

// Object returns s as the value of a map's entry.
func (s *Session) Object() (*javaserial.Object, error) {
	all, err := s.contents(&javaserial.Heap{})
	if err != nil {
		return nil, err
	}
	return &javaserial.Object{Class: classSession, Data: []javaserial.ClassData{{Class: classSession, Custom: all}}}, nil
}

// EncodeSessions returns the payload of an EventAllData.
func EncodeSessions(all []Session) ([]byte, error) {
	e := javaserial.NewEncoder()
	heap := &javaserial.Heap{}
	count, err := heap.Java(int32(len(all)))
	if err != nil {
		return nil, err
	}
	e.Object(count)
	for i := range all {
		contents, err := all[i].contents(heap)
		if err != nil {
			return nil, err
		}
		for _, c := range contents {
			if c.Block != nil {
				e.Raw(c.Block)
			} else {
				e.Object(c.Node)
			}
		}
	}
	return e.Bytes(), nil
}

// ParseSession reads the value of a map's entry.
func ParseSession(n javaserial.Node) (Session, error) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Proxy || o.Class.Name != classSession.Name || len(o.Data) != 1 {
		return Session{}, fmt.Errorf("session: %q where a session is expected", javaserial.Opaque{Node: n}.Class())
	}
	all := o.Data[0].Custom
	r := sessionReader{next: func() (javaserial.Content, error) {
		if len(all) == 0 {
			return javaserial.Content{}, io.ErrUnexpectedEOF
		}
		c := all[0]
		all = all[1:]
		return c, nil
	}}
	s := r.session()
	if r.err == nil && len(all) > 0 {
		r.err = fmt.Errorf("%d objects more than expected", len(all))
	}
	return s, r.wrapped()
}

// ParseSessions reads the payload of an EventAllData, and hands each session to
// take as soon as it is read.
func ParseSessions(b []byte, limits javaserial.Limits, take func(Session)) error {
	d := javaserial.NewDecoder(b, limits)
	r := sessionReader{next: d.Next}
	for range r.count() {
		s := r.session()
		if r.err != nil {
			return r.wrapped()
		}
		take(s)
	}
	if r.err == nil {
		r.err = d.End()
	}
	return r.wrapped()
}

// A sessionReader reads sessions from contents. The first error sticks.
type sessionReader struct {
	next func() (javaserial.Content, error)
	err  error
}

func (r *sessionReader) wrapped() error {
	if r.err == nil {
		return nil
	}
	if errors.Is(r.err, io.EOF) {
		r.err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("session: %w", r.err)
}

// object returns the next object.
func (r *sessionReader) object() javaserial.Node {
	if r.err != nil {
		return nil
	}
	c, err := r.next()
	if err == nil && c.Block != nil {
		err = fmt.Errorf("%d bytes where an object is expected", len(c.Block))
	}
	r.err = err
	return c.Node
}

// value returns the next object, which is a T in Go.
func value[T any](r *sessionReader) (v T) {
	n := r.object()
	if r.err != nil {
		return v
	}
	got, _ := javaserial.Go(n)
	v, ok := got.(T)
	if !ok {
		r.err = fmt.Errorf("%T where %T is expected", got, v)
	}
	return v
}

// opaque returns the next object as it came; nil is null.
func (r *sessionReader) opaque() any {
	if n := r.object(); n != nil {
		return javaserial.Opaque{Node: n}
	}
	return nil
}

func (r *sessionReader) count() int32 {
	n := value[int32](r)
	if r.err == nil && n < 0 {
		r.err = fmt.Errorf("a number of %d", n)
	}
	return n
}

func (r *sessionReader) session() (s Session) {
	s.Created, s.Last, s.MaxInactive = value[int64](r), value[int64](r), value[int32](r)
	s.IsNew, s.IsValid = value[bool](r), value[bool](r)
	s.This, s.Version = value[int64](r), value[int64](r)
	if r.hasPrincipal() {
		s.Principal = r.object()
	}
	s.ID = value[string](r)
	n := r.notes(&s)
	for i := int32(0); i < n && r.err == nil; i++ {
		name, v := value[string](r), r.opaque()
		if o, ok := v.(javaserial.Opaque); ok {
			if _, aborted := o.Node.(*javaserial.Aborted); aborted {
				continue // its class could not be written; Java's reader leaves it out, too
			}
		}
		s.Attributes = append(s.Attributes, Attribute{name, v})
	}
	n = r.count()
	for i := int32(0); i < n && r.err == nil; i++ {
		if l := r.object(); l != nil {
			s.Listeners = append(s.Listeners, l)
		}
	}
	return s
}

func (r *sessionReader) hasPrincipal() bool {
	if r.err != nil {
		return false
	}
	c, err := r.next()
	if err == nil && len(c.Block) != 1 {
		err = errors.New("no truth value where it tells whether there is a principal")
	}
	r.err = err
	return err == nil && c.Block[0] != 0
}

// notes reads the two notes, which older nodes leave out, and returns the number
// of attributes behind them.
func (r *sessionReader) notes(s *Session) int32 {
	first := r.opaque()
	if o, ok := first.(javaserial.Opaque); ok {
		if n, _ := javaserial.Go(o.Node); r.err == nil {
			if count, ok := n.(int32); ok {
				if count < 0 {
					r.err = fmt.Errorf("%d attributes", count)
				}
				return count
			}
		}
	}
	s.NoteID, s.NoteRequest = first, r.opaque()
	return r.count()
}
