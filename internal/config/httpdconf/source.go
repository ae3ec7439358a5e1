package httpdconf

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A source gives lines: a file, the lines of the command line, or a macro.
type source struct {
	lines []*line
	next  int
}

const utf8BOM = "\xef\xbb\xbf"

// fromText cuts the content of a file into lines and joins those that a
// backslash continues.
//
// Source: httpd server/util.c, ap_cfg_getline_core.
func (p *parser) fromText(file string, content []byte) *source {
	text := string(content)
	if p.otherEncoding(file, content) {
		return &source{}
	}
	if after, found := strings.CutPrefix(text, utf8BOM); found {
		p.add(mistake.Mistake{
			Pos: mistake.Pos{File: file, Line: 1, Col: 1}, Severity: mistake.Warning,
			Text: "the file begins with a byte order mark, which httpd takes for a part of the first name",
			Fix:  "save it as UTF-8 without byte order mark",
		})
		return p.joinLines(file, after, len(utf8BOM))
	}
	return p.joinLines(file, text, 0)
}

// otherEncoding reports a file that is no text for httpd.
func (p *parser) otherEncoding(file string, content []byte) bool {
	at := mistake.Pos{File: file, Line: 1, Col: 1}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		p.add(mistake.Mistake{Pos: at, Text: "the file is UTF-16, which httpd cannot read", Fix: "save it as UTF-8"})
		return true
	}
	zero := bytes.IndexByte(content, 0)
	if zero < 0 {
		return false
	}
	before := content[:zero]
	at.Line = 1 + bytes.Count(before, []byte("\n"))
	at.Col = zero - bytes.LastIndexByte(before, '\n')
	p.add(mistake.Mistake{Pos: at, Text: "the file has a zero byte: it is not text", Fix: "check that this is the right file"})
	return true
}

// joinLines makes lines of text. The first line of the file lost skipped
// bytes at its start.
func (p *parser) joinLines(file, text string, skipped int) *source {
	s := &source{}
	rest, number, done := text, 0, text == ""
	for !done {
		if !p.spendLine(file, number+1) {
			return s
		}
		l := &line{file: file, first: number + 1}
		var joined strings.Builder
		var written []string
		for more := true; more && !done; {
			number++
			var one string
			one, rest, _ = strings.Cut(rest, "\n")
			done = rest == ""
			one = strings.TrimSuffix(one, "\r")
			col := 1
			if number == 1 {
				col += skipped
			}
			l.spans = append(l.spans, span{joined.Len(), number, col, false})
			written = append(written, strings.Repeat("\ufeff", (col-1)/len(utf8BOM))+one)
			one, more = strings.CutSuffix(one, `\`)
			joined.WriteString(one)
		}
		l.text, l.written = joined.String(), strings.Join(written, "\n")
		p.checkJoins(l)
		s.lines = append(s.lines, l)
	}
	return s
}

// fromOptions makes lines of what -C or -c gave.
func (p *parser) fromOptions(file string, options []string) *source {
	return p.joinLines(file, strings.Join(options, "\n"), 0)
}

// checkJoins warns of a comment that swallows a line, and of a backslash that
// a blank keeps from joining lines.
func (p *parser) checkJoins(l *line) {
	start := skipBlanks(l.text, 0)
	comment := start < len(l.text) && l.text[start] == '#'
	if comment && len(l.spans) > 1 {
		second := l.spans[1]
		end := len(l.text)
		if len(l.spans) > 2 {
			end = l.spans[2].offset
		}
		swallowed := strings.TrimSpace(l.text[second.offset:end])
		if swallowed != "" && swallowed[0] != '#' {
			p.warn(l, second.offset, "", fmt.Sprintf("this line belongs to the comment of line %d, which ends in a backslash", l.first),
				"remove the backslash if the line is meant")
		}
	}
	end := trimEnd(l.text)
	if !comment && end < len(l.text) && end > 0 && l.text[end-1] == '\\' {
		p.warn(l, end-1, "", "a blank after the backslash: the line is not continued", "remove the blank, or the backslash")
	}
}
