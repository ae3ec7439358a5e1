package rpc

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

// When a node lacks an interceptor that the others have, its log names it.
func TestHints(t *testing.T) {
	encrypt, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Key: strings.Repeat("00", 16)})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		has  tribes.Interceptor
		text int // characters of the message
		want string
	}{
		{"gzip", interceptor.NewGzip(interceptor.GzipConfig{}), 100, "lacks a GzipInterceptor"},
		{"gzip with another flag", interceptor.NewGzip(interceptor.GzipConfig{Base: interceptor.Base{Flag: 512}}), 100, "another optionFlag"},
		{"encrypt", encrypt, 100, "EncryptInterceptor"},
		{"order", interceptor.NewOrder(interceptor.OrderConfig{}), 100, "OrderInterceptor"},
		{"fragmentation", interceptor.NewFragmentation(interceptor.FragmentationConfig{}), 100, "FragmentationInterceptor"},
		{"a piece", interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: 1000}), 1500, "FragmentationInterceptor"},
		{"probes", interceptor.NewPing(interceptor.PingConfig{}), 0, "TcpPingInterceptor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				var log bytes.Buffer
				a := startLogging(t, network, "a", slog.New(slog.NewTextHandler(&log, nil)))
				sender, err := tribes.New(tribes.Config{Name: "b", Network: network.Node("b"), Interceptors: []tribes.Interceptor{test.has}})
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				ctx, cancel := context.WithCancel(t.Context())
				go func() { ended <- sender.Run(ctx) }()
				time.Sleep(time.Second)
				if test.text > 0 {
					m := &tribes.Message{Options: tribes.OptionAck, Data: javaserial.Encode(&javaserial.String{Text: strings.Repeat("x", test.text)})}
					if err := sender.Send(t.Context(), sender.Members(), m); err != nil {
						t.Error(err)
					}
				}
				time.Sleep(6 * time.Second) // a ping
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				a.stop()
				if !strings.Contains(log.String(), test.want) {
					t.Errorf("logged %q, want %q", &log, test.want)
				}
			})
		})
	}
}
