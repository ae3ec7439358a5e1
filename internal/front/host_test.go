package front

import "testing"

// TestGoodHost: what httpd 2.4 takes for a Host, and what it answers with 400.
func TestGoodHost(t *testing.T) {
	for host, want := range map[string]bool{
		"a": true, "a.example": true, "A.Example.": true, ".a": true, "a_b": true, "-": true, "xn--a": true, "a:80": true, "a:00000080": true, "a:65535": true,
		"127.0.0.1": true, "127.0.0.1:80": true, "[::1]": true, "[::1]:80": true, "[::ffff:1.2.3.4]": true,
		"1a": true, "1b.c": true, "1.a": true, "a.b-": true, "a-.b": true, "-.a": true,
		"a.1b": false, "a.-b": false, "a._b": false, "a.1": false, "1": false, "a.b.1.": false,
		"": false, ".": false, "..": false, "a..b": false, "a..": false, "a b": false, "a/b": false, "a@b": false, "a%41": false, "\xe4": false, "a*": false,
		"a:": false, "a:0": false, "a:65536": false, "a:1x": false, "a: 80": false, "a:+80": false, "a:-1": false, "a:80:81": false,
		"0": false, "1.2.3.4.5": false, "[": false, "[]": false, "[:]": false, "[::g]": false, "[1]": false, "[127.0.0.1]": false, "[fe80::1%25lo]": false,
		"[::1]x": false, "[::1]:": false, "[::1]:x": false, "[::1]:0": false, "::1": false,
	} {
		if got := goodHost(host); got != want {
			t.Errorf("Host: %q is good: %v", host, got)
		}
	}
}
