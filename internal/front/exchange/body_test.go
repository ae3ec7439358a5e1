package exchange

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBodyRepeats(t *testing.T) {
	b := NewBody(iotest.OneByteReader(strings.NewReader("hello")), 5, 0)
	part := make([]byte, 3)
	if n, err := io.ReadFull(b, part); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if err := b.Rewind(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(b)
	if string(all) != "hello" || err != nil {
		t.Errorf("after a rewind: %q, %v", all, err)
	}
	if !b.Whole() || b.Taken() != 5 || !b.Replayable() {
		t.Errorf("whole %v, taken %d, replayable %v", b.Whole(), b.Taken(), b.Replayable())
	}
}

func TestBodyForgets(t *testing.T) {
	long := bytes.Repeat([]byte("x"), BodyKept+1)
	b := NewBody(bytes.NewReader(long), int64(len(long)), 0)
	all, err := io.ReadAll(b)
	if len(all) != len(long) || err != nil {
		t.Fatal(len(all), err)
	}
	if err := b.Rewind(); !errors.Is(err, ErrNotReplayable) || b.Replayable() {
		t.Errorf("a body longer than is kept rewinds: %v", err)
	}
}

func TestBodyEnds(t *testing.T) {
	for _, test := range []struct {
		rule          string
		source        string
		length, limit int64
		want          string
		err           error
	}{
		{"as long as declared", "abc", 3, 0, "abc", nil},
		{"not declared", "abc", -1, 0, "abc", nil},
		{"none", "abc", 0, 0, "", nil},
		{"shorter than declared", "abc", 4, 0, "abc", io.ErrUnexpectedEOF},
		{"declared above the limit: nothing is read", "abcd", 4, 3, "", ErrBodyTooLarge},
		{"sent above the limit", "abcd", -1, 3, "", ErrBodyTooLarge},
		{"at the limit", "abc", -1, 3, "abc", nil},
	} {
		b := NewBody(strings.NewReader(test.source), test.length, 0).Limited(test.limit)
		got, err := io.ReadAll(b)
		if string(got) != test.want || !errors.Is(err, test.err) || test.err == nil && err != nil || !errors.Is(b.Err(), test.err) {
			t.Errorf("%s: %q, %v, Err %v; want %q, %v", test.rule, got, err, b.Err(), test.want, test.err)
		}
	}
}

func TestBodyOfBrokenClient(t *testing.T) {
	broken := errors.New("reset")
	b := NewBody(io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)), 9, 0)
	if _, err := io.ReadAll(b); !errors.Is(err, broken) {
		t.Errorf("read: %v", err)
	}
	if err := b.Rewind(); !errors.Is(err, broken) || b.Replayable() || b.Whole() {
		t.Errorf("a broken body rewinds: %v", err)
	}
}
