package balancer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/front/exchange"
)

// members reads "a:OK b:ERR,DIS,v=3,d=1,redirect=a,domain=x failed" and the
// like: a member a word.
func members(text string) []view {
	var all []view
	for word := range strings.FieldsSeq(text) {
		route, rest, _ := strings.Cut(word, ":")
		v := view{route: route}
		for part := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "ERR":
				v.state = Error
			case "BUSY":
				v.state = Busy
			case "PRB":
				v.state = Probe
			case "REC":
				v.state = Recover
			case "FRC":
				v.state = Force
			case "DIS":
				v.activation = Disabled
			case "STP":
				v.activation = Stopped
			case "failed":
				v.failed = true
			case "down":
				v.down = true
			case "v":
				fmt.Sscan(value, &v.value)
			case "d":
				fmt.Sscan(value, &v.distance)
			case "redirect":
				v.redirect = value
			case "domain":
				v.domain = value
			}
		}
		all = append(all, v)
	}
	return all
}

func TestElect(t *testing.T) {
	for _, test := range []struct {
		rule, members string
		routes        []string
		holders       []string
		force         bool
		offset        int
		want          string // route, "-" for none, "!" for forced; "*" after it: sticky
	}{
		{"the smallest value", "a:v=2 b:v=1 c:v=1", nil, nil, false, 0, "b"},
		{"equal values: in turn", "a b c", nil, nil, false, 1, "b"},
		{"distance before value", "a:v=9 b:d=1", nil, nil, false, 0, "a"},
		{"members in error are out", "a:ERR b:v=5", nil, nil, false, 0, "b"},
		{"busy ones, too", "a:BUSY b:v=5", nil, nil, false, 0, "b"},
		{"and those that are probed", "a:PRB b:v=5", nil, nil, false, 0, "b"},
		{"recovering ones may have one", "a:REC b:v=5", nil, nil, false, 0, "a"},
		{"disabled ones get no new session", "a:DIS b:v=5", nil, nil, false, 0, "b"},
		{"what failed in this request", "a:failed b:v=5", nil, nil, false, 0, "b"},
		{"what is known to be down", "a:down b:v=5", nil, nil, false, 0, "b"},
		{"none", "a:ERR b:STP", nil, nil, false, 0, "-"},
		{"forced, but there is only one", "a", []string{"b"}, nil, true, 0, "a"},
		{"forced, and the only one is disabled", "a:DIS", []string{"b"}, nil, true, 0, "!"},
		{"forced, and the only one is disabled, but the session's", "a:DIS", []string{"a"}, nil, true, 0, "a*"},
		{"forced, and the only one is in error", "a:ERR", []string{"b"}, nil, true, 0, "!"},
		{"the session's member", "a b:v=9", []string{"b"}, nil, false, 0, "b*"},
		{"though it is disabled", "a b:DIS", []string{"b"}, nil, false, 0, "b*"},
		{"not if it is stopped", "a b:STP", []string{"b"}, nil, false, 0, "a"},
		{"not if it is in error", "a b:ERR", []string{"b"}, nil, false, 0, "a"},
		{"not if it is busy", "a b:BUSY", []string{"b"}, nil, false, 0, "a"},
		{"several ids: the first that works", "a b:ERR c", []string{"b", "c"}, nil, false, 0, "c*"},
		{"an unknown route", "a b", []string{"zz"}, nil, false, 1, "b"},
		{"an id without a route", "a b", []string{""}, nil, false, 1, "b"},
		{"redirect", "a b:ERR,redirect=c c:v=9", []string{"b"}, nil, false, 0, "c"},
		{"redirect to a hot standby", "a b:ERR,redirect=c c:DIS", []string{"b"}, nil, false, 0, "c"},
		{"redirect to one in error", "a b:ERR,redirect=c c:ERR", []string{"b"}, nil, false, 0, "a"},
		{"the domain of a session's member", "a b:ERR,domain=x c:domain=x,v=9", []string{"b"}, nil, false, 0, "c"},
		{"a route of the domain alone", "a c:domain=x,v=9", []string{"x.n7"}, nil, false, 0, "c"},
		{"force: its member", "a b", []string{"b"}, nil, true, 0, "b*"},
		{"force: no other", "a b:ERR", []string{"b"}, nil, true, 0, "!"},
		{"force: no redirect either", "a b:ERR,redirect=a", []string{"b"}, nil, true, 0, "!"},
		{"force: an unknown route, too", "a b", []string{"zz"}, nil, true, 0, "!"},
		{"force: no session", "a b", nil, nil, true, 1, "b"},
		{"a holder of the session", "a b:ERR c", []string{"b"}, []string{"b", "c"}, false, 0, "c"},
		{"the last resort: a redirect", "a:ERR,redirect=b b:DIS", nil, nil, false, 0, "b"},
	} {
		got := elect(members(test.members), test.routes, test.holders, test.force, test.offset, false)
		text := "-"
		if got.forced {
			text = "!"
		}
		if got.member >= 0 {
			text = members(test.members)[got.member].route
		}
		if got.sticky {
			text += "*"
		}
		if text != test.want {
			t.Errorf("%s: %s with session %q goes to %s, want %s", test.rule, test.members, test.routes, text, test.want)
		}
	}
}

