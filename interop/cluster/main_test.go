package cluster

import (
	"fmt"
	"os"
	"testing"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/interop/peer"
)

func TestMain(m *testing.M) {
	if err := peer.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "interop/cluster:", err)
		os.Exit(1)
	}
	code := leaktest.Checked(m).Run()
	if builtDir != "" {
		os.RemoveAll(builtDir)
	}
	os.Exit(code)
}
