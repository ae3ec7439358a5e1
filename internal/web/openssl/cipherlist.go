package openssl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A CipherList is what a cipher string comes to.
type CipherList struct {
	Suites []uint16 // of TLS 1.2 and before; the strongest first
	// Level is the security level: of @SECLEVEL, else DefaultLevel.
	Level int
	// Missed are the elements that choose nothing that crypto/tls has.
	Missed []string
}

// DefaultLevel is the security level where a cipher string names none, as
// Debian and Red Hat build OpenSSL.
const DefaultLevel = 2

// aliases are the words of a cipher string. One with 0 is known, and crypto/tls
// has no suite of it.
//
// Source: openssl-ciphers(1), "CIPHER STRINGS".
var aliases = map[string]properties{
	"ALL": inDefault, "HIGH": inDefault, "MEDIUM": 0, "LOW": 0, "EXP": 0, "EXPORT": 0, "EXPORT40": 0, "EXPORT56": 0,
	"COMPLEMENTOFALL": 0, "COMPLEMENTOFDEFAULT": 0, "eNULL": 0, "NULL": 0, "aNULL": 0, "ADH": 0, "AECDH": 0,
	"kRSA": kRSA, "RSA": kRSA, "aRSA": aRSA,
	"kECDHE": kECDHE, "kEECDH": kECDHE, "ECDHE": kECDHE, "EECDH": kECDHE, "ECDH": kECDHE,
	"kDHE": 0, "kEDH": 0, "DHE": 0, "EDH": 0, "DH": 0, "kDHr": 0, "kDHd": 0, "kDH": 0, "kECDHr": 0, "kECDHe": 0, "kECDH": 0,
	"aECDSA": aECDSA, "ECDSA": aECDSA, "aDSS": 0, "DSS": 0, "aDH": 0, "aECDH": 0,
	"kPSK": 0, "PSK": 0, "kECDHEPSK": 0, "kDHEPSK": 0, "kRSAPSK": 0, "aPSK": 0, "kSRP": 0, "SRP": 0, "aSRP": 0,
	"kGOST": 0, "kGOST18": 0, "aGOST": 0, "aGOST01": 0, "aGOST12": 0, "GOST94": 0, "GOST89MAC": 0, "GOST12": 0, "GOST89": 0,
	"AES": aes128 | aes256, "AES128": aes128, "AES256": aes256, "AESGCM": gcm, "AESCCM": 0, "AESCCM8": 0, "CHACHA20": chacha, "CBC": cbc,
	"CAMELLIA": 0, "CAMELLIA128": 0, "CAMELLIA256": 0, "ARIA": 0, "ARIA128": 0, "ARIA256": 0, "ARIAGCM": 0,
	"3DES": 0, "DES": 0, "RC4": 0, "RC2": 0, "IDEA": 0, "SEED": 0,
	"MD5": 0, "SHA": sha1, "SHA1": sha1, "SHA256": sha256, "SHA384": 0,
	"SSLv2": 0, "SSLv3": ssl3, "TLSv1": tls10, "TLSv1.0": tls10, "TLSv1.2": tls12, "FIPS": fips,
}

// lists are words that stand for a whole cipher string, at its begin only.
var lists = map[string]string{
	"DEFAULT": "ALL", "PROFILE=SYSTEM": "ALL",
	"SUITEB128": "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", "SUITEB128C2": "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
	"SUITEB128ONLY": "ECDHE-ECDSA-AES128-GCM-SHA256", "SUITEB192": "ECDHE-ECDSA-AES256-GCM-SHA384",
}

// mostElements bounds a cipher string.
const mostElements = 1000

