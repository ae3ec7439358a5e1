package node

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzCommand: what comes at the shutdown port is a command of bounded length
// without control characters, and begins what came.
func FuzzCommand(f *testing.F) {
	for _, text := range []string{"SHUTDOWN\r\n", "", "\x00", strings.Repeat("x", 2000), "a\x7fb"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		command, _ := readCommand(bytes.NewReader(data))
		if len(command) > maxCommand || !strings.HasPrefix(string(data), command) {
			t.Fatalf("%q gives %q", data, command)
		}
		if strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%q gives %q", data, command)
		}
	})
}