func TestStateless(t *testing.T) {
	if got := elect(members("a:v=9 b"), nil, nil, false, 0, true); got.member != 0 {
		t.Errorf("stateless takes turns: member %d", got.member)
	}
}

// TestProportions: in the long run members get requests as their factors say.
func TestProportions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		factors := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 6).Draw(t, "factors")
		mults := multiples(factors)
		all := make([]view, len(factors))
		counts := make([]int, len(factors))
		sum, offset := 0, 0
		for _, f := range factors {
			sum += f
		}
		const rounds = 40
		for range sum * rounds {
			i := best(all, offset, false)
			offset = (i + 1) % len(all)
			all[i].value += mults[i]
			counts[i]++
		}
		for i, f := range factors {
			if off := counts[i] - f*rounds; off > len(factors) || off < -len(factors) {
				t.Fatalf("factors %v got %v of %d", factors, counts, sum*rounds)
			}
		}
	})
}

func TestMultiples(t *testing.T) {
	for _, test := range []struct {
		factors []int
		want    []int64
	}{{[]int{1, 3}, []int64{3, 1}}, {[]int{2, 3, 4}, []int64{6, 4, 3}}, {[]int{5}, []int64{1}}} {
		if got := multiples(test.factors); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.factors, got, test.want)
		}
	}
	huge := multiples([]int{1999993, 1999979, 1999957, 1})
	for i := range huge {
		if huge[i] < 1 || i < 3 && huge[i] >= huge[3] {
			t.Errorf("huge factors: %v", huge)
		}
	}
}

func TestSessionRoutes(t *testing.T) {
	for _, test := range []struct {
		rule, path string
		cookies    []string
		env        string
		want       []string
	}{
		{"none", "/a", nil, "", nil},
		{"a cookie", "/a", []string{"JSESSIONID=1F.n1"}, "", []string{"n1"}},
		{"among others", "/a", []string{"x=1; JSESSIONID=1F.n1; y=2"}, "", []string{"n1"}},
		{"several, in order", "/a", []string{"JSESSIONID=1.n1; JSESSIONID=2.n2", "JSESSIONID=3.n3"}, "", []string{"n1", "n2", "n3"}},
		{"after a comma", "/a", []string{"a=b,JSESSIONID=1.n1"}, "", []string{"n1"}},
		{"blanks around the equals sign", "/a", []string{"a=b; JSESSIONID = 1.n1"}, "", []string{"n1"}},
		{"in quotes", "/a", []string{`JSESSIONID="1.n1"`}, "", []string{"n1"}},
		{"the name's case counts", "/a", []string{"jsessionid=1.n1"}, "", nil},
		{"another name's end", "/a", []string{"XJSESSIONID=1.n1"}, "", nil},
		{"without a route", "/a", []string{"JSESSIONID=1F"}, "", []string{""}},
		{"empty", "/a", []string{"JSESSIONID="}, "", nil},
		{"the route begins at the first dot", "/a", []string{"JSESSIONID=1.dom.n1"}, "", []string{"dom.n1"}},
		{"path before cookie", "/a;jsessionid=1.p1", []string{"JSESSIONID=1.n1"}, "", []string{"p1"}},
		{"the parameter's end", "/a;jsessionid=1.p1;x=2/b", nil, "", []string{"p1"}},
		{"another parameter", "/a;xjsessionid=1.p1", nil, "", nil},
		{"JK_ROUTE before all", "/a;jsessionid=1.p1", nil, "e1", []string{"e1"}},
	} {
		x := &exchange.Exchange{Request: exchange.Request{Path: exchange.Path{Decoded: test.path}, Header: http.Header{"Cookie": test.cookies}}}
		if test.env != "" {
			x.Env.Set("JK_ROUTE", test.env)
		}
		if got := sessionRoutes(nil, x, "JSESSIONID", ";jsessionid"); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.rule, got, test.want)
		}
	}
}

