// Package leaktest ends the tests of a package with a look for goroutines
// that are left. What comes in is a package's testing.M, what goes out is its
// exit code, and the stacks of what still runs.
package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package and fails them if a goroutine outlives
// them. Call it from TestMain. The clock of regexp2 ends by itself, a second
// after its last use.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}