// ParseCiphers evaluates a cipher string such as HIGH:!aNULL:ECDHE+AESGCM. Of
// the order it says nothing is kept: crypto/tls has its own.
//
// Source: openssl-ciphers(1), "CIPHER LIST FORMAT"; openssl ciphers, as seen
// at work.
func ParseCiphers(spec string) (CipherList, error) {
	l := CipherList{Level: DefaultLevel}
	elements := strings.FieldsFunc(spec, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' })
	if len(elements) > mostElements {
		return l, fmt.Errorf("more than %d elements", mostElements)
	}
	e := evaluation{in: map[uint16]bool{}, killed: map[uint16]bool{}}
	for i, element := range elements {
		word, level, leveled := strings.Cut(element, "@")
		if list, ok := lists[word]; i == 0 && ok {
			for name := range strings.SplitSeq(list, ":") {
				e.apply(name)
			}
			word = ""
			if strings.HasPrefix(element, "SUITEB") {
				elements = elements[:1] // it stands alone
			}
		}
		if word != "" && !e.apply(word) {
			l.Missed = append(l.Missed, word)
		}
		if leveled {
			if err := l.command(level); err != nil {
				return l, err
			}
		}
		if len(elements) == 1 {
			break
		}
	}
	for i := range suites {
		if s := &suites[i]; e.in[s.id] && s.secure(l.Level) {
			l.Suites = append(l.Suites, s.id)
		}
	}
	return l, nil
}

// command obeys what follows an @.
func (l *CipherList) command(word string) error {
	if word == "STRENGTH" {
		return nil
	}
	if digit, ok := strings.CutPrefix(word, "SECLEVEL="); ok {
		n, err := strconv.Atoi(digit)
		if err != nil || n < 0 || n > 5 {
			return fmt.Errorf("@%s: a level is a number from 0 to 5", word)
		}
		l.Level = n
		return nil
	}
	return fmt.Errorf("@%s: only @STRENGTH and @SECLEVEL=N are known", word)
}

// An evaluation is a cipher string so far.
type evaluation struct {
	in, killed map[uint16]bool
}

// apply applies one element. It reports whether it chose a suite, or could not
// have.
func (e *evaluation) apply(element string) bool {
	sign := byte(0)
	if strings.IndexByte("!-+", element[0]) >= 0 {
		sign, element = element[0], element[1:]
	}
	chosen := choose(element)
	for _, id := range chosen {
		switch sign {
		case '!':
			e.in[id], e.killed[id] = false, true
		case '-':
			e.in[id] = false
		case '+': // it only moves
		default:
			e.in[id] = !e.killed[id]
		}
	}
	return len(chosen) > 0 || sign != 0
}

// choose returns the suites with all that the words of an element, joined by
// +, ask for.
func choose(element string) []uint16 {
	var chosen []uint16
	for i := range suites {
		s := &suites[i]
		if !slices.ContainsFunc(strings.Split(element, "+"), func(word string) bool { return !s.is(word) }) {
			chosen = append(chosen, s.id)
		}
	}
	return chosen
}

// is reports whether s has what a word asks for, or is called so.
func (s *suite) is(word string) bool {
	return s.properties&aliases[word] != 0 || s.name == word
}

// secure reports whether a security level lets s be used.
//
// Source: SSL_CTX_set_security_level(3).
func (s *suite) secure(level int) bool {
	switch {
	case level >= 4:
		return s.properties&kECDHE != 0 && s.properties&(aes256|chacha) != 0 && s.properties&aead != 0
	case level == 3:
		return s.properties&kECDHE != 0
	}
	return true
}

// Known reports whether a word of a cipher string is one that OpenSSL knows,
// as far as it can be told: an alias, or shaped as the name of a suite.
func Known(word string) bool {
	for part := range strings.SplitSeq(word, "+") {
		if _, ok := aliases[part]; ok || lists[part] != "" {
			continue
		}
		if !strings.Contains(part, "-") && !strings.HasPrefix(part, "TLS_") {
			return false
		}
	}
	return true
}

// Missing13 returns the suites of TLS 1.3 that spec leaves out, and those of
// its words that are none.
func Missing13(spec string) (missing, unknown []string) {
	named := map[string]bool{}
	for word := range strings.FieldsFuncSeq(spec, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' }) {
		named[word] = true
	}
	for _, name := range suites13 {
		if !named[name] {
			missing = append(missing, name)
		}
		delete(named, name)
	}
	for word := range named {
		if word != "TLS_AES_128_CCM_SHA256" && word != "TLS_AES_128_CCM_8_SHA256" {
			unknown = append(unknown, word)
		}
	}
	slices.Sort(missing)
	slices.Sort(unknown)
	return missing, unknown
}