func TestAfter(t *testing.T) {
	now := time.Unix(1000, 0)
	cfg := Recovery{RecoverTime: time.Minute, EscalationTime: 30 * time.Second, MaxReplyTimeouts: 1}
	failed := func(cause exchange.Cause, others bool) outcome {
		return outcome{at: now, cause: cause, failed: true, others: others}
	}
	for _, test := range []struct {
		rule string
		h    health
		o    outcome
		want State
	}{
		{"success", health{state: Idle}, outcome{}, OK},
		{"success of a probe", health{state: Probe}, outcome{}, OK},
		{"success while in error: another request came back", health{state: Error}, outcome{}, OK},
		{"refused", health{state: OK}, failed(exchange.CauseRefused, false), Error},
		{"refused, others active", health{state: OK}, failed(exchange.CauseRefused, true), Error},
		{"closed", health{state: OK}, failed(exchange.CauseEOF, false), Error},
		{"closed, others active", health{state: OK}, failed(exchange.CauseEOF, true), OK},
		{"closed, others active, for long", health{state: OK, firstError: now.Add(-31 * time.Second)}, failed(exchange.CauseEOF, true), Error},
		{"closed while probing", health{state: Probe}, failed(exchange.CauseEOF, true), Error},
		{"closed while forced", health{state: Force}, failed(exchange.CauseEOF, true), Error},
		{"one reply timeout", health{state: OK}, failed(exchange.CauseReplyTimeout, false), OK},
		{"one more", health{state: OK, timeouts: 1}, failed(exchange.CauseReplyTimeout, false), Error},
		{"client gone", health{state: Idle}, failed(exchange.CauseClientWrite, false), OK},
		{"client gone while in error", health{state: Error}, failed(exchange.CauseClientRead, false), Error},
		{"nonsense", health{state: OK}, failed(exchange.CauseProtocol, false), OK},
		{"nonsense while in error", health{state: Error}, failed(exchange.CauseProtocol, false), Error},
		{"busy", health{state: OK}, failed(exchange.CauseBusy, false), Busy},
		{"busy while in error", health{state: Error}, failed(exchange.CauseBusy, false), Error},
		{"fail_on_status", health{state: OK}, failed(exchange.CauseFailOnStatus, true), Error},
		{"soft", health{state: OK}, failed(exchange.CauseFailOnStatusSoft, true), OK},
	} {
		got := test.h.after(test.o, cfg)
		if got.state != test.want {
			t.Errorf("%s: %v, want %v", test.rule, got.state, test.want)
		}
		if test.want == Error && test.h.state != Error && !got.lastError.Equal(now) {
			t.Errorf("%s: the time of the error is %v", test.rule, got.lastError)
		}
		if !test.o.failed && !got.firstError.IsZero() {
			t.Errorf("%s: an old error is remembered", test.rule)
		}
	}
}
