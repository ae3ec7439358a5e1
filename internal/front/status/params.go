package status

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/internal/front/exchange"
)

const (
	maxParams = 4096     // of one request
	maxForm   = 64 << 10 // bytes of a query, and of a body
)

// params are the parameters of a request. Of one name the last counts.
type params struct {
	names  []string
	values []string
}

// errParams tells that parameters cannot be read. What stood before is kept.
const errParams = failure("Error during parsing of URI")

// get returns a parameter, and whether it is there: it may be there and empty.
func (p *params) get(name string) (value string, there bool) {
	for i := len(p.names) - 1; i >= 0; i-- {
		if p.names[i] == name {
			return p.values[i], true
		}
	}
	return "", false
}

// text returns a parameter, empty if it is not there.
func (p *params) text(name string) string {
	value, _ := p.get(name)
	return value
}

// number returns the number that a parameter begins with, and whether it is
// one that fits into 32 bits.
func (p *params) number(name string) (n int, ok bool) {
	value, there := p.get(name)
	if !there {
		return 0, false
	}
	return leading(value)
}

// leading reads what text begins with, as C's atoi does.
func leading(text string) (n int, ok bool) {
	text = strings.TrimLeft(text, " \t")
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return 0, false
	}
	end := strings.TrimLeft(digits, "0123456789")
	long, err := strconv.ParseInt(strings.TrimSuffix(text, end), 10, 32)
	return int(long), err == nil
}

// paramsOf reads the parameters of x: of its query, and of its body if that is
// a form, which count more. mod_jk reads the query only.
func paramsOf(x *exchange.Exchange) (*params, error) {
	p := &params{}
	if err := p.parse(x.Request.Query); err != nil {
		return p, err
	}
	kind, _, _ := mime.ParseMediaType(x.Request.Header.Get("Content-Type"))
	if x.Request.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return p, nil
	}
	text, err := io.ReadAll(io.LimitReader(x.Body, maxForm+1))
	if err != nil {
		return p, &exchange.Error{Cause: exchange.CauseClientRead, Err: err}
	}
	return p, p.parse(string(text))
}

// parse reads a=1&b=2 into p. Names are taken as they are, values decoded; a
// part without "=" is passed over. Bytes that could become markup, or end a
// line or a quoted value of an answer, become "@".
//
// Source: mod_jk common/jk_status.c, as seen at work.
func (p *params) parse(text string) error {
	if len(text) > maxForm {
		return errParams
	}
	for part := range strings.SplitSeq(text, "&") {
		name, raw, pair := strings.Cut(part, "=")
		if !pair || name == "" {
			continue
		}
		value, ok := decoded(raw)
		if !ok || len(p.names) >= maxParams {
			return errParams
		}
		p.names, p.values = append(p.names, name), append(p.values, value)
	}
	return nil
}

// decoded undoes the encoding of a form. It reports false for a bad escape,
// and for a NUL.
func decoded(raw string) (string, bool) {
	if !strings.ContainsAny(raw, "%+") && !strings.ContainsFunc(raw, masks) && utf8.ValidString(raw) {
		return raw, true
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(raw) {
				return "", false
			}
			n, err := strconv.ParseUint(raw[i+1:i+3], 16, 8)
			if err != nil || n == 0 {
				return "", false
			}
			c, i = byte(n), i+2
		}
		if masks(rune(c)) {
			c = '@'
		}
		b = append(b, c)
	}
	return strings.ToValidUTF8(string(b), "@"), true
}

func masks(c rune) bool {
	return c < ' ' || c == 0x7f || slices.Contains([]rune{'<', '>', '?', '"'}, c)
}
