// Package headers changes headers. What comes in is an Exchange with its
// settings merged, what goes out are the headers of its request as the worker
// gets them, or of its answer as the client does: Header and RequestHeader.
package headers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// Request changes the headers of x's request.
//
// Source: httpd modules/metadata/mod_headers.c, ap_headers_fixup.
func Request(x *exchange.Exchange, ops []settings.HeaderOp) {
	h := x.Request.Header
	for i := range ops {
		op := &ops[i]
		if op.Name != "Host" {
			do(op, x, h, h)
			keep(op, h)
			continue
		}
		host := http.Header{}
		if x.Request.HostHeader != "" {
			host["Host"] = []string{x.Request.HostHeader}
		}
		do(op, x, host, h)
		x.Request.HostHeader = strings.Join(host["Host"], ", ")
	}
}

// keep lets what op made of a request's header reach the container: naming it
// in Connection must not give clients a way to take it off again.
func keep(op *settings.HeaderOp, h http.Header) {
	named, ok := h["Connection"]
	if !ok || op.Action == settings.HeaderUnset || op.Action == settings.HeaderNote {
		return
	}
	kept := make([]string, len(named))
	for i, value := range named {
		tokens := slices.DeleteFunc(strings.Split(value, ","), func(token string) bool { return strings.EqualFold(strings.TrimSpace(token), op.Name) })
		kept[i] = strings.Join(tokens, ",")
	}
	h["Connection"] = kept
}

// Response changes the headers h of x's answer, just before they leave. made
// tells that it is a page that the front made up, an error or a redirect: only
// what Header always says is for those, and it sees none of their headers.
//
// httpd has two tables: what handlers set and Header changes, and what Header
// always changes. Both leave, so that a name can come twice.
//
// Source: httpd modules/metadata/mod_headers.c, ap_headers_output_filter,
// ap_headers_error_filter; server/protocol.c, ap_send_error_response, as seen
// at work.
func Response(x *exchange.Exchange, h http.Header, s *settings.Headers, made bool) {
	var always http.Header
	if len(s.Always) > 0 {
		always = http.Header{}
		const challenge = "Www-Authenticate"
		if made && h[challenge] != nil {
			always[challenge] = h[challenge]
			delete(h, challenge)
		}
		for i := range s.Always {
			do(&s.Always[i], x, table(&s.Always[i], always, h), x.Request.Header)
		}
	}
	if !made {
		for i := range s.Success {
			do(&s.Success[i], x, h, x.Request.Header)
		}
	}
	for name, values := range always {
		h[name] = slices.Concat(values, h[name])
	}
}

// table is where an op of Header always looks: there is only one Content-Type.
func table(op *settings.HeaderOp, always, h http.Header) http.Header {
	if op.Name == "Content-Type" {
		return h
	}
	return always
}

// do carries op out on h; asked are the request's headers.
//
// Source: httpd modules/metadata/mod_headers.c, do_headers_fixup.
func do(op *settings.HeaderOp, x *exchange.Exchange, h, asked http.Header) {
	if op.Env != "" {
		name, not := strings.CutPrefix(op.Env, "!")
		if _, set := x.Lookup(name); set == not {
			return
		}
	}
	values := h[op.Name]
	switch op.Action {
	case settings.HeaderSet:
		h[op.Name] = []string{text(op, x)}
	case settings.HeaderSetIfEmpty:
		if len(values) == 0 {
			h[op.Name] = []string{text(op, x)}
		}
	case settings.HeaderAdd:
		h[op.Name] = append(slices.Clip(values), text(op, x))
	case settings.HeaderAppend:
		appendTo(h, op.Name, text(op, x))
	case settings.HeaderMerge:
		if value := text(op, x); len(values) == 0 || !holds(values[0], value) {
			appendTo(h, op.Name, value)
		}
	case settings.HeaderUnset:
		unset(h, op.Name)
	case settings.HeaderEcho:
		echo(op, h, asked)
	case settings.HeaderNote:
		if len(values) > 0 {
			x.Notes.Set(text(op, x), values[0])
		}
	case settings.HeaderEdit, settings.HeaderEditAll:
		edit(op, x, h, values)
	}
}

// appendTo appends value to the first header of a name.
func appendTo(h http.Header, name, value string) {
	values := h[name]
	if len(values) == 0 {
		h[name] = []string{value}
		return
	}
	changed := slices.Clone(values)
	changed[0] += ", " + value
	h[name] = changed
}

// holds reports whether a list has value already.
func holds(list, value string) bool {
	value = strings.TrimSpace(value)
	quoted := false
	for list != "" {
		end := strings.IndexFunc(list, func(c rune) bool {
			if c == '"' {
				quoted = !quoted
			}
			return c == ',' && !quoted
		})
		item, rest := list, ""
		if end >= 0 {
			item, rest = list[:end], list[end+1:]
		}
		if strings.TrimSpace(item) == value {
			return true
		}
		list = rest
	}
	return false
}

// unset takes a header away. A Content-Type must not be guessed then.
func unset(h http.Header, name string) {
	if name == "Content-Type" {
		h[name] = nil
		return
	}
	delete(h, name)
}

// echo adds the request's headers whose names match.
func echo(op *settings.HeaderOp, h, asked http.Header) {
	for name, values := range asked {
		if matched, err := op.Pattern.Match(name); matched && err == nil {
			h[name] = append(slices.Clip(h[name]), exchange.Joined(name, values))
		}
	}
}

// edit changes what matches in each of values. One whose regular expression
// takes too long stays as it is.
func edit(op *settings.HeaderOp, x *exchange.Exchange, h http.Header, values []string) {
	if len(values) == 0 {
		return
	}
	to := op.Match
	if to == nil {
		to = regex.ParseTemplate(text(op, x))
	}
	changed := make([]string, len(values))
	for i, value := range values {
		changed[i] = edited(op, to, value)
	}
	h[op.Name] = changed
}

func edited(op *settings.HeaderOp, to *regex.Template, value string) string {
	var b []byte
	rest := value
	for {
		found, err := op.Pattern.Find(rest)
		if found == nil || err != nil {
			break
		}
		b = append(b, rest[:found[0]]...)
		b = to.Append(b, rest, found)
		rest = rest[found[1]:]
		if op.Action == settings.HeaderEdit || found[0] == found[1] || rest == "" {
			break
		}
	}
	if rest == value && b == nil {
		return value
	}
	return string(append(b, rest...))
}

// text is what the value of op comes to for x.
func text(op *settings.HeaderOp, x *exchange.Exchange) string {
	if len(op.Value) == 1 && op.Value[0].Kind == settings.HeaderText {
		return op.Value[0].Text
	}
	var b []byte
	for i := range op.Value {
		switch p := &op.Value[i]; p.Kind {
		case settings.HeaderText:
			b = append(b, p.Text...)
		case settings.HeaderBegan:
			b = strconv.AppendInt(append(b, "t="...), x.Began.UnixMicro(), 10)
		case settings.HeaderTook:
			b = strconv.AppendInt(append(b, "D="...), time.Since(x.Began).Microseconds(), 10)
		case settings.HeaderVariable:
			if value, set := x.Lookup(p.Text); set {
				b = append(b, value...)
			} else {
				b = append(b, "(null)"...)
			}
		case settings.HeaderTLS:
			b = append(b, cmp.Or(x.SSLVariable(p.Text), "(null)")...)
		}
	}
	return string(b)
}
