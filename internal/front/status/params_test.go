package status

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestParams: as mod_jk reads a query, but for bytes that are no UTF-8.
func TestParams(t *testing.T) {
	for _, test := range []struct{ rule, query, name, want string }{
		{"a value", "a=1&b=2", "b", "2"},
		{"the last counts", "a=1&a=2", "a", "2"},
		{"values are decoded", "a=x%20y%2Bz+w%26%2f", "a", "x y+z w&/"},
		{"names are not", "%61=1", "a", ""},
		{"a part without = is none", "a&b=1", "a", ""},
		{"nor one without a name", "=1&a=2", "", ""},
		{"empty parts", "&&a=1&", "a", "1"},
		{"a semicolon separates nothing", "a=1;b=2", "a", "1;b=2"},
		{"markup is masked", "a=%3Cb%22c%3F%3E<d", "a", "@b@c@@@d"},
		{"so are ends of lines", "a=x%0d%0ay%09", "a", "x@@y@"},
		{"bytes that are no text", "a=%C3%A9%E9", "a", "é@"},
	} {
		p := &params{}
		if err := p.parse(test.query); err != nil || p.text(test.name) != test.want {
			t.Errorf("%s: %q has %q as %q, %v", test.rule, test.query, p.text(test.name), test.name, err)
		}
	}
	for _, bad := range []string{"a=%", "a=%2", "a=%zz", "a=%00", "a=1&b=%0", strings.Repeat("a=1&", maxParams+1), "a=" + strings.Repeat("x", maxForm)} {
		if err := (&params{}).parse(bad); err != errParams {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	p := &params{}
	p.parse("mime=txt&cmd=%zz&w=lb")
	if p.text("mime") != "txt" || p.text("w") != "" {
		t.Errorf("what stood before a bad one: %+v", p)
	}
}

func TestLeading(t *testing.T) {
	for text, want := range map[string]int{"5": 5, "-3": -3, "+4": 4, " 7x": 7, "2k": 2} {
		if n, ok := leading(text); !ok || n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "abc", "-", "--3", "99999999999", "0x"} {
		if n, ok := leading(text); ok && text != "0x" {
			t.Errorf("%q is %d", text, n)
		}
	}
}

// FuzzParams: nothing that comes in makes it panic, or leads markup, a line
// end or a quote into a value, or takes more room than there is.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		"cmd=update&w=lb&sw=n1&vwa=D&mime=xml", "cmd=update&w=lb&att=vwf&val0=1&val1=%32", "a=%00", "a=%", "&&=&x=+%2B", "w=%3Cscript%3E&w=é%ff",
		"cmd=list&opt=-2147483649&re=99999999999999999999", "vwf=+-1&vwd= 7x&vls=on&vlm=T&vwa=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		p := &params{}
		err := p.parse(query)
		if len(p.values) > maxParams || err == nil && len(query) > maxForm {
			t.Fatalf("%d parameters of %d bytes", len(p.values), len(query))
		}
		for i, value := range p.values {
			if strings.ContainsFunc(value, masks) || !utf8.ValidString(value) {
				t.Fatalf("%q is %q", p.names[i], value)
			}
			for _, f := range fields {
				text, v := f.read(value)
				if v == taken && f.kind == number && len(text) > 10 {
					t.Fatalf("%s of %q is %q", f.param, value, text)
				}
			}
		}
		a := ask(requestFor(""), p)
		_ = a.hides(readOnly)
	})
}
