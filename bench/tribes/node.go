package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// messageSize is how many bytes a message has.
const messageSize = 1024

// A node is a member that does what the benchmark says, a line each, as
// testdata/Node.java does.
type node struct {
	*tribes.Channel
	counter atomic.Pointer[counter]
}

// A counter takes messages of one round.
type counter struct {
	late []int64 // ns from when each was handed to the channel
	got  atomic.Int64
	all  chan struct{} // closed once all have come
}

// Received implements tribes.Listener.
func (n *node) Received(m *tribes.Message) (bool, error) {
	c := n.counter.Load()
	if c == nil {
		return true, nil
	}
	i := int(c.got.Add(1))
	if i <= len(c.late) {
		c.late[i-1] = time.Now().UnixNano() - int64(binary.BigEndian.Uint64(m.Data))
	}
	if i == len(c.late) {
		close(c.all)
	}
	return true, nil
}

// Joined implements tribes.Listener.
func (n *node) Joined(tribes.Member) {}

// Left implements tribes.Listener.
func (n *node) Left(tribes.Member) {}

// runNode is a member until stdin ends.
func runNode(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := tribes.New(tribes.Config{
		Address: netip.MustParseAddr("127.0.0.1"), Port: 4100, NoMembership: true,
		Receiver: tribes.Receiver{Known: func(netip.Addr) bool { return true }},
		Interceptors: []tribes.Interceptor{
			interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
		},
	})
	if err != nil {
		return err
	}
	n := &node{Channel: c}
	c.Listen(n)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	local := c.Local()
	for !local.Host.IsValid() {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Millisecond):
			local = c.Local()
		}
	}
	fmt.Println("ready", local.Port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := n.do(ctx, strings.Fields(lines.Text())); err != nil {
			return err
		}
	}
	cancel()
	return <-ended
}

func (n *node) do(ctx context.Context, words []string) error {
	var numbers []int
	for _, w := range words[1:] {
		i, err := strconv.Atoi(w)
		if err != nil {
			return err
		}
		numbers = append(numbers, i)
	}
	if words[0] == "expect" {
		c := &counter{late: make([]int64, numbers[0]), all: make(chan struct{})}
		n.counter.Store(c)
		fmt.Println("expecting")
		go func() { // ends with the round, or with the process
			<-c.all
			fmt.Println("got", quantiles(c.late))
		}()
		return nil
	}
	took, err := n.send(ctx, numbers[0], numbers[1], tribes.Options(numbers[2]), time.Duration(numbers[3])*time.Microsecond, numbers[4:])
	if err != nil {
		return err
	}
	fmt.Println("sent", quantiles(took))
	return nil
}

// send sends count messages from so many threads to the members at ports.
func (n *node) send(ctx context.Context, count, threads int, options tribes.Options, pause time.Duration, ports []int) ([]int64, error) {
	var to []tribes.Member
	for _, port := range ports {
		to = append(to, tribes.Member{Host: netip.MustParseAddr("127.0.0.1"), Port: int32(port), ID: tribes.ID{15: 1}})
	}
	took := make([]int64, count)
	var next atomic.Int64
	var sending sync.WaitGroup
	var failed atomic.Pointer[error]
	for range threads {
		sending.Go(func() {
			for i := next.Add(1); i <= int64(count); i = next.Add(1) {
				data := make([]byte, messageSize)
				began := time.Now()
				binary.BigEndian.PutUint64(data, uint64(began.UnixNano()))
				if options != nothing {
					if err := n.Send(ctx, to, &tribes.Message{Options: options | tribes.OptionBytes, Data: data}); err != nil {
						failed.Store(&err)
						return
					}
				}
				took[i-1] = int64(time.Since(began))
				if pause > 0 {
					time.Sleep(pause)
				}
			}
		})
	}
	sending.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return took, nil
}

// quantiles are the median and the 99th percentile in ns.
func quantiles(all []int64) string {
	sorted := slices.Sorted(slices.Values(all))
	return fmt.Sprint(sorted[len(sorted)/2], " ", sorted[len(sorted)*99/100])
}
