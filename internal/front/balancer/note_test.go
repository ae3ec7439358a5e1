package balancer

import (
	"errors"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
)

// TestNotes: mod_jk's notes tell of the member elected first and of the one
// elected last.
func TestNotes(t *testing.T) {
	b, nodes := group(t, 2, nil)
	nodes[0].fail(exchange.CauseRefused)
	x := request("GET", "", "")
	if _, err := send(b, x); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"JK_LB_FIRST_NAME": "a", "JK_LB_FIRST_STATE": "ERR", "JK_LB_FIRST_ERRORS": "1", "JK_LB_FIRST_BUSY": "0",
		"JK_LB_LAST_NAME": "b", "JK_LB_LAST_STATE": "OK", "JK_LB_LAST_ERRORS": "0", "JK_LB_LAST_VALUE": "1", "JK_LB_LAST_ACCESSED": "1",
		"JK_LB_LAST_SESSIONS": "1", "JK_LB_LAST_ACTIVATION": "ACT", "JK_LB_LAST_READ": "7", "JK_LB_LAST_TRANSFERRED": "8",
	} {
		if got, ok := x.Note(name); got != want || !ok {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got, ok := x.Note("JK_LB_LAST_NOTHING"); ok {
		t.Errorf("JK_LB_LAST_NOTHING is %q", got)
	}
}

// TestAllFailed: the error of a request that every member failed says so; one
// that may not be repeated is that of its member.
func TestAllFailed(t *testing.T) {
	b, nodes := group(t, 2, func(c *Config) { c.Retries = 1 })
	for _, n := range nodes {
		n.fail(exchange.CauseEOF)
	}
	for method, want := range map[string]bool{"GET": true, "POST": false} {
		_, err := send(b, request(method, "", ""))
		failure, ok := errors.AsType[*exchange.Error](err)
		if !ok || failure.Cause != exchange.CauseEOF || failure.AllFailed != want {
			t.Errorf("%s: %+v", method, err)
		}
	}
}
