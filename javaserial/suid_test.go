package javaserial

import (
	"strings"
	"testing"
)

// A class of another release is told in words; Java would not read its objects.
func TestCheckSUID(t *testing.T) {
	super := &Class{Name: "a.Base", SUID: 1}
	here := &Class{Name: "a.Message", SUID: 2, Super: super}
	for _, test := range []struct {
		there *Class
		want  string
	}{
		{&Class{Name: "a.Message", SUID: 2, Super: super}, ""},
		{&Class{Name: "a.Message", SUID: 2}, ""}, // Java tolerates a super class that is missing
		{&Class{Name: "a.Message", SUID: -1, Super: super}, "the class a.Message has the serialVersionUID ffffffffffffffff, and here 0000000000000002"},
		{&Class{Name: "a.Message", SUID: 2, Super: &Class{Name: "a.Base", SUID: 3}}, "the class a.Base has the serialVersionUID 0000000000000003"},
	} {
		err := test.there.CheckSUID(here)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.there, err, test.want)
		}
	}
}
