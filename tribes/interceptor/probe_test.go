package interceptor_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A probe of a Tomcat passes what stands below the detector as it is: an Order does
// not take its end for a number, a Fragmentation not for that of a piece.
func TestProbeBelowDetector(t *testing.T) {
	mark, err := hex.DecodeString("4fa77348798243c99f6f8980a15b07147dd9525bebf1439ab77ebe8f81671eb63715be87457e4ca8bf0a4d135338153255f694b73afa407891047dd77284c0d5")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		probe := tribes.Message{From: member("10.0.0.9"), Options: tribes.OptionBytes, Data: mark}
		o := interceptor.NewOrder(interceptor.OrderConfig{})
		u, _ := between(o)
		deliver(t, o, probe)
		time.Sleep(4 * time.Second)
		o.Heartbeat(t.Context())
		deliver(t, o, numbered(2, "two"), numbered(1, "one"))
		if got := u.texts(); !slices.Equal(got, []string{string(mark), "one", "two"}) {
			t.Errorf("delivered %q", got)
		}
		f := interceptor.NewFragmentation(interceptor.FragmentationConfig{})
		u, _ = between(f)
		deliver(t, f, probe)
		if got := u.texts(); !slices.Equal(got, []string{string(mark)}) {
			t.Errorf("delivered %q", got)
		}
	})
}

// A probed is a wire that notes whether probes have a message.
type probed struct {
	wireEnd
	tests chan tribes.ProbeTest
}

func (p *probed) Probe(_ context.Context, _ tribes.Member, _ *tribes.Message, test tribes.ProbeTest) bool {
	p.tests <- test
	return true
}

// Where an Order or a Fragmentation stands below the detector, which a Tomcat
// would be harmed by, a probe only connects, and the log says so.
func TestProbeAboveOrder(t *testing.T) {
	for _, below := range []tribes.Interceptor{
		interceptor.NewOrder(interceptor.OrderConfig{}), interceptor.NewFragmentation(interceptor.FragmentationConfig{}), interceptor.NewGzip(interceptor.GzipConfig{}),
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			d := interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{ReadTest: true, Base: interceptor.Base{Log: slog.New(slog.NewTextHandler(&log, nil))}})
			if _, err := tribes.New(tribes.Config{Interceptors: []tribes.Interceptor{d, below}}); err != nil {
				t.Fatal(err)
			}
			p := &probed{tests: make(chan tribes.ProbeTest, 1)}
			d.Link(&user{}, p)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- d.Run(ctx) }()
			d.Joined(member("10.0.0.9"))
			_, harmless := below.(*interceptor.Gzip)
			if test := <-p.tests; test.Send != harmless || test.Read > 0 != harmless {
				t.Errorf("above %T a probe is %+v", below, test)
			}
			cancel()
			<-ended
			if told := strings.Contains(log.String(), "stands below TcpFailureDetector"); told == harmless {
				t.Errorf("above %T the log says %q", below, log.String())
			}
		})
	}
}
