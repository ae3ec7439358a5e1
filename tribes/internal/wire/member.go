package wire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// memberBegin and memberEnd stand around a member.
var (
	memberBegin = []byte("TRIBES-B\x01\x00")
	memberEnd   = []byte("TRIBES-E\x01\x00")
)

// ShutdownCommand is the Command of a member that says goodbye.
var ShutdownCommand = []byte("BABY-ALEX")

// maxMember is how long a member may be: it has to fit into a datagram.
const maxMember = 65535

// An ID is the unique id of a member, or of a message.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// A Member is a node of a group.
//
//	begin       10 bytes  "TRIBES-B" 1 0
//	length      int32     of what stands between it and end
//	alive       int64     ms since the node joined
//	port        int32     of its receiver
//	securePort  int32     -1 none
//	udpPort     int32     -1 none
//	host        uint8, n  the address, 4 or 16 bytes
//	command     int32, n  empty, ShutdownCommand, or the application's own
//	domain      int32, n
//	uniqueId    16 bytes
//	payload     int32, n
//	end         10 bytes  "TRIBES-E" 1 0
//
// It is a value: who has one does not change what its slices hold.
//
// Source: membership.MemberImpl.getData.
type Member struct {
	Host       netip.Addr
	Port       int32 // of its receiver
	SecurePort int32 // only told; -1 for none
	UDPPort    int32 // -1 for none
	ID         ID    // of this start of the node
	Alive      int64 // ms since it joined, as it said last
	Command    []byte
	Domain     []byte
	Payload    []byte
	Static     bool // configured, not heard; not among the bytes
}

// A Key is what makes a member the same one.
type Key struct {
	Host netip.Addr
	Port int32
	ID   ID
}

// Key returns what makes m the same member: host, port and unique id.
func (m *Member) Key() Key { return Key{m.Host, m.Port, m.ID} }

// Leaving reports whether m says goodbye.
func (m *Member) Leaving() bool { return bytes.Equal(m.Command, ShutdownCommand) }

// Addr is where m's receiver listens.
func (m *Member) Addr() netip.AddrPort { return netip.AddrPortFrom(m.Host, uint16(m.Port)) }

// AppendTo appends the bytes of m to b.
func (m *Member) AppendTo(b []byte) []byte {
	b = append(b, memberBegin...)
	start := len(b)
	b = appendInt32(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Alive))
	b = appendInt32(b, m.Port)
	b = appendInt32(b, m.SecurePort)
	b = appendInt32(b, m.UDPPort)
	host := m.Host.AsSlice()
	b = append(b, byte(len(host)))
	b = append(b, host...)
	b = appendCounted(b, m.Command)
	b = appendCounted(b, m.Domain)
	b = append(b, m.ID[:]...)
	b = appendCounted(b, m.Payload)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return append(b, memberEnd...)
}

// IsMember reports whether b begins as the bytes of a member do.
func IsMember(b []byte) bool { return bytes.HasPrefix(b, memberBegin) }

// ParseMember reads the member at the start of b, and returns how long it is.
// The member does not keep b.
func ParseMember(b []byte) (m Member, size int, err error) {
	p := payload{what: "member", b: b}
	if begin := p.take(len(memberBegin)); begin != nil && !bytes.Equal(begin, memberBegin) {
		p.at = 0
		p.fail("it does not begin with TRIBES-B")
	}
	length := int(p.int32())
	if p.err == nil && (length < 0 || length > maxMember) {
		p.fail(fmt.Sprintf("a length of %d", length))
	}
	end := p.at + length
	if p.err == nil && (end > len(b)-len(memberEnd) || !bytes.Equal(b[end:end+len(memberEnd)], memberEnd)) {
		p.fail("TRIBES-E does not stand where its length says")
	}
	if p.err != nil {
		return Member{}, 0, p.err
	}
	p.b = b[:end]
	m.Alive = p.int64()
	m.Port, m.SecurePort, m.UDPPort = p.int32(), p.int32(), p.int32()
	hostLength := p.take(1)
	if hostLength != nil {
		if m.Host, _ = netip.AddrFromSlice(p.take(int(hostLength[0]))); !m.Host.IsValid() {
			p.fail(fmt.Sprintf("a host of %d bytes", hostLength[0]))
		}
	}
	m.Command = bytes.Clone(p.counted())
	m.Domain = bytes.Clone(p.counted())
	copy(m.ID[:], p.take(len(m.ID)))
	m.Payload = bytes.Clone(p.counted())
	if p.err == nil && (m.Port < 0 || m.Port > 65535) {
		p.fail(fmt.Sprintf("port %d", m.Port))
	}
	if p.err != nil {
		return Member{}, 0, p.err
	}
	return m, end + len(memberEnd), nil
}

// Compare orders members absolutely: by host (a shorter one first), port and
// unique id. All nodes come to the same order.
//
// Source: membership.AbsoluteOrder.
func (m *Member) Compare(other *Member) int {
	a, b := m.Host.AsSlice(), other.Host.AsSlice()
	return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b), cmp.Compare(m.Port, other.Port), bytes.Compare(m.ID[:], other.ID[:]))
}

// Name is what Tomcat calls a member that it heard of: tcp://{10, 77, 0, 1}:4000.
func (m *Member) Name() string {
	var b strings.Builder
	b.WriteString("tcp://{")
	for i, c := range m.Host.AsSlice() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(int(c)))
	}
	return b.String() + "}:" + strconv.Itoa(int(m.Port))
}

// String is host:port.
func (m *Member) String() string {
	return net.JoinHostPort(m.Host.String(), strconv.Itoa(int(m.Port)))
}

// LogValue tells who m is without what it carries.
func (m Member) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("addr", m.String()), slog.String("id", m.ID.String())}
	if len(m.Domain) > 0 {
		attrs = append(attrs, slog.String("domain", string(m.Domain)))
	}
	return slog.GroupValue(attrs...)
}

// Size is how long the bytes of m are.
func (m *Member) Size() int {
	return len(memberBegin) + 4 + 8 + 3*4 + 1 + m.Host.BitLen()/8 + 4 + len(m.Command) + 4 + len(m.Domain) + len(m.ID) + 4 + len(m.Payload) + len(memberEnd)
}

// Check says why m cannot be a member, nil if it can.
func (m *Member) Check() error {
	switch {
	case !m.Host.IsValid():
		return fmt.Errorf("member without an address")
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("member with port %d", m.Port)
	case m.Size() > maxMember:
		return fmt.Errorf("member of %d bytes, more than the %d of a datagram: its payload is too long", m.Size(), maxMember)
	}
	return nil
}
