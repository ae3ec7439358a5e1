package interceptor_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// The rules by which a message counts: its time is within the window, newer than
// what was forgotten, and its nonce is new.
func TestReplayProtection(t *testing.T) {
	const window = 10 * time.Second
	for _, test := range []struct {
		name string
		cfg  interceptor.EncryptConfig
		ages []time.Duration // of messages that come one after the other
		want string          // a letter for each: delivered or refused
		last string          // complaint about the last that was refused
	}{
		{"within the window", interceptor.EncryptConfig{}, []time.Duration{0, window - time.Second, -window}, "ddd", ""},
		{"too old", interceptor.EncryptConfig{}, []time.Duration{window + time.Millisecond}, "r", "too old"},
		{"from the future", interceptor.EncryptConfig{}, []time.Duration{-window - time.Millisecond}, "r", "from the future"},
		{"from before the start", interceptor.EncryptConfig{ReplayWindow: time.Minute}, []time.Duration{2 * time.Minute, 30 * time.Second}, "rd", "too old"},
		{"a shorter window", interceptor.EncryptConfig{ReplayWindow: time.Second}, []time.Duration{999 * time.Millisecond, 1001 * time.Millisecond, -1001 * time.Millisecond}, "drr", "from the future"},
		{"the oldest are forgotten", interceptor.EncryptConfig{ReplayCount: 2}, []time.Duration{3 * time.Second, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}, "dddrr", "older than what is remembered"},
		{"what is newer than those is not", interceptor.EncryptConfig{ReplayCount: 2}, []time.Duration{3 * time.Second, time.Second, 2 * time.Second, 2500 * time.Millisecond}, "dddd", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				test.cfg.Key = key128
				sender := newEncrypt(t, test.cfg)
				_, w := between(sender)
				test.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
				receiver := newEncrypt(t, test.cfg)
				u, _ := between(receiver)
				time.Sleep(time.Minute) // since the start
				got := ""
				for i, age := range test.ages {
					m := &tribes.Message{Timestamp: time.Now().Add(-age).UnixMilli(), Data: []byte("x")}
					if err := sender.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, m); err != nil {
						t.Fatal(err)
					}
					before := len(u.got)
					deliver(t, receiver, w.sent[i])
					got += map[bool]string{true: "d", false: "r"}[len(u.got) > before]
				}
				if got != test.want || test.last != "" && !strings.Contains(log.String(), test.last) {
					t.Errorf("%s, want %s; log %q, want %q", got, test.want, &log, test.last)
				}
			})
		})
	}
}

// A message without a time gets that of now.
func TestEncryptWithoutTime(t *testing.T) {
	e := newEncrypt(t, interceptor.EncryptConfig{Key: " " + strings.ToUpper(hex.EncodeToString(make([]byte, 32))) + "\n"})
	u, w := between(e)
	if err := e.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	deliver(t, e, w.sent[0])
	if len(u.got) != 1 {
		t.Error("it is not delivered")
	}
}

// The default form of Tomcats before 10.1.56, which have CBC and no time, and
// messages in clear are told from those with another key.
func TestEncryptNamesOldForms(t *testing.T) {
	stream := []byte("\xac\xed\x00\x05t\x00\x09a session")
	old := interceptor.EncryptConfig{Algorithm: "AES/CBC/PKCS5Padding", NoReplayProtection: true}
	another := old
	another.Key = strings.Repeat("cd", 16)
	for _, test := range []struct {
		name   string
		theirs *interceptor.EncryptConfig // nil: in clear
		data   []byte
		want   string
	}{
		{"old", &old, stream, "has encryptionAlgorithm AES/CBC/PKCS5Padding and no time"},
		{"another key", &another, stream, "another encryptionKey"},
		{"clear", nil, stream, "a peer has no EncryptInterceptor"},
		{"noise", nil, make([]byte, 100), "another encryptionKey"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			m := tribes.Message{Timestamp: time.Now().UnixMilli(), Data: test.data}
			if test.theirs != nil {
				if test.theirs.Key == "" {
					test.theirs.Key = key128
				}
				theirs := newEncrypt(t, *test.theirs)
				_, w := between(theirs)
				if err := theirs.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &m); err != nil {
					t.Fatal(err)
				}
				m = w.sent[0]
			}
			ours := newEncrypt(t, interceptor.EncryptConfig{Key: key128, Base: interceptor.Base{Log: slog.New(slog.NewTextHandler(&log, nil))}})
			u, _ := between(ours)
			deliver(t, ours, m)
			if text := log.String(); !strings.Contains(text, test.want) || strings.Count(text, "\n") != 1 || len(u.got) != 0 {
				t.Errorf("logged %q, want one line with %q; %d delivered", text, test.want, len(u.got))
			}
		})
	}
}
