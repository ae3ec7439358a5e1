package exchange

import "testing"

func TestCauses(t *testing.T) {
	words := map[string]bool{}
	for _, c := range Causes() {
		if c.String() == "" || words[c.String()] {
			t.Errorf("cause %d has the word %q, which is empty or another's", c, c)
		}
		words[c.String()] = true
		if c.Advice() == "" {
			t.Errorf("%s does not say what to do", c)
		}
		if s := c.Status(); s != 0 && (s < 400 || s > 599) {
			t.Errorf("%s gives status %d", c, s)
		}
	}
}

func TestVars(t *testing.T) {
	var v Vars
	if _, ok := v.Get("a"); ok {
		t.Error("the zero value holds something")
	}
	v.Set("a", "1")
	v.Set("b", "")
	v.Set("a", "2")
	if got, ok := v.Get("a"); got != "2" || !ok || len(v) != 2 {
		t.Errorf("a is %q of %v", got, v)
	}
	v.Unset("a")
	v.Unset("c")
	if got, ok := v.Get("b"); got != "" || !ok || len(v) != 1 {
		t.Errorf("after Unset: %v", v)
	}
}

func TestWire(t *testing.T) {
	var w Wire
	w.AddIn(10)
	w.AddOut(20)
	if in, out := w.Take(); in != 10 || out != 20 {
		t.Errorf("took %d, %d", in, out)
	}
	w.AddOut(1)
	if in, out := w.Take(); in != 0 || out != 1 {
		t.Errorf("took %d, %d after the first", in, out)
	}
}

// counter counts interruptions.
type counter int

func (c *counter) Interrupt()     { *c++ }
func (c *counter) Worker() string { return "n1" }

// TestDoing: others can see what is asked for, and at which worker while it is
// waited for.
func TestDoing(t *testing.T) {
	var c Client
	c.Begin("GET", "/x")
	see := func(want string) {
		t.Helper()
		method, target, worker := c.Doing()
		if got := method + " " + target + " " + worker; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	see("GET /x ")
	c.Await(new(counter))
	see("GET /x n1")
	c.Rest()
	see("GET /x ")
}

func TestClientGone(t *testing.T) {
	var c Client
	var before, during, after counter
	c.Await(&before)
	if !c.Rest() {
		t.Error("gone before it went")
	}
	c.Await(&during)
	c.Gone()
	if c.Rest() || !c.IsGone() {
		t.Error("still there")
	}
	c.Await(&after)
	if before != 0 || during != 1 || after != 1 {
		t.Errorf("interrupted %d, %d, %d times; want 0, 1, 1", before, during, after)
	}
}
