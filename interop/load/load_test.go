package load

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestLatencyCountsFromTheSchedule has a server that answers one request at a
// time: whoever waits behind another is late by that.
func TestLatencyCountsFromTheSchedule(t *testing.T) {
	turn := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		time.Sleep(40 * time.Millisecond) // what the test measures
		fmt.Fprint(w, r.URL.Path)
	}))
	defer server.Close()
	outcomes := Run(t.Context(), Config{
		Rate: 100, Length: 200 * time.Millisecond, Timeout: 10 * time.Second,
		Request: func(i int) (*http.Request, error) {
			return http.NewRequest("GET", fmt.Sprintf("%s/%d", server.URL, i), nil)
		},
		Check: func(i int, _ *http.Response, body []byte) error {
			if string(body) != fmt.Sprintf("/%d", i) {
				return fmt.Errorf("body %q", body)
			}
			if i == 3 {
				return errors.New("three is wrong")
			}
			return nil
		},
	})
	s := Summarize(outcomes, 100*time.Millisecond)
	if s.Requests != 20 || s.Failed != 1 {
		t.Errorf("got %v", s)
	}
	if s.Worst < 500*time.Millisecond { // 20 × 40 ms - 200 ms
		t.Errorf("the worst took %v: waiting behind others was not counted", s.Worst)
	}
	if outcomes[3].Err == nil || outcomes[3].Status != 200 {
		t.Errorf("request 3: %+v", outcomes[3])
	}
}
