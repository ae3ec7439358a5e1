package openssl

import (
	"crypto/tls"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestCiphersAsOpenSSL holds ParseCiphers against what openssl ciphers of
// OpenSSL 3.0.19 says: each line of testdata/ciphers.txt is a cipher string
// and what it chose of the suites that crypto/tls has.
func TestCiphersAsOpenSSL(t *testing.T) {
	text, err := os.ReadFile("testdata/ciphers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		spec, want, _ := strings.Cut(strings.TrimSpace(line), " =>")
		l, err := ParseCiphers(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		var got []string
		for _, id := range l.Suites {
			name, _ := SuiteName(id)
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%s\nours:    %s\nopenssl: %s", spec, strings.Join(got, " "), want)
		}
	}
}

func TestCipherList(t *testing.T) {
	l, err := ParseCiphers("HIGH:DHE-RSA-AES128-SHA:BOGUS:!aNULL:ECDHE+CAMELLIA@SECLEVEL=1")
	if err != nil || l.Level != 1 || !slices.Equal(l.Missed, []string{"DHE-RSA-AES128-SHA", "BOGUS", "ECDHE+CAMELLIA"}) {
		t.Errorf("%+v, %v", l, err)
	}
	for _, spec := range []string{"HIGH@BOGUS", "@SECLEVEL=9", "@SECLEVEL=x", strings.Repeat("a:", 2000)} {
		if _, err := ParseCiphers(spec); err == nil {
			t.Errorf("%.30s is taken", spec)
		}
	}
	if Known("BOGUS") || Known("HIHG+AES") || !Known("ECDHE+CAMELLIA") || !Known("DHE-RSA-AES128-SHA") {
		t.Error("Known does not tell words from typing errors")
	}
}

func TestMissing13(t *testing.T) {
	missing, unknown := Missing13("TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256:BOGUS")
	if !slices.Equal(missing, []string{"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}) || !slices.Equal(unknown, []string{"BOGUS"}) {
		t.Errorf("missing %v, unknown %v", missing, unknown)
	}
}

func TestNames(t *testing.T) {
	for _, s := range tls.CipherSuites() {
		name, bits := SuiteName(s.ID)
		if strings.HasPrefix(name, "TLS_") != (s.SupportedVersions[0] == tls.VersionTLS13) || bits != 128 && bits != 256 {
			t.Errorf("%s is called %s, %d bits", s.Name, name, bits)
		}
	}
	if VersionName(tls.VersionTLS10) != "TLSv1" || VersionName(tls.VersionTLS13) != "TLSv1.3" {
		t.Error("versions have other names")
	}
}

func TestProtocols(t *testing.T) {
	for _, test := range []struct {
		words      string
		low, high  uint16
		holes      string
		overridden string
		err        string
	}{
		{"all -SSLv3", tls.VersionTLS10, tls.VersionTLS13, "", "", ""},
		{"all -SSLv3 -TLSv1 -TLSv1.1", tls.VersionTLS12, tls.VersionTLS13, "", "", ""},
		{"-all +TLSv1.2", tls.VersionTLS12, tls.VersionTLS12, "", "", ""},
		{"TLSv1 +TLSv1.2", tls.VersionTLS10, tls.VersionTLS12, "TLSv1.1", "", ""},
		{"tlsv1.3", tls.VersionTLS13, tls.VersionTLS13, "", "", ""},
		{"TLSv1 TLSv1.2", tls.VersionTLS12, tls.VersionTLS12, "", "TLSv1.2", ""},
		{"all -all", 0, 0, "", "", ""},
		{"", 0, 0, "", "", ""},
		{"SSLv2", 0, 0, "", "", "SSLv2 is no longer supported"},
		{"+SSLv3", 0, 0, "", "", "SSLv3 not supported by this version of OpenSSL"},
		{"all TLSv9", 0, 0, "", "", "Illegal protocol 'TLSv9'"},
	} {
		p, overridden, err := ParseProtocols(strings.Fields(test.words))
		text := ""
		if err != nil {
			text = err.Error()
		}
		low, high, holes := p.Range()
		if low != test.low || high != test.high || strings.Join(holes, " ") != test.holes || strings.Join(overridden, " ") != test.overridden || text != test.err {
			t.Errorf("%q: %x to %x without %v, overridden %v, %q", test.words, low, high, holes, overridden, text)
		}
	}
	if p := AllProtocols.Without(tls.VersionTLS10); p.Has(tls.VersionTLS10) || !p.Has(tls.VersionTLS11) {
		t.Errorf("Without: %b", p)
	}
}

func TestGroups(t *testing.T) {
	ids, missed, err := ParseGroups("X25519:prime256v1:X448:P-384")
	if err != nil || !slices.Equal(ids, []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}) || !slices.Equal(missed, []string{"X448"}) {
		t.Errorf("%v, %v, %v", ids, missed, err)
	}
	if _, _, err := ParseGroups("BOGUS"); err == nil {
		t.Error("a group of no such name is taken")
	}
}

// FuzzParseCiphers: no panic, and the suites chosen, written as a cipher
// string, choose the same.
func FuzzParseCiphers(f *testing.F) {
	for _, spec := range []string{"HIGH:!aNULL:!MD5", "DEFAULT@SECLEVEL=0", "ECDHE+AESGCM:-ALL:+", "SUITEB128", "!", "@", "a+b+c@STRENGTH"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		l, err := ParseCiphers(spec)
		if err != nil {
			return
		}
		var names []string
		for _, id := range l.Suites {
			name, _ := SuiteName(id)
			names = append(names, name)
		}
		again, err := ParseCiphers(strings.Join(names, ":") + "@SECLEVEL=0")
		if err != nil || !slices.Equal(again.Suites, l.Suites) {
			t.Errorf("%q chose %v, which choose %v, %v", spec, names, again.Suites, err)
		}
		Known(spec)
	})
}
