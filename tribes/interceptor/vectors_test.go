package interceptor_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// What Tomcat encrypted is decrypted.
func TestEncryptOfTomcat(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		if v.Encrypt == nil {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			e := newEncrypt(t, interceptor.EncryptConfig{Algorithm: v.Encrypt.Algorithm, Key: v.Encrypt.KeyHex, NoReplayProtection: true})
			u, w := between(e)
			want := []byte(v.Encrypt.Plaintext)
			if v.Name == "gzip-encrypt" { // compressed, then encrypted
				g := interceptor.NewGzip(interceptor.GzipConfig{})
				g.Link(u, e)
				e.Link(g, w)
				want = bytes.Repeat([]byte("q"), 300)
			}
			deliver(t, e, frames(t, v.Name)...)
			if len(u.got) != 1 || !bytes.Equal(u.got[0], want) {
				t.Errorf("delivered % x, want % x", u.got, want)
			}
			guarded := newEncrypt(t, interceptor.EncryptConfig{Algorithm: v.Encrypt.Algorithm, Key: v.Encrypt.KeyHex})
			u, _ = between(guarded)
			deliver(t, guarded, frames(t, v.Name)...)
			if len(u.got) != 0 {
				t.Error("a message that is years old is delivered")
			}
		})
	}
	if seen < 3 {
		t.Errorf("only %d vectors", seen)
	}
}

// The notices of Tomcat's static members are understood from those that are
// configured, and nobody else's; the own ones are the same bytes.
func TestStaticNoticesOfTomcat(t *testing.T) {
	known := member("10.77.0.1")
	s := interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{Members: []tribes.Member{known}})
	u, w := between(s)
	for i, name := range []string{"static-start", "static-stop", "cap-static-start", "cap-static-stop"} {
		for _, from := range []tribes.Member{known, member("10.77.0.99")} {
			m := frames(t, name)[0]
			m.From, m.Timestamp = from, int64(i) // one after the other
			deliver(t, s, m)
		}
	}
	once := []string{"joined 10.77.0.1", "left with a goodbye 10.77.0.1"}
	if want := append(once, once...); !slices.Equal(u.told, want) || len(u.got) != 0 {
		t.Errorf("told %q, want %q; %d messages delivered", u.told, want, len(u.got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(w.sent) != 2 || !bytes.Equal(w.sent[0].Data, frames(t, "static-start")[0].Data) || !bytes.Equal(w.sent[1].Data, frames(t, "static-stop")[0].Data) {
		t.Errorf("sent %+v", w.sent)
	}
}

// FuzzDeliver: no bytes of a peer make an interceptor panic.
func FuzzDeliver(f *testing.F) {
	for _, name := range []string{"gzip-on", "gzip-off", "frag-none", "frag-part-0", "frag-part-1", "frag-part-2", "order-1", "order-3", "encrypt-gcm", "encrypt-cbc", "gzip-encrypt"} {
		data := vectors.Bytes(f, name)
		f.Add(data, int32(256))
		f.Add(data[:len(data)-20], int32(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, options int32) {
		cbc, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Algorithm: "AES/CBC/PKCS5Padding", Key: key128})
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Key: strings.Repeat("00", 32)})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []tribes.Interceptor{
			interceptor.NewGzip(interceptor.GzipConfig{MaxTotal: 1 << 20}), interceptor.NewFragmentation(interceptor.FragmentationConfig{}),
			interceptor.NewOrder(interceptor.OrderConfig{}), cbc, gcm, interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
			interceptor.NewPing(interceptor.PingConfig{}), interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{}),
		} {
			u, _ := between(i)
			m := tribes.Message{Options: tribes.Options(options), Data: bytes.Clone(data), From: member("10.0.0.1")}
			_ = i.Deliver(&m)
			for _, got := range u.got {
				if len(got) > 1<<20 && len(got) > len(data) {
					t.Fatalf("%d bytes become %d", len(data), len(got))
				}
			}
		}
	})
}
