package config

import (
	"net/textproto"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// headerRows are the directives that change headers.
var headerRows = []row{
	{"Header", anywhere, anyNumber, "", header, "Headers of answers: set, append, merge, add, unset, echo, edit, edit*, setifempty, note; always, env=, and %t %D %{VAR}e %{VAR}s in values.", "interop TestHeaders"},
	{"RequestHeader", anywhere, anyNumber, "", header, "The same for the headers that containers get; early ones come before SetEnvIf.", "interop TestHeaders"},
}

var headerActions = map[string]settings.HeaderAction{
	"set": settings.HeaderSet, "append": settings.HeaderAppend, "merge": settings.HeaderMerge, "add": settings.HeaderAdd, "unset": settings.HeaderUnset,
	"echo": settings.HeaderEcho, "edit": settings.HeaderEdit, "edit*": settings.HeaderEditAll, "setifempty": settings.HeaderSetIfEmpty, "note": settings.HeaderNote,
}

// A headerLine is one Header or RequestHeader while it is read.
type headerLine struct {
	settings.HeaderOp
	d         *httpdconf.Directive
	args      []httpdconf.Arg // what is not read yet
	ofRequest bool
	always    bool
	early     bool
	lacks     string // what it has that catflap does not know
}

// header reads Header and RequestHeader.
//
// Source: httpd modules/metadata/mod_headers.c, header_cmd and
// header_inout_cmd, as seen at work.
func header(l *loader, p place, d *httpdconf.Directive) {
	h := headerLine{d: d, args: d.Args, ofRequest: strings.EqualFold(d.Name, "RequestHeader")}
	h.Place = line(d)
	if !l.headerAction(&h) || !l.headerValue(&h) || !l.headerCondition(&h) {
		return
	}
	if why := h.impossible(p); why != "" {
		l.unsupported(d, d.Pos, d.Name+" "+d.Raw+": "+why, "")
		return
	}
	if h.early {
		p.scope.early = append(p.scope.early, h.HeaderOp)
		return
	}
	if p.layer.Headers == nil {
		p.layer.Headers = &settings.Headers{}
	}
	list := &p.layer.Headers.Success
	switch {
	case h.ofRequest:
		list = &p.layer.Headers.Request
	case h.always:
		list = &p.layer.Headers.Always
	}
	*list = append(*list, h.HeaderOp)
}

// impossible says why a line has no effect, "" if it has one.
func (h *headerLine) impossible(p place) string {
	framing := []string{"Content-Length", "Transfer-Encoding", "Trailer"}
	if h.ofRequest {
		framing = append(framing, "Connection", "Keep-Alive", "Te", "Upgrade", "Expect")
	}
	switch {
	case h.lacks != "":
		return "catflap does not know " + h.lacks + "; the header is not changed"
	case h.early && (!h.ofRequest || p.in&topLevels == 0):
		return "early has no effect here"
	case h.Name == "":
		return "there is no name"
	case h.Action != settings.HeaderNote && slices.Contains(framing, h.Name):
		return h.Name + " is about the connection, and is not changed"
	case !h.ofRequest && h.Action != settings.HeaderNote && (h.Name == "Server" || h.Name == "Date"):
		return h.Name + " is what it is, as in httpd"
	}
	return ""
}

// take takes the next argument, "" if there is none.
func (h *headerLine) take() string {
	if len(h.args) == 0 {
		return ""
	}
	text := h.args[0].Text
	h.args = h.args[1:]
	return text
}

// headerAction reads up to the name.
func (l *loader) headerAction(h *headerLine) bool {
	word := strings.ToLower(h.take())
	if !h.ofRequest && (word == "always" || word == "onsuccess") {
		h.always = word == "always"
		word = strings.ToLower(h.take())
	}
	action, ok := headerActions[word]
	switch {
	case !ok:
		l.fail(h.d, h.d.Pos, "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.", near(word, []string{"add", "set", "setifempty", "append", "merge", "unset", "echo", "note", "edit"}))
		return false
	case h.ofRequest && action == settings.HeaderEcho:
		l.fail(h.d, h.d.Pos, "Header echo only valid on Header directives", "")
		return false
	case h.ofRequest && action == settings.HeaderNote:
		l.fail(h.d, h.d.Pos, "RequestHeader does not support the 'note' action", "")
		return false
	}
	h.Action = action
	h.Name = textproto.CanonicalMIMEHeaderKey(strings.TrimSuffix(h.take(), ":"))
	return true
}

// headerValue reads what belongs to the action.
func (l *loader) headerValue(h *headerLine) bool {
	switch h.Action {
	case settings.HeaderUnset:
		return true
	case settings.HeaderEcho:
		h.Name = "any"
		return l.headerRegex(h, h.place(-1), true, "Header echo regex could not be compiled")
	case settings.HeaderEdit, settings.HeaderEditAll:
		if len(h.args) < 2 {
			l.fail(h.d, h.d.Pos, "Header edit requires a match and a substitution", "")
			return false
		}
		if !l.headerRegex(h, h.place(0), false, "Header edit regex could not be compiled") {
			return false
		}
		h.take()
		if !l.headerFormat(h) {
			return false
		}
		if len(h.Value) == 1 && h.Value[0].Kind == settings.HeaderText {
			h.Match = regex.ParseTemplate(h.Value[0].Text)
		}
		return true
	}
	if len(h.args) == 0 {
		l.fail(h.d, h.d.Pos, "Header requires three arguments", "write "+h.d.Name+" "+strings.ToLower(h.d.Args[0].Text)+" NAME VALUE")
		return false
	}
	return l.headerFormat(h)
}

// place is the index in d.Args of the i-th argument that is not read yet.
func (h *headerLine) place(i int) int { return len(h.d.Args) - len(h.args) + i }

// headerRegex compiles argument i of d.
func (l *loader) headerRegex(h *headerLine, i int, fold bool, words string) bool {
	pattern, err := regex.Compile(arg(h.d, i), fold)
	if err != nil {
		l.fail(h.d, at(h.d, i), words, err.Error())
		return false
	}
	h.Pattern = pattern
	return true
}

// headerFormat reads a value: text with %t, %D, %{NAME}e and %{NAME}s.
//
// Source: httpd modules/metadata/mod_headers.c, parse_format_string.
func (l *loader) headerFormat(h *headerLine) bool {
	i := h.place(0)
	format := h.take()
	if strings.HasPrefix(format, "expr=") {
		h.lacks = "expressions yet"
		return true
	}
	var text []byte
	flush := func() {
		if len(text) > 0 {
			h.Value, text = append(h.Value, settings.HeaderPart{Text: string(text)}), nil
		}
	}
	for at := 0; at < len(format); at++ {
		c := format[at]
		switch {
		case c == '\\' && at+1 < len(format) && strings.IndexByte(`\rnt`, format[at+1]) >= 0:
			at++
			text = append(text, map[byte]byte{'\\': '\\', 'r': ' ', 'n': ' ', 't': '\t'}[format[at]]) // no header has line breaks
			continue
		case c != '%' || at+1 == len(format):
			text = append(text, c)
			continue
		}
		part, length, ok := headerPart(format[at+1:])
		if !ok {
			l.headerUnknown(h.d, i, format[at+1:])
			return false
		}
		at += length
		switch part.Kind {
		case settings.HeaderText:
			text = append(text, part.Text...)
		case unknownPart:
			h.lacks = "%l, %i and %b"
		default:
			flush()
			h.Value = append(h.Value, part)
		}
	}
	flush()
	if h.Value == nil {
		h.Value = []settings.HeaderPart{{}}
	}
	return true
}

// unknownPart is a format of httpd's that catflap does not have.
const unknownPart settings.HeaderPartKind = -1

// headerPart reads what follows a "%".
func headerPart(s string) (part settings.HeaderPart, length int, ok bool) {
	if s[0] == '{' {
		end := strings.IndexByte(s, '}')
		if end < 0 || end+1 == len(s) {
			return part, 0, false
		}
		part.Text, length = s[1:end], end+1
	}
	length++
	switch s[length-1] {
	case '%':
		part.Text = "%"
	case 't':
		part.Kind = settings.HeaderBegan
	case 'D':
		part.Kind = settings.HeaderTook
	case 'e':
		part.Kind = settings.HeaderVariable
	case 's':
		part.Kind = settings.HeaderTLS
	case 'l', 'i', 'b':
		part.Kind = unknownPart
	default:
		return part, 0, false
	}
	return part, length, true
}

// headerUnknown says that httpd knows no such format.
func (l *loader) headerUnknown(d *httpdconf.Directive, i int, rest string) {
	letter := ""
	if rest[0] == '{' {
		if end := strings.IndexByte(rest, '}'); end >= 0 && end+1 < len(rest) {
			letter = rest[end+1 : end+2]
		}
	} else {
		letter = rest[:1]
	}
	l.fail(d, at(d, i), "Unrecognized header format %"+letter, "a percent sign is written %%")
}

// headerCondition reads what follows the value.
func (l *loader) headerCondition(h *headerLine) bool {
	if len(h.args) == 0 {
		return true
	}
	i := h.place(0)
	word := h.take()
	key, value, _ := strings.Cut(word, "=")
	switch key = strings.ToLower(key); {
	case strings.EqualFold(word, "early"):
		h.early = true
	case key == "expr" && word != key:
		h.lacks = "expressions yet"
	case key != "env" || word == key:
		l.fail(h.d, at(h.d, i), "Unknown parameter: "+word, "put a value with blanks in quotes")
		return false
	case value == "":
		l.fail(h.d, at(h.d, i), "error: missing environment variable name. envclause should be in the form env=envar", "")
		return false
	default:
		h.Env = value
	}
	if len(h.args) > 0 {
		l.fail(h.d, at(h.d, i+1), "Unknown parameter: "+h.args[0].Text, "")
		return false
	}
	return true
}
