package handshake

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"
)

// attributes are OpenSSL's short names of what distinguished names have.
//
// Source: openssl's crypto/objects/objects.txt.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
	"2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier",
	"2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier", "1.2.840.113549.1.9.1": "emailAddress",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// components are what follows _DN_ in the variables of mod_ssl, and the names
// above.
var components = map[string]string{
	"C": "C", "ST": "ST", "SP": "ST", "L": "L", "O": "O", "OU": "OU", "CN": "CN", "T": "title", "I": "initials", "G": "GN", "S": "SN",
	"D": "description", "UID": "UID", "Email": "emailAddress",
}

// distinguished returns a name in the form of RFC 2253, the last part first,
// as mod_ssl shows it: letters beyond ASCII stand as they are.
func distinguished(raw []byte) string {
	names, ok := parseName(raw)
	if !ok {
		return ""
	}
	var b strings.Builder
	for i := len(names) - 1; i >= 0; i-- {
		if i < len(names)-1 {
			b.WriteByte(',')
		}
		for j := len(names[i]) - 1; j >= 0; j-- {
			if j < len(names[i])-1 {
				b.WriteByte('+')
			}
			writeAttribute(&b, names[i][j])
		}
	}
	return b.String()
}

// parseName reads the DER of a name.
func parseName(raw []byte) (pkix.RDNSequence, bool) {
	var names pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &names)
	return names, err == nil && len(rest) == 0
}

func writeAttribute(b *strings.Builder, a pkix.AttributeTypeAndValue) {
	id := a.Type.String()
	short, known := attributes[id]
	text, isText := a.Value.(string)
	if !known {
		short = id
	}
	b.WriteString(short)
	b.WriteByte('=')
	if der, err := asn1.Marshal(a.Value); !known || !isText {
		if err == nil {
			b.WriteString("#" + strings.ToUpper(hex.EncodeToString(der)))
		}
		return
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case strings.IndexByte(",+\"\\<>;", c) >= 0,
			i == 0 && (c == '#' || c == ' '), i == len(text)-1 && c == ' ':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			b.WriteByte('\\')
			b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
		default:
			b.WriteByte(c)
		}
	}
}

// component returns the n-th part of a name that is called short.
func component(raw []byte, short string, n int) string {
	names, _ := parseName(raw)
	for _, set := range names {
		for _, a := range set {
			text, ok := a.Value.(string)
			if !ok || attributes[a.Type.String()] != short {
				continue
			}
			if n == 0 {
				return text
			}
			n--
		}
	}
	return ""
}
