package openssl

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// Protocols is a set of versions, as SSLProtocol builds it.
type Protocols uint8

// protocolBits are the versions, lowest first.
var protocolBits = []struct {
	name    string
	version uint16
}{{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12}, {"TLSv1.3", tls.VersionTLS13}}

// AllProtocols are all that crypto/tls has.
const AllProtocols Protocols = 1<<4 - 1

// Has reports whether version is in p.
func (p Protocols) Has(version uint16) bool {
	for i, b := range protocolBits {
		if b.version == version {
			return p&(1<<i) != 0
		}
	}
	return false
}

// Range returns the lowest and highest version of p, 0 if there is none, and
// the names of those between them that are not in p: OpenSSL speaks only the
// ones that are, crypto/tls all.
func (p Protocols) Range() (low, high uint16, holes []string) {
	for i, b := range protocolBits {
		if p&(1<<i) == 0 {
			continue
		}
		if low == 0 {
			low = b.version
		}
		high = b.version
	}
	for i, b := range protocolBits {
		if b.version > low && b.version < high && p&(1<<i) == 0 {
			holes = append(holes, b.name)
		}
	}
	return low, high, holes
}

// Without returns p without version.
func (p Protocols) Without(version uint16) Protocols {
	for i, b := range protocolBits {
		if b.version == version {
			p &^= 1 << i
		}
	}
	return p
}

// A protocolError says in httpd's words what is wrong with SSLProtocol.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// ParseProtocols reads the words of SSLProtocol: names with + or -, or a name
// alone, which forgets what was before. overridden tells of the latter.
//
// Source: httpd modules/ssl/ssl_engine_config.c, ssl_cmd_protocol_parse.
func ParseProtocols(words []string) (p Protocols, overridden []string, err error) {
	for _, word := range words {
		name := strings.TrimLeft(word, "+-")
		var bits Protocols
		switch {
		case strings.EqualFold(name, "SSLv2") && !strings.HasPrefix(word, "-"):
			return 0, nil, protocolError("SSLv2 is no longer supported")
		case strings.EqualFold(name, "SSLv3") && !strings.HasPrefix(word, "-"):
			return 0, nil, protocolError("SSLv3 not supported by this version of OpenSSL")
		case strings.EqualFold(name, "SSLv2"), strings.EqualFold(name, "SSLv3"):
		case strings.EqualFold(name, "all"):
			bits = AllProtocols
		default:
			for i, b := range protocolBits {
				if strings.EqualFold(name, b.name) {
					bits = 1 << i
				}
			}
			if bits == 0 {
				return 0, nil, protocolError("Illegal protocol '" + name + "'")
			}
		}
		switch word[0] {
		case '+':
			p |= bits
		case '-':
			p &^= bits
		default:
			if p != 0 {
				overridden = append(overridden, name)
			}
			p = bits
		}
	}
	return p, overridden, nil
}

// groups are the named groups of key exchange that crypto/tls has.
var groups = map[string]tls.CurveID{
	"x25519": tls.X25519, "p-256": tls.CurveP256, "prime256v1": tls.CurveP256, "secp256r1": tls.CurveP256,
	"p-384": tls.CurveP384, "secp384r1": tls.CurveP384, "p-521": tls.CurveP521, "secp521r1": tls.CurveP521,
	"x25519mlkem768": tls.X25519MLKEM768, "secp256r1mlkem768": tls.SecP256r1MLKEM768, "secp384r1mlkem1024": tls.SecP384r1MLKEM1024,
}

// otherGroups are those that OpenSSL has beside.
var otherGroups = map[string]bool{
	"x448": true, "ffdhe2048": true, "ffdhe3072": true, "ffdhe4096": true, "ffdhe6144": true, "ffdhe8192": true,
	"brainpoolp256r1": true, "brainpoolp384r1": true, "brainpoolp512r1": true, "secp256k1": true, "secp224r1": true, "p-224": true,
	"secp192r1": true, "prime192v1": true, "p-192": true, "k-256": true, "sect233k1": true, "sect283k1": true,
}

// ParseGroups reads the value of SSLOpenSSLConfCmd Curves or Groups: names
// with : between them. missed are those that crypto/tls does not have.
func ParseGroups(value string) (ids []tls.CurveID, missed []string, err error) {
	for name := range strings.SplitSeq(value, ":") {
		low := strings.ToLower(strings.TrimPrefix(name, "?"))
		switch id, ok := groups[low]; {
		case ok:
			ids = append(ids, id)
		case otherGroups[low]:
			missed = append(missed, name)
		default:
			return nil, nil, fmt.Errorf("there is no group %q", name)
		}
	}
	return ids, missed, nil
}
