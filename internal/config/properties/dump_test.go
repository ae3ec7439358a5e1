package properties

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDump: what mod_jk 1.2.48 shows for such a file.
func TestDump(t *testing.T) {
	f, _ := Parse("w", []byte(`worker.list=lb
worker.lb.type=lb
other=$(var)/$(none)
worker.tmpl.retries=7
worker.n3.reference=worker.tmpl
worker.n3.port=28033
worker.list=n3
worker.n3.port=28034
worker.n1.fail_on_status=500,503
worker.n1.fail_on_status=404
 lead.blank = x = y # comment
novalue=
worker.n3.lbfactor = 9
`), Options{})
	var got []string
	for _, e := range Dump(f) {
		got = append(got, e.Key+"="+e.Value)
	}
	want := strings.Fields(`worker.list=lb,n3 worker.lb.type=lb other=$(var)/$(none) worker.tmpl.retries=7 worker.n3.reference=worker.tmpl
		worker.n3.port=28034 worker.n1.fail_on_status=500,503,404 lead.blank=x_=_y worker.n3.lbfactor=9 worker.n3.retries=7`)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "_=_", " = ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
