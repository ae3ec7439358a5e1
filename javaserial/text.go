package javaserial

import "encoding/binary"

// AppendString appends text as an object of a stream that nothing else refers
// to.
func AppendString(b []byte, text string) []byte {
	size := utfLen(text)
	if size > MaxUTF {
		b = binary.BigEndian.AppendUint64(append(b, tcLongString), uint64(size))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, tcString), uint16(size))
	}
	return appendUTF(b, text)
}

// TakeString takes what AppendString has written of a text of MaxUTF bytes at
// most, and returns what follows it. ok is false if b does not begin with that.
func TakeString(b []byte) (text string, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != tcString {
		return "", nil, false
	}
	n := 3 + int(binary.BigEndian.Uint16(b[1:]))
	if n > len(b) {
		return "", nil, false
	}
	text, ok = decodeUTF(b[3:n])
	return text, b[n:], ok
}
