package tribes

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

func full() bool { return os.Getenv("CATFLAP_FULL") != "" }

// pair starts a Go member and one on Tomcat's own library with the same
// interceptors, and waits until each sees the other.
func pair(t *testing.T, stack string) (goes, java *goMember) {
	t.Helper()
	net := netns.New(t, 2)
	java = startJava(t, net.Hosts[1], stack)
	goes = startMember(t, net.Hosts[0], memberConfig{Stack: stack})
	goes.await(t, "joined ", 1, 10*time.Second)
	java.await(t, "joined ", 1, 10*time.Second)
	return goes, java
}

// exchange lets from send messages of each size with each option, and checks
// that to got each once.
func exchange(t *testing.T, from, to *goMember, sizes []int, options []int) {
	t.Helper()
	exchangeBy(t, 1, from, to, sizes, options)
}

// exchangeBy is exchange with so many that send at once, which a Go member can.
func exchangeBy(t *testing.T, senders int, from, to *goMember, sizes []int, options []int) {
	t.Helper()
	for _, size := range sizes {
		for _, o := range options {
			count := max(1, min(40*senders, 250, 2_000_000/size)) // 256 of them differ
			before := to.count("got ")
			if got := from.answer(t, fmt.Sprintf("send %d %d %d %d", count, size, o, senders), "sent", 60*time.Second); got != fmt.Sprint(count) {
				t.Fatalf("size %d, options %d: %s", size, o, got)
			}
			to.await(t, "got ", before+count, 60*time.Second)
			want := map[string]int{}
			for i := range count {
				want[fmt.Sprintf("got %d %x from %s", size, sha256.Sum256(payload(i, size)), from.host.Addr)]++
			}
			n := 0
			for _, text := range to.texts() {
				if len(text) > 4 && text[:4] == "got " {
					if n++; n > before {
						want[text]--
					}
				}
			}
			for text, left := range want {
				if left != 0 {
					t.Errorf("size %d, options %d: %d times missing or too many: %s", size, o, left, text)
				}
			}
		}
	}
}

// Messages of 1 byte to 16 MB go both ways between Go and Tomcat's own library,
// with and without acknowledgement, none lost, changed or doubled.
func TestMessages(t *testing.T) {
	t.Parallel()
	goes, java := pair(t, "dispatch detector")
	sizes := []int{1, 100, 65_000, 1 << 20, 16 << 20}
	if full() {
		sizes = []int{1, 2, 17, 100, 1024, 8191, 8192, 8193, 65_535, 65_536, 100_000, 1 << 20, 5_000_000, 16 << 20}
	}
	options := []int{0, 2, 6, 8}
	exchange(t, goes, java, sizes, options)
	exchange(t, java, goes, sizes, options)
}

// Messages that several send at once, and that leave together where they may,
// come once each to Tomcat's own receiver, which acknowledges them one by one.
func TestSendersAtOnce(t *testing.T) {
	t.Parallel()
	goes, java := pair(t, "dispatch detector")
	exchangeBy(t, 16, goes, java, []int{100, 1024, 8192, 65_000}, []int{2, 6, 0, 8, 2})
}

// The interceptors that change messages understand those of Tomcat, each alone
// and together.
func TestStacks(t *testing.T) {
	t.Parallel()
	stacks := []string{"gzip detector", "dispatch encrypt detector", "order detector", "dispatch gzip encrypt detector fragmentation order"}
	if full() {
		stacks = append(stacks, "fragmentation detector", "gzip fragmentation order detector", "ping detector dispatch")
	}
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			goes, java := pair(t, stack)
			sizes := []int{1, 1000, 102_400, 102_401, 1_000_000}
			exchange(t, goes, java, sizes, []int{0, 6})
			exchange(t, java, goes, sizes, []int{0, 6})
		})
	}
}

// Each side answers the other's questions.
func TestRPC(t *testing.T) {
	t.Parallel()
	goes, java := pair(t, "dispatch detector")
	if got := goes.answer(t, "ask hello", "answers", 10*time.Second); got != "java:hello" {
		t.Errorf("Go asks, Java answers %q", got)
	}
	if got := java.answer(t, "ask hello", "answers", 10*time.Second); got != "go:hello" {
		t.Errorf("Java asks, Go answers %q", got)
	}
}
