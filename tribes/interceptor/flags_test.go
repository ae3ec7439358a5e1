package interceptor_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// With an optionFlag an interceptor acts on messages that have all of its bits;
// GzipInterceptor marks by it what it compresses.
func TestOptionFlags(t *testing.T) {
	base := interceptor.Base{Flag: 512 | 1024}
	to := []tribes.Member{member("10.0.0.2")}
	for name, make := range map[string]func() tribes.Interceptor{
		"encrypt": func() tribes.Interceptor { return newEncrypt(t, interceptor.EncryptConfig{Base: base, Key: key128}) },
		"order":   func() tribes.Interceptor { return interceptor.NewOrder(interceptor.OrderConfig{Base: base}) },
		"fragmentation": func() tribes.Interceptor {
			return interceptor.NewFragmentation(interceptor.FragmentationConfig{Base: base})
		},
	} {
		for options, acts := range map[tribes.Options]bool{0: false, 512: false, 1024: false, 512 | 1024: true, 512 | 1024 | 2: true} {
			sender, receiver := make(), make()
			_, w := between(sender)
			u, _ := between(receiver)
			if err := sender.Send(t.Context(), to, &tribes.Message{Options: options, Data: []byte("text")}); err != nil {
				t.Fatal(err)
			}
			if changed := string(w.sent[0].Data) != "text"; changed != acts || w.sent[0].Options != options {
				t.Errorf("%s with the options %d: changed %v, options %d", name, options, changed, w.sent[0].Options)
			}
			deliver(t, receiver, w.sent[0])
			if got := u.texts(); len(got) != 1 || got[0] != "text" {
				t.Errorf("%s with the options %d: delivered %q", name, options, got)
			}
		}
	}

	counted := interceptor.NewThroughput(interceptor.ThroughputConfig{Base: base})
	between(counted)
	for _, options := range []tribes.Options{0, 512, 1536} {
		m := &tribes.Message{Options: options, Data: []byte("x")}
		if err := errors.Join(counted.Send(t.Context(), to, m), counted.Deliver(m)); err != nil {
			t.Fatal(err)
		}
	}
	if got := counted.Counts(); got.Sent != 1 || got.Received != 1 {
		t.Errorf("counted %+v, want one each", got)
	}
}

// Messages up to compressionMinSize are left as they are; any bit of the flag
// marks one that is compressed.
func TestGzipOptions(t *testing.T) {
	g := interceptor.NewGzip(interceptor.GzipConfig{Base: interceptor.Base{Flag: 512 | 1024}, MinSize: 100})
	u, w := between(g)
	for _, size := range []int{0, 100, 101} {
		if err := g.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Options: 2, Data: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []tribes.Options{2, 2, 2 | 512 | 1024} {
		m := w.sent[i]
		if compressed := bytes.HasPrefix(m.Data, []byte{0x1f, 0x8b}); m.Options != want || compressed != (want != 2) {
			t.Errorf("message %d: options %d, compressed %v", i, m.Options, compressed)
		}
		deliver(t, g, m)
	}
	m := w.sent[2]
	m.Options = 1024
	deliver(t, g, m)
	if len(u.got) != 4 || len(u.got[2]) != 101 || len(u.got[3]) != 101 {
		t.Errorf("%d delivered", len(u.got))
	}
}

// Who waits because the queue is full is told what became of its message.
func TestDispatchFullTellsItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		d := interceptor.NewDispatch(interceptor.DispatchConfig{MaxQueueSize: 10, Threads: 1, OnError: func(*tribes.Message, error) { told++ }})
		_, w := between(d)
		w.fail = errors.New("unreachable")
		send := func() error {
			return d.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Options: tribes.OptionAsync, Data: make([]byte, 8)})
		}
		if err := send(); err != nil {
			t.Error(err)
		}
		waits := make(chan error, 1)
		go func() { waits <- send() }()
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- d.Run(t.Context()) }()
		if err := <-waits; !errors.Is(err, w.fail) {
			t.Errorf("error %v, want %v", err, w.fail)
		}
		synctest.Wait()
		if told != 1 {
			t.Errorf("OnError is told %d times, want once: of the message that nobody waits for", told)
		}
		_ = ended
	})
}
