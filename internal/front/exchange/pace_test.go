package exchange

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, test := range []struct {
		rule  string
		pace  Pace
		bytes int64
		want  time.Duration
	}{
		{"without a rate", Pace{First: 20 * time.Second}, 1 << 40, 20 * time.Second},
		{"nothing came", Pace{First: 20 * time.Second, Rate: 500}, 0, 20 * time.Second},
		{"a second for so many bytes", Pace{First: 20 * time.Second, Rate: 500}, 1250, 22500 * time.Millisecond},
		{"up to the most", Pace{First: 20 * time.Second, Most: 40 * time.Second, Rate: 500}, 1 << 20, 40 * time.Second},
	} {
		if got := test.pace.Time(test.bytes); got != test.want {
			t.Errorf("%s: %v, want %v", test.rule, got, test.want)
		}
	}
}
