package interceptor_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A prober stands below a FailureDetector and notes what it is asked.
type prober struct {
	wireEnd
	answers bool
	asked   []tribes.ProbeTest
	frames  []tribes.Message
}

func (p *prober) Probe(_ context.Context, _ tribes.Member, m *tribes.Message, test tribes.ProbeTest) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.frames = append(p.asked, test), append(p.frames, *m)
	return p.answers
}

func (p *prober) count() int {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// overProber runs a detector between a user and a prober until the test ends.
func overProber(t *testing.T, cfg interceptor.FailureDetectorConfig) (*interceptor.FailureDetector, *user, *prober) {
	d, u, p := interceptor.NewFailureDetector(cfg), &user{}, &prober{answers: true}
	d.Link(u, p)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return d, u, p
}

// A probe is Tomcat's, and as thorough and patient as is configured; one that
// comes is for nobody.
func TestProbes(t *testing.T) {
	for _, test := range []struct {
		name    string
		cfg     interceptor.FailureDetectorConfig
		want    tribes.ProbeTest
		options tribes.Options
	}{
		{"default", interceptor.FailureDetectorConfig{}, tribes.ProbeTest{Connect: time.Second, Send: true}, 1},
		{"connectTimeout", interceptor.FailureDetectorConfig{ConnectTimeout: time.Minute}, tribes.ProbeTest{Connect: time.Minute, Send: true}, 1},
		{"performSendTest", interceptor.FailureDetectorConfig{NoSendTest: true}, tribes.ProbeTest{Connect: time.Second}, 1},
		{"performReadTest", interceptor.FailureDetectorConfig{ReadTest: true}, tribes.ProbeTest{Connect: time.Second, Send: true, Read: 5 * time.Second}, 3},
		{"readTestTimeout", interceptor.FailureDetectorConfig{ReadTest: true, ReadTestTimeout: time.Minute}, tribes.ProbeTest{Connect: time.Second, Send: true, Read: time.Minute}, 3},
		{"optionFlag", interceptor.FailureDetectorConfig{Base: interceptor.Base{Flag: 512}}, tribes.ProbeTest{Connect: time.Second, Send: true}, 513},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, u, p := overProber(t, test.cfg)
				d.Joined(member("10.0.0.2"))
				if p.count() != 1 {
					t.Fatalf("%d probes", len(p.asked))
				}
				theirs := frames(t, "cap-probe")[0]
				if m := p.frames[0]; p.asked[0] != test.want || m.Options != test.options || !bytes.Equal(m.Data, theirs.Data) || m.ID == (tribes.ID{}) || m.Timestamp == 0 {
					t.Errorf("probe %+v of %+v; Tomcat's is %+v", p.asked[0], m, theirs)
				}
				u.want(t, "joined 10.0.0.2")
				deliver(t, d, theirs, tribes.Message{Data: []byte("no probe")})
				if got := u.texts(); !slices.Equal(got, []string{"no probe"}) {
					t.Errorf("delivered %q", got)
				}
			})
		})
	}
}

// Who is silent though its receiver answers is asked at each heartbeat, and no
// longer once removeSuspectsTimeout has passed, or it is heard again.
func TestSuspects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, u, p := overProber(t, interceptor.FailureDetectorConfig{})
		b := member("10.0.0.2")
		d.Joined(b)
		before := p.count() + 1
		d.Left(b)
		for range 100 {
			time.Sleep(5 * time.Second)
			d.Heartbeat(t.Context())
		}
		if n := p.count() - before; n != 61 { // the one after 300 s ends it
			t.Errorf("%d probes in 500 s, want 61", n)
		}
		d.Left(b)
		d.Joined(b)
		before = p.count()
		d.Heartbeat(t.Context())
		if n := p.count() - before; n != 0 {
			t.Errorf("%d probes of one that is heard again", n)
		}
		u.want(t, "joined 10.0.0.2")
		p.mu.Lock()
		p.answers = false
		p.mu.Unlock()
		d.Left(b)
		u.want(t, "joined 10.0.0.2", "left 10.0.0.2")
	})
}
