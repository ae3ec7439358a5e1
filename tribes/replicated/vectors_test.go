package replicated

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/rpc"
)

// object is an object of JSON.
type object = map[string]any

// Every vector is one that some test knows: those with messages are held to
// their description here, those of frames and members in package wire, those
// of single Java objects in javaserial.
func TestEveryVector(t *testing.T) {
	for _, v := range vectors.All(t) {
		t.Run(v.Name, func(t *testing.T) {
			data := vectors.Bytes(t, v.Name)
			check := &matcher{t: t}
			switch v.Kind {
			case "stream":
				check.stream("message", v.Means(t), data)
			case "frame":
				check.frames(v.Means(t).([]any), data)
			case "delta": // deltas of sessions: what they mean is for who has sessions
				if all, err := contents(data); err != nil || len(all) == 0 {
					t.Errorf("%d contents, %v", len(all), err)
				}
			case "mcast", "mcast-frame": // wire.TestMemberVectors, wire.TestFrameVectors
			case "object", "objects": // javaserial.TestVectorsDecode
			case "bad-tcp", "bad-udp": // TestBadVectors here and in package wire
			default:
				t.Errorf("no test knows vectors of kind %q", v.Kind)
			}
		})
	}
}

// contents are all contents of a stream; a delta is one without a header.
func contents(data []byte) ([]javaserial.Content, error) {
	d := javaserial.NewDecoder(data, javaserial.Limits{})
	var all []javaserial.Content
	for d.More() {
		c, err := d.Next()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, d.End()
}

// A matcher holds what was read to a description of the index.
type matcher struct {
	t       *testing.T
	classes rpc.Classes
}

func (c *matcher) frames(want []any, data []byte) {
	for i, each := range want {
		body, size, err := wire.ParseFrame(data, 1<<20)
		if err != nil || size == 0 {
			c.t.Fatalf("frame %d: size %d, %v", i, size, err)
		}
		data = data[size:]
		decoded, ok := each.(object)["decoded"]
		if !ok {
			continue
		}
		m, err := wire.ParseMessage(body)
		if err != nil {
			c.t.Fatal(err)
		}
		c.stream("message", decoded, m.Data)
		if n, err := javaserial.Decode(m.Data, javaserial.Limits{}); err == nil && !bytes.Equal(javaserial.Encode(n), m.Data) {
			c.t.Errorf("frame %d: written otherwise", i)
		}
	}
}

func (c *matcher) stream(path string, want any, data []byte) {
	n, err := javaserial.Decode(data, javaserial.Limits{})
	if err != nil {
		c.t.Errorf("%s: %v", path, err)
		return
	}
	c.node(path, want, n)
}

func (c *matcher) equal(path string, want, got any) {
	c.t.Helper()
	if fmt.Sprint(want) != fmt.Sprint(got) {
		c.t.Errorf("%s is %v, want %v", path, got, want)
	}
}

// node compares an object.
func (c *matcher) node(path string, want any, n javaserial.Node) {
	c.t.Helper()
	switch want := want.(type) {
	case nil:
		if n != nil {
			c.t.Errorf("%s is %T, want null", path, n)
		}
	case string:
		if text, ok := n.(*javaserial.String); !ok || text.Text != want {
			c.t.Errorf("%s is %v, want %q", path, n, want)
		}
	case object:
		c.object(path, want, n)
	default:
		c.t.Errorf("%s: a description %T", path, want)
	}
}

func (c *matcher) object(path string, want object, n javaserial.Node) {
	c.t.Helper()
	for key, value := range want {
		if !strings.HasPrefix(key, "$") || key == "$suid" || key == "$annotations" {
			continue
		}
		switch key {
		case "$RpcMessage", "$NoRpcChannelReply":
			c.rpc(path+key, value.(object), n)
		case "$MapMessage":
			c.mapMessage(path+key, value.(object), n)
		case "$MemberImpl", "$StaticMember":
			c.member(path+key, value.(object), n)
		case "$ArrayList", "$HashMap":
			c.collection(path+key, value.([]any), n)
		case "$array":
			c.array(path+key, want, n)
		case "$bytes":
			c.bytes(path+key, value.(string), n)
		case "$enum":
			e, ok := n.(*javaserial.Enum)
			if !ok || e.Class.Name != value || e.Name.Text != want["name"] {
				c.t.Errorf("%s is %v, want %v", path, n, want)
			}
		case "$class":
			c.generic(path, want, n)
		case "$Boolean", "$Integer", "$Long", "$Double", "$Date":
			c.box(path+key, value, n)
		case "$BigInteger", "$BigDecimal", "$SessionMessageImpl", "$DeltaSession": // the graph itself is held to by javaserial
			if class := (javaserial.Opaque{Node: n}).Class(); !strings.HasSuffix(class, "."+key[1:]) {
				c.t.Errorf("%s is a %s", path+key, class)
			}
		default:
			c.t.Errorf("%s: nothing compares %s", path, key)
		}
	}
}

// custom is what the only class of an object wrote itself.
func custom(n javaserial.Node) []javaserial.Content {
	if o, ok := n.(*javaserial.Object); ok && len(o.Data) > 0 {
		return o.Data[len(o.Data)-1].Custom
	}
	return nil
}

func (c *matcher) rpc(path string, want object, n javaserial.Node) {
	all := custom(n)
	if len(all) == 0 {
		c.t.Errorf("%s is %T", path, n)
		return
	}
	var b []byte
	if reply, ok := want["reply"].(bool); ok {
		b = append(b, 0)
		if reply {
			b[0] = 1
		}
	}
	uuid, err := hex.DecodeString(want["uuid"].(string))
	if err != nil {
		c.t.Fatal(err)
	}
	b = append(append(b, 0, 0, 0, byte(len(uuid))), uuid...)
	id := want["rpcId"].(string)
	b = append(append(b, 0, 0, 0, byte(len(id))), id...)
	c.equal(path, hex.EncodeToString(b), hex.EncodeToString(all[0].Block))
	if message, ok := want["message"]; ok && len(all) == 2 {
		c.node(path+".message", message, all[1].Node)
	} else if ok {
		c.t.Errorf("%s has %d contents", path, len(all))
	}
}

// kinds are what the index calls the kinds of messages, from 1.
var kinds = []string{"MSG_BACKUP", "MSG_RETRIEVE_BACKUP", "MSG_PROXY", "MSG_REMOVE", "MSG_STATE", "MSG_START", "MSG_STOP", "MSG_INIT",
	"MSG_COPY", "MSG_STATE_COPY", "MSG_ACCESS", "MSG_NOTIFY_MAPMEMBER", "MSG_PING"}

func (c *matcher) mapMessage(path string, want object, n javaserial.Node) {
	var m message
	if mine, err := m.parse(n, &c.classes); !mine || err != nil {
		c.t.Errorf("%s: %v, %v", path, mine, err)
		return
	}
	c.equal(path+".mapId", want["mapId"], m.mapName)
	c.equal(path+".msgtype", slices.Index(kinds, want["msgtype"].(string))+1, int(m.kind))
	c.equal(path+".diff", want["diff"], m.diff)
	for name, stream := range map[string][]byte{"key": m.key, "value": m.value} {
		if value, ok := want[name]; ok && stream != nil {
			c.stream(path+"."+name, value, stream)
		} else if ok || stream != nil {
			c.t.Errorf("%s.%s: there %v, want %v", path, name, stream != nil, ok)
		}
	}
	_, diff := want["diffvalue"]
	c.equal(path+".diffvalue", diff, m.diffVal != nil)
	primary, _ := want["primary"].(object)
	c.equal(path+".primary", primary != nil, m.primary != nil)
	o := n.(*javaserial.Object)
	if v := field(o, "primary", 'L'); v != nil && v.Node() != nil {
		c.node(path+".primary", want["primary"], v.Node())
	}
	if v := field(o, "nodes", '['); v != nil {
		c.node(path+".nodes", want["nodes"], v.Node())
	}
}

func (c *matcher) member(path string, want object, n javaserial.Node) {
	m, err := c.classes.Member(n)
	if err != nil {
		c.t.Errorf("%s: %v", path, err)
		return
	}
	for name, got := range map[string]any{
		"alive": m.Alive, "port": m.Port, "securePort": m.SecurePort, "udpPort": m.UDPPort, "host": m.Host, "domain": string(m.Domain),
		"uniqueId": m.ID, "command": hex.EncodeToString(m.Command), "payload": hex.EncodeToString(m.Payload),
	} {
		c.equal(path+"."+name, want[name], got)
	}
	if again := javaserial.Encode(c.classes.Object(m, true)); !bytes.Equal(again, javaserial.Encode(n)) {
		c.t.Errorf("%s written otherwise:\n% x\n% x", path, javaserial.Encode(n), again)
	}
}

// collection compares a list, or the pairs of a map.
func (c *matcher) collection(path string, want []any, n javaserial.Node) {
	var flat []any
	for _, each := range want {
		if pair, ok := each.([]any); ok {
			flat = append(flat, pair...)
		} else {
			flat = append(flat, each)
		}
	}
	var nodes []javaserial.Node
	for _, each := range custom(n) {
		if each.Block == nil {
			nodes = append(nodes, each.Node)
		}
	}
	if len(nodes) != len(flat) {
		c.t.Errorf("%s has %d items, want %d", path, len(nodes), len(flat))
		return
	}
	for i := range flat {
		c.node(fmt.Sprintf("%s[%d]", path, i), flat[i], nodes[i])
	}
}

func (c *matcher) array(path string, want object, n javaserial.Node) {
	a, ok := n.(*javaserial.Array)
	values, _ := want["values"].([]any)
	if !ok || a.Class.Name != want["$array"] || len(a.Nodes) != len(values) {
		c.t.Errorf("%s is %v, want %v", path, n, want)
		return
	}
	for i, value := range values {
		c.node(fmt.Sprintf("%s[%d]", path, i), value, a.Nodes[i])
	}
}

func (c *matcher) bytes(path, want string, n javaserial.Node) {
	a, ok := n.(*javaserial.Array)
	if !ok {
		c.t.Errorf("%s is %T", path, n)
		return
	}
	got := hex.EncodeToString(a.Raw)
	if strings.HasPrefix(want, "len=") {
		got = fmt.Sprint("len=", len(a.Raw))
	}
	c.equal(path, want, got)
}

func (c *matcher) box(path string, want any, n javaserial.Node) {
	o, ok := n.(*javaserial.Object)
	if !ok {
		c.t.Errorf("%s is %T", path, n)
		return
	}
	if all := custom(n); len(all) == 1 && len(all[0].Block) == 8 { // a Date
		c.equal(path, fmt.Sprintf("%016x", mustInt(c.t, want)), hex.EncodeToString(all[0].Block))
		return
	}
	code, v, ok := o.Field(o.Class.Name, "value")
	if !ok {
		c.t.Errorf("%s has no value", path)
		return
	}
	c.primitive(path, want, code, v)
}

func mustInt(t *testing.T, v any) int64 {
	number, ok := v.(json.Number)
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	n, err := number.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *matcher) primitive(path string, want any, code byte, v javaserial.Value) {
	switch code {
	case 'Z':
		c.equal(path, want, v.Bool())
	case 'D', 'F':
		c.equal(path, want, v.Float(code))
	default:
		c.equal(path, want, v.Int())
	}
}

// generic compares an object by the names of its fields.
func (c *matcher) generic(path string, want object, n javaserial.Node) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Name != want["$class"] {
		c.t.Errorf("%s is %v, want a %v", path, n, want["$class"])
		return
	}
	c.equal(path+".suid", want["$suid"], o.Class.SUID)
	for name, value := range want {
		if strings.HasPrefix(name, "$") {
			continue
		}
		found := false
		for _, data := range o.Data {
			code, v, ok := o.Field(data.Class.Name, name)
			if !ok || found {
				continue
			}
			found = true
			if code == 'L' || code == '[' {
				c.node(path+"."+name, value, v.Node())
			} else {
				c.primitive(path+"."+name, value, code, v)
			}
		}
		if !found {
			c.t.Errorf("%s has no field %s", path, name)
		}
	}
}
