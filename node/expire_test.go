package node

import (
	"testing"
	"time"
)

// Sessions that nobody uses are looked for as often as a Tomcat does.
func TestExpireEvery(t *testing.T) {
	for _, test := range []struct {
		e    Engine
		m    Manager
		want time.Duration
	}{
		{Engine{}, Manager{}, time.Minute}, {Engine{Background: time.Second}, Manager{ExpireRounds: 1}, time.Second}, {Engine{Background: 5 * time.Second}, Manager{}, 30 * time.Second},
	} {
		if got := expireEvery(&test.e, test.m); got != test.want {
			t.Errorf("%v, %v: %v, want %v", test.e.Background, test.m.ExpireRounds, got, test.want)
		}
	}
}
