package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/catflap/catflap/javaserial"
)

// The functions here make the notation of index.json.

type tree = map[string]any

func describeMessage(m Message, payload any) tree {
	var event any = int32(m.Event)
	if m.Event <= EventNoContextManager {
		event = "EVT_" + m.Event.String()
	}
	var context any = m.Context
	if m.Everybody {
		context = nil
	}
	return tree{"$SessionMessageImpl": tree{
		"event": event, "contextName": context, "sessionId": m.ID, "uniqueId": m.Key, "serializationTimestamp": m.Timestamp,
		"timestampSet": !m.Unstamped, "baseTimestamp": 0, "session": payload,
	}}
}

func describeDelta(d Delta) tree {
	actions := []any{}
	for _, a := range d.Actions {
		does := "SET"
		if a.Remove {
			does = "REMOVE"
		}
		kind := [...]string{"ATTRIBUTE", "PRINCIPAL", "ISNEW", "MAXINTERVAL", "AUTHTYPE", "LISTENER", "NOTE"}[a.Type]
		actions = append(actions, tree{"type": kind, "action": does, "name": a.Name, "hasValue": a.Value != nil, "value": describe(a.Node())})
	}
	return tree{"sessionId": d.ID, "recordAllActions": d.RecordAll, "actions": actions}
}

func describeSession(s Session) tree {
	attributes, listeners := []any{}, []any{}
	for _, a := range s.Attributes {
		attributes = append(attributes, []any{a.Name, describeAny(a.Value)})
	}
	for _, l := range s.Listeners {
		listeners = append(listeners, describe(l))
	}
	return tree{
		"creationTime": s.Created, "lastAccessedTime": s.Last, "maxInactiveInterval": s.MaxInactive, "isNew": s.IsNew, "isValid": s.IsValid,
		"thisAccessedTime": s.This, "version": s.Version, "principal": describe(s.Principal), "hasPrincipal": s.Principal != nil, "id": s.ID,
		"noteSessionId": describeAny(s.NoteID), "noteFormRequest": describeAny(s.NoteRequest), "attributes": attributes, "listeners": listeners,
	}
}

func describeAny(v any) any {
	if o, ok := v.(javaserial.Opaque); ok {
		return describe(o.Node)
	}
	return v
}

func describe(n javaserial.Node) any {
	switch n := n.(type) {
	case nil:
		return nil
	case *javaserial.String:
		if len(n.Text) > 2000 {
			return tree{"$longString": len(n.Text)}
		}
		return n.Text
	case *javaserial.Enum:
		return tree{"$enum": n.Class.Name, "name": n.Name.Text}
	case *javaserial.Array:
		return describeArray(n)
	case *javaserial.Object:
		return describeObject(n)
	}
	return fmt.Sprintf("?%T", n)
}

func describeArray(n *javaserial.Array) any {
	if n.Class.Name == "[B" {
		return tree{"$bytes": hex.EncodeToString(n.Raw)}
	}
	values := []any{}
	for i := range n.Len() {
		if n.Raw != nil {
			values = append(values, n.At(i).Int())
		} else {
			values = append(values, describe(n.Nodes[i]))
		}
	}
	return tree{"$array": n.Class.Name, "values": values}
}

func describeObject(n *javaserial.Object) any {
	field := func(name string) javaserial.Value { _, v, _ := n.Field("", name); return v }
	custom := func() []any { return contents(n.Data[len(n.Data)-1].Custom) }
	switch n.Class.Name {
	case "java.lang.Integer", "java.lang.Long", "java.lang.Short", "java.lang.Byte", "java.lang.Character":
		return tree{"$" + n.Class.Name[len("java.lang."):]: field("value").Int()}
	case "java.lang.Boolean":
		return tree{"$Boolean": field("value").Bool()}
	case "java.lang.Float":
		return tree{"$Float": field("value").Float('F')}
	case "java.lang.Double":
		return tree{"$Double": field("value").Float('D')}
	case "java.util.Date":
		return tree{"$Date": int64(binary.BigEndian.Uint64(n.Data[0].Custom[0].Block))}
	case "java.util.ArrayList":
		return tree{"$ArrayList": custom()[1:]}
	case "java.util.HashMap":
		all, pairs := custom()[1:], []any{}
		for i := 0; i < len(all); i += 2 {
			pairs = append(pairs, all[i:i+2])
		}
		return tree{"$HashMap": pairs}
	case "java.math.BigInteger":
		v := new(big.Int).SetBytes(field("magnitude").Node().(*javaserial.Array).Raw)
		return tree{"$BigInteger": v.Mul(v, big.NewInt(field("signum").Int())).String()}
	case "java.math.BigDecimal":
		return tree{"$BigDecimal": tree{"unscaled": describe(field("intVal").Node()), "scale": field("scale").Int()}}
	}
	m := tree{"$class": n.Class.Name, "$suid": n.Class.SUID}
	var annotations []any
	for _, data := range n.Data {
		for i, f := range data.Class.Fields {
			switch f.Code {
			case 'L', '[':
				m[f.Name] = describe(data.Fields[i].Node())
			case 'D', 'F':
				m[f.Name] = data.Fields[i].Float(f.Code)
			case 'Z':
				m[f.Name] = data.Fields[i].Bool()
			default:
				m[f.Name] = data.Fields[i].Int()
			}
		}
		if len(data.Custom) > 0 {
			annotations = append(annotations, contents(data.Custom))
		}
	}
	if annotations != nil {
		m["$annotations"] = annotations
	}
	return m
}

func contents(all []javaserial.Content) []any {
	out := []any{}
	for _, c := range all {
		if c.Block != nil {
			out = append(out, tree{"$block": hex.EncodeToString(c.Block)})
		} else {
			out = append(out, describe(c.Node))
		}
	}
	return out
}
