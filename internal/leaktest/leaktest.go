// Package leaktest ends the tests of a package with a look for goroutines
// that are left. What comes in is a package's testing.M, what goes out is its
// exit code, and the stacks of what still runs.
package leaktest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// M is what runs the tests of a package: *testing.M, or one of Checked.
type M interface{ Run() int }

// Checked returns m with the look for goroutines at its end, for a TestMain
// that hands its testing.M on.
func Checked(m M) M { return checked{m} }

// passing are goroutines that end by themselves: the clock of regexp2 does, a
// second after its last use.
var passing = goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock")

type checked struct{ m M }

func (c checked) Run() int {
	code := c.m.Run()
	if err := goleak.Find(passing); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaktest:", err)
		return 1
	}
	return code
}

// Main runs the tests of a package and fails them if a goroutine outlives
// them. Call it from TestMain.
func Main(m *testing.M) { goleak.VerifyTestMain(m, passing) }
