package main

import (
	"os"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "node" {
		exit(runNode(os.Args[2]))
	}
	os.Exit(leaktest.Checked(m).Run())
}

// Everything that is measured runs, on both kinds. How fast is not judged.
func TestQuick(t *testing.T) {
	var table strings.Builder
	if err := run(&table, quickly); err != nil {
		t.Fatalf("%v\n%s", err, table.String())
	}
	for _, want := range []string{"memory of a session", "CPU of a request", "late p99", "to a node that joins"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
}
