package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// A usage is what a server and the processes that it started take.
type usage struct {
	resident    int // KiB
	descriptors int
	live        int // MiB that the last collection of garbage left to the process that serves
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f MiB resident, %d descriptors, %d MiB of heap live", float64(u.resident)/1024, u.descriptors, u.live)
}

// collected is a line of Go's gctrace: before, at the end, and what is live.
var collected = regexp.MustCompile(`(?m)^gc \d+ .* (\d+)->(\d+)->(\d+) MB,`)

// reserved is how many MiB of the heap of the process that serves nobody
// touches. The one that only opens has none, and less heap than that: by this
// their lines are told apart.
const reserved = 8

// usageOf measures a catflap that was started with GODEBUG=gctrace=1.
func usageOf(t *testing.T, server *peer.Front) usage {
	t.Helper()
	var u usage
	for _, pid := range family(server.Pid()) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			u.resident += n
		}
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		u.descriptors += len(open)
	}
	for _, gc := range collected.FindAllStringSubmatch(server.Output(), -1) {
		if n, _ := strconv.Atoi(gc[3]); n >= reserved {
			u.live = n
		}
	}
	return u
}

// family is a process and those that it started.
func family(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(child)
			all = append(all, family(n)...)
		}
	}
	return all
}
