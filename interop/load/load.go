// Package load sends requests on a schedule that does not wait for answers.
// What comes in are a rate, a time and what to ask, what goes out is what
// became of each request, with latencies from when it was due.
package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Config says what to send. Every field is required.
type Config struct {
	Rate    int                                                   // requests a second
	Length  time.Duration                                         // for how long requests come due
	Timeout time.Duration                                         // of one request
	Request func(i int) (*http.Request, error)                    // the i-th, from 0
	Check   func(i int, answer *http.Response, body []byte) error // nil if the answer is right
}

// An Outcome is what became of one request.
type Outcome struct {
	Index   int
	Due     time.Duration // since the start
	Latency time.Duration // from when it was due to the last byte
	Status  int           // 0 without an answer
	Err     error         // nil if the answer is right
}

// Run sends cfg's requests over kept connections and returns their outcomes in
// order, once each has one. It ends early, with what there is, when ctx does.
func Run(ctx context.Context, cfg Config) []Outcome {
	client := newClient(cfg)
	defer client.CloseIdleConnections()
	total := int(cfg.Length.Seconds() * float64(cfg.Rate))
	outcomes := make([]Outcome, total)
	begin := time.Now()
	var all sync.WaitGroup
	sent := 0
	for i := range outcomes {
		due := time.Duration(i) * time.Second / time.Duration(cfg.Rate)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(begin.Add(due))):
		}
		if ctx.Err() != nil {
			break
		}
		sent++
		all.Go(func() {
			o := Outcome{Index: i, Due: due}
			o.Status, o.Err = one(ctx, client, cfg, i)
			o.Latency = time.Since(begin) - due
			outcomes[i] = o
		})
	}
	all.Wait()
	return outcomes[:sent]
}

// newClient has one connection for each request that can be in progress.
func newClient(cfg Config) *http.Client {
	return &http.Client{
		Timeout: cfg.Timeout,
		Transport: &http.Transport{
			MaxIdleConns: 0, MaxIdleConnsPerHost: cfg.Rate, IdleConnTimeout: 3 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func one(ctx context.Context, client *http.Client, cfg Config, i int) (int, error) {
	request, err := cfg.Request(i)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(request.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return answer.StatusCode, fmt.Errorf("body: %w", err)
	}
	return answer.StatusCode, cfg.Check(i, answer, body)
}

// A Summary is what a run was like.
type Summary struct {
	Requests, Failed int
	P50, P99, Worst  time.Duration
	Over             float64 // the share that took longer than the limit
}

// Summarize adds up outcomes; limit is what Over is about.
func Summarize(outcomes []Outcome, limit time.Duration) Summary {
	s := Summary{Requests: len(outcomes)}
	if s.Requests == 0 {
		return s
	}
	var latencies []time.Duration
	over := 0
	for _, o := range outcomes {
		latencies = append(latencies, o.Latency)
		if o.Err != nil {
			s.Failed++
		}
		if o.Latency > limit {
			over++
		}
	}
	slices.Sort(latencies)
	s.P50, s.P99 = latencies[s.Requests/2], latencies[s.Requests*99/100]
	s.Worst, s.Over = latencies[s.Requests-1], float64(over)/float64(s.Requests)
	return s
}

// String is one line.
func (s Summary) String() string {
	return fmt.Sprintf("%d requests, %d failed, p50 %v, p99 %v, worst %v, %.2f%% late",
		s.Requests, s.Failed, s.P50.Round(time.Millisecond), s.P99.Round(time.Millisecond), s.Worst.Round(time.Millisecond), 100*s.Over)
}
