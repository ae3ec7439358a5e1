package interceptor

import (
	"container/heap"
	"time"

	"github.com/catflap/catflap/tribes"
)

// A sequence is the messages of one sender that wait for their turn in an Order,
// whose mutex guards it.
type sequence struct {
	expected   int32
	waiting    map[int32]heldMessage
	numbers    numbers // of waiting, and of some that were taken
	arrived    []int32 // the same as they came
	delivering bool    // a goroutine delivers; it will look again
}

type heldMessage struct {
	m     *tribes.Message
	since time.Time
}

func newSequence() *sequence { return &sequence{expected: 1, waiting: map[int32]heldMessage{}} }

// heldSize is about how many bytes of memory a message takes while it waits.
func heldSize(m *tribes.Message) int64 {
	return int64(512 + len(m.Data) + len(m.From.Command) + len(m.From.Domain) + len(m.From.Payload))
}

// put has a message wait, and returns how many bytes more wait now. One that comes
// again takes the place of the first.
func (s *sequence) put(n int32, m *tribes.Message) (more int64) {
	old, again := s.waiting[n]
	if again {
		s.waiting[n] = heldMessage{m, old.since}
		return heldSize(m) - heldSize(old.m)
	}
	s.waiting[n] = heldMessage{m, time.Now()}
	if n != s.expected { // which is found by its number
		heap.Push(&s.numbers, n)
		s.arrived = append(s.arrived, n)
	}
	return heldSize(m)
}

// take takes the message with a number, which is there.
func (s *sequence) take(n int32) *tribes.Message {
	m := s.waiting[n].m
	delete(s.waiting, n)
	if n == s.expected {
		s.expected++
	} else {
		s.expected = max(s.expected, n+1)
	}
	if len(s.waiting) == 0 {
		s.numbers, s.arrived = nil, nil
	}
	return m
}

// lowest returns the lowest number that waits. One does, and it is not the
// expected one.
func (s *sequence) lowest() int32 {
	for !s.waits(s.numbers[0]) {
		heap.Pop(&s.numbers)
	}
	return s.numbers[0]
}

// oldest returns when the message came that waits longest.
func (s *sequence) oldest() time.Time {
	for !s.waits(s.arrived[0]) {
		s.arrived = s.arrived[1:]
	}
	return s.waiting[s.arrived[0]].since
}

func (s *sequence) waits(n int32) bool {
	_, ok := s.waiting[n]
	return ok
}

// numbers are a heap, the lowest first.
type numbers []int32

func (s numbers) Len() int           { return len(s) }
func (s numbers) Less(i, j int) bool { return s[i] < s[j] }
func (s numbers) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *numbers) Push(x any)        { *s = append(*s, x.(int32)) }
func (s *numbers) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
