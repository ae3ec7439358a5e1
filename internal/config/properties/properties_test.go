package properties_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/mistake"
)

// TestLongLines: the rest of a line that is too long is a line of its own.
func TestLongLines(t *testing.T) {
	value := strings.Repeat("x", 8191-len("v="))
	file, found := properties.Parse("f", []byte("v="+value+"w=1\nworker.list=a"), properties.Options{})
	if len(file.Entries) != 3 || file.Entries[0].Value != value || file.Entries[1].Key != "w" || file.Entries[1].Value != "1" {
		t.Errorf("%d entries: %.40v", len(file.Entries), file.Entries)
	}
	if want := "f:1: warning: the line has more than 8191 bytes: the rest of it is read as a line of its own"; found.Error() != want {
		t.Errorf("got %s, want %s", found, want)
	}
}

// TestBounds ends files that would fill the memory or never be read.
func TestBounds(t *testing.T) {
	double := "a=xxxxxxxxxxxxxxxx\n" + strings.Repeat("a=$(a)$(a)\n", 60)
	file, found := properties.Parse("f", []byte(double), properties.Options{})
	if len(file.Entries) != 61 || len(file.Entries[60].Value) > 8191 || found.Errors() > 0 {
		t.Errorf("%d entries, the last of %d bytes", len(file.Entries), len(file.Entries[60].Value))
	}
	_, found = properties.Parse("f", []byte(strings.Repeat("bogus\n", 5000)), properties.Options{})
	if len(found) != 1001 || found[1000].String() != "f:1001: error: more than 1000 mistakes: the rest is not read" {
		t.Errorf("%d mistakes, the last %v", len(found), found[len(found)-1])
	}
	var many strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&many, "worker.list=w%d\nworker.w%d.lbfactor=x\nworker.w%d.lbfactor=x\n", i, i, i)
	}
	many.WriteString("worker.a.nope=1\n")
	file, found = properties.Parse("f", []byte(many.String()), properties.Options{})
	d, more := properties.Workers(file)
	if len(found) != 0 || len(d.Workers) != 20000 || more.Warnings() != 1000 || more.Errors() != 1 {
		t.Errorf("%d workers, %d warnings, %d errors", len(d.Workers), more.Warnings(), more.Errors())
	}
}

// TestAccessors read values as what they are.
func TestAccessors(t *testing.T) {
	text := "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=a b\nworker.lb.sticky_session=no\nworker.lb.recover_time=2\nworker.lb.retry_interval=250\n" +
		"worker.a.fail_on_status=404,-500\nworker.a.lbfactor=2k\nworker.b.port=1\n"
	file, _ := properties.Parse("f", []byte(text), properties.Options{})
	d, found := properties.Workers(file)
	if len(found) > 0 {
		t.Fatal(found)
	}
	lb, a := d.Worker("lb"), d.Worker("a")
	if d.Worker("nobody") != nil || lb == nil || a == nil {
		t.Fatalf("%+v", d)
	}
	if v, pos, set := lb.Bool("sticky_session"); v || !set || pos.String() != "f:4:26" {
		t.Error(v, pos, set)
	}
	if v, _, set := lb.Duration("recover_time"); v != 2*time.Second || !set {
		t.Error(v, set)
	}
	if v, _, set := lb.Duration("retry_interval"); v != 250*time.Millisecond || !set {
		t.Error(v, set)
	}
	if v, _, set := lb.List("balance_workers"); len(v) != 2 || v[1] != "b" || !set {
		t.Error(v, set)
	}
	if v, _, set := a.Ints("fail_on_status"); len(v) != 2 || v[1] != -500 || !set {
		t.Error(v, set)
	}
	if v, _, set := a.Int("lbfactor"); v != 2048 || !set {
		t.Error(v, set)
	}
	if v, pos, set := a.String("host"); v != "" || set || pos != (mistake.Pos{}) {
		t.Error(v, pos, set)
	}
}

// TestTarget reads the last argument of JkMount.
func TestTarget(t *testing.T) {
	target, found := properties.ParseTarget("lb;active=a;disabled=b,c;stopped=d;reply_timeout=10", mistake.Pos{File: "httpd.conf", Line: 3, Col: 12}, "")
	if len(found) > 0 || target.Worker != "lb" {
		t.Fatalf("%+v %v", target, found)
	}
	if diff := cmp.Diff(map[string]byte{"a": 'A', "b": 'D', "c": 'D', "d": 'S'}, target.Activation()); diff != "" {
		t.Errorf("activation (-want +got):\n%s", diff)
	}
	if v, pos, set := target.Extensions.Duration("reply_timeout"); v != 10*time.Millisecond || pos.Col != 12+len("lb;active=a;disabled=b,c;stopped=d;reply_timeout=") || !set {
		t.Error(v, pos, set)
	}
	if target, _ := properties.ParseTarget("w", mistake.Pos{}, ""); target.Activation() != nil || len(target.Extensions.Keys()) > 0 {
		t.Errorf("%+v", target)
	}
	for name, want := range map[string]bool{"stateless": true, "session_path": true, "reply_timeout": false, "fail_on_status": false} {
		if slices.Contains(properties.BalancerExtensions(), name) != want {
			t.Errorf("%s is for balancers: %v", name, !want)
		}
	}
}
