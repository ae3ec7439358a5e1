package overlay

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type things struct {
	Size   int
	Wait   time.Duration
	Word   string
	Off    bool
	Colour colour
}

type colour int

func (c colour) String() string { return [...]string{"red", "green"}[c] }

var table = Table[things]{
	Int("size", func(c *things) *int { return &c.Size }),
	Time("wait", time.Second, -1, func(c *things) *time.Duration { return &c.Wait }),
	Text("word", func(c *things) *string { return &c.Word }),
	Bool("on", true, func(c *things) *bool { return &c.Off }),
	Choice("colour", 1, func(c *things) *colour { return &c.Colour }, "color"),
}

var file = things{Size: 3, Wait: 2 * time.Second, Word: "x"}

func TestPut(t *testing.T) {
	for _, test := range []struct {
		key, text string
		want      things
	}{
		{"size", "4", things{4, 2 * time.Second, "x", false, 0}},
		{"size", "four", file},
		{"wait", "0", things{3, -1, "x", false, 0}},
		{"wait", "7", things{3, 7 * time.Second, "x", false, 0}},
		{"wait", "99999999999", file},
		{"word", "", things{3, 2 * time.Second, "", false, 0}},
		{"on", "False", things{3, 2 * time.Second, "x", true, 0}},
		{"on", "no", file},
		{"colour", "green", things{3, 2 * time.Second, "x", false, 1}},
		{"colour", "blue", file},
		{"unknown", "1", file},
	} {
		o, changed := table.Change(file, nil, nil, []Value{{Key: test.key, Text: test.text}})
		got := table.Apply(file, o)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s=%s (-want +got):\n%s", test.key, test.text, diff)
		}
		if (len(changed) == 1) != (got != file) {
			t.Errorf("%s=%s: told %v", test.key, test.text, changed)
		}
		if shown := table.Shown(&got, test.key); len(changed) == 1 && shown != test.text {
			t.Errorf("%s=%s shows as %q", test.key, test.text, shown)
		}
	}
}

// TestWaitForEver: a time below zero shows as 0, so that 0 over it is no
// change.
func TestWaitForEver(t *testing.T) {
	forEver := things{Wait: -1}
	if o, changed := table.Change(forEver, nil, nil, []Value{{Key: "wait", Text: "0"}}); o != nil || changed != nil {
		t.Errorf("%v %v", o, changed)
	}
}

func TestBackToTheFileEnds(t *testing.T) {
	o, _ := table.Change(file, nil, nil, []Value{{Key: "size", Text: "4"}, {Key: "word", Text: "y"}})
	back, changed := table.Change(file, nil, o, []Value{{Key: "size", Text: "3"}})
	if want := []Changed{{"size", "4", "3"}}; !cmp.Equal(changed, want) {
		t.Errorf("changed %v", changed)
	}
	if _, set := back.Get("size"); set || len(back) != 1 {
		t.Errorf("still over the file: %v", back)
	}
	if text, _ := o.Get("size"); text != "4" {
		t.Error("an overlay changed under its holder")
	}
}

// TestCarry: a value ends once the file says something else for its key, also
// if that is the same as what it said by silence, or in an older word.
func TestCarry(t *testing.T) {
	lines := Lines{"size": "3", "colour": "red"}
	o, _ := table.Change(file, lines, nil, []Value{{Key: "size", Text: "4"}, {Key: "word", Text: "y"}, {Key: "colour", Text: "green"}})
	for _, test := range []struct {
		lines Lines
		ended string
	}{
		{Lines{"size": "3", "colour": "red"}, ""},
		{Lines{"size": "3", "colour": "red", "wait": "9"}, ""},
		{Lines{"size": "5", "colour": "red"}, "size "},
		{Lines{"colour": "red"}, "size "},
		{Lines{"size": "3", "colour": "red", "word": "x"}, "word "},
		{Lines{"size": "3", "color": "red"}, "colour "},
		{Lines{}, "size colour "},
	} {
		kept, ended := table.Carry(test.lines, o)
		names := ""
		for _, v := range ended {
			names += v.Key + " "
		}
		if names != test.ended || len(kept)+len(ended) != 3 {
			t.Errorf("%v: ended %q, want %q; kept %v", test.lines, names, test.ended, kept)
		}
		again, _ := table.Carry(test.lines, kept)
		if fmt.Sprint(again) != fmt.Sprint(kept) {
			t.Errorf("%v: a second reload keeps %v", test.lines, again)
		}
	}
}
