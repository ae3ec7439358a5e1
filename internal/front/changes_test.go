package front

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/privilege"
)

// TestResume: what the operator changed in one process holds in the next one,
// but for what the files say otherwise now.
func TestResume(t *testing.T) {
	var kept []string
	keep := func(changes []byte) error { kept = append(kept, string(changes)); return nil }
	one := configure(t, echo, func(cfg *Config) {
		cfg.Workers.AJP[0].Lines = overlay.Lines{"reply_timeout": "0"}
		cfg.Workers.Balancers[0].Members[1].Lines = overlay.Lines{"lbfactor": "1"}
	})
	begin(t, one, nil, keep)
	update(t, one, "w=lb&sw=n1&vwa=D&vart=7000")
	update(t, one, "w=lb&sw=n2&vwf=3")
	update(t, one, "w=lb&vlr=5")
	update(t, one, "w=lb&vlr=5") // nothing new
	if err := one.front.Reload(t.Context(), one.cfg); err != nil {
		t.Fatal(err)
	}
	last := kept[len(kept)-1]
	if len(kept) < 4 || kept[2] != last {
		t.Errorf("kept %q", kept)
	}

	two := configure(t, echo, func(cfg *Config) {
		cfg.Workers.AJP[0].Lines = overlay.Lines{"reply_timeout": "0"}
		cfg.Workers.Balancers[0].Members[1].Lines = overlay.Lines{"lbfactor": "2"}
	})
	kept = nil
	begin(t, two, []byte(last), keep)
	_, _, body := two.get(t, "/status?mime=txt&cmd=show&w=lb")
	for _, want := range []string{"activation=DIS lbfactor=1", "activation=ACT lbfactor=1", "reply_timeout=7000", "retries=5 recover"} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s:\n%s", want, body)
		}
	}
	if len(kept) != 1 || strings.Contains(kept[0], "lbfactor") || !strings.Contains(kept[0], "reply_timeout") {
		t.Errorf("kept %q", kept)
	}
	log := two.log(t, "jk.log")
	for _, want := range []string{
		`still holds over the file setting="worker.n1.activation in lb" is=DIS file=ACT`,
		"still holds over the file setting=worker.n1.reply_timeout is=7000 file=0",
		`has ended, since the file says something else setting="worker.n2.lbfactor in lb" was=3`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	update(t, two, "w=lb&sw=n1&vwa=A&vart=0")
	update(t, two, "w=lb&vlr=2")
	if last := kept[len(kept)-1]; last != "" {
		t.Errorf("all is as in the file, and kept is %s", last)
	}
}

// begin starts a front with what another process left.
func begin(t *testing.T, f *fixture, changes []byte, keep func([]byte) error) {
	t.Helper()
	var err error
	if f.front, err = New(f.cfg, privilege.Direct{}); err != nil {
		t.Fatal(err)
	}
	f.front.Resume(changes, keep)
	f.run(t)
}

// update changes something on the status page.
func update(t *testing.T, f *fixture, query string) {
	t.Helper()
	if _, _, body := f.get(t, "/status?mime=txt&cmd=update&"+query); !strings.Contains(body, "type=OK") {
		t.Fatalf("%s: %s", query, body)
	}
}

// TestNotKept: that changes cannot be kept is told, and they hold.
func TestNotKept(t *testing.T) {
	f := configure(t, echo, nil)
	begin(t, f, []byte("nonsense"), func([]byte) error { return errors.New("no room") })
	update(t, f, "w=lb&vlr=5")
	if log := f.log(t, "jk.log"); !strings.Contains(log, "would be lost with this process") || !strings.Contains(log, "no room") {
		t.Error(log)
	}
	if log := f.log(t, "error_log"); !strings.Contains(log, "the changes made on the status page are lost") {
		t.Error(log)
	}
}

// TestParseChanges: what the page would not have taken is left out.
func TestParseChanges(t *testing.T) {
	c, err := parseChanges([]byte(`{"balancers":{"lb":{
		"balancer":[{"key":"retries","text":"5","over":"retries=1\n"},{"key":"retries","text":"6"},{"key":"method","text":"Traffic"},{"key":"secret","text":"x"}],
		"members":{"n1":[{"key":"lbfactor","text":"0"},{"key":"lbfactor","text":"-1"},{"key":"activation","text":"D"},{"key":"activation","text":"DIS"},
			{"key":"route","text":"a\nb"},{"key":"domain","text":"` + strings.Repeat("x", 61) + `"},{"key":"distance","text":"1 "}]}}},
		"workers":{"n1":[{"key":"port","text":"65536"},{"key":"max_packet_size","text":"99999999"},{"key":"host","text":"10.0.0.1"},{"key":"lbfactor","text":"1"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"balancers":{"lb":{"balancer":[{"key":"retries","text":"5","over":"retries=1\n"},{"key":"method","text":"Traffic"}],` +
		`"members":{"n1":[{"key":"activation","text":"DIS"}]}}},"workers":{"n1":[{"key":"host","text":"10.0.0.1"}]}}`
	if got := string(c.marshal()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func FuzzParseChanges(f *testing.F) {
	f.Add([]byte(`{"balancers":{"lb":{"balancer":[{"key":"retries","text":"5"}],"members":{"n1":[{"key":"route","text":"x"}]}}},"workers":{"n1":[{"key":"port","text":"1"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseChanges(text)
		if err != nil {
			return
		}
		written := c.marshal()
		if written == nil {
			return
		}
		again, err := parseChanges(written)
		if err != nil || string(again.marshal()) != string(written) {
			t.Errorf("%s became %s, %v: %s", written, again.marshal(), err, cmp.Diff(c, again))
		}
	})
}
