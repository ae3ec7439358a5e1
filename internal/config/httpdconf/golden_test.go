package httpdconf_test

import (
	"testing"

	"github.com/catflap/catflap/internal/golden"
)

// TestGolden reads httpd.conf and what it includes, with the names of
// httpdconf_test.go, and wants the tree and every mistake in full.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(_ *testing.T, c golden.Case) string { return report(options(c.Files)) })
}
