package serverxml

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A scanner goes through the bytes of a file, which are checked to be of its
// encoding.
type scanner struct {
	file   string
	src    []byte
	at     int   // offset of the next byte
	starts []int // of lines
	latin1 bool  // each byte is a letter of ISO-8859-1; else src is UTF-8
}

func (s *scanner) end() bool            { return s.at >= len(s.src) }
func (s *scanner) has(text string) bool { return bytes.HasPrefix(s.src[s.at:], []byte(text)) }

// take goes past text, if it is what follows.
func (s *scanner) take(text string) bool {
	if !s.has(text) {
		return false
	}
	s.at += len(text)
	return true
}

// blanks goes past blanks, and reports whether there were any.
func (s *scanner) blanks() bool {
	start := s.at
	for !s.end() && strings.IndexByte(" \t\r\n", s.src[s.at]) >= 0 {
		s.at++
	}
	return s.at > start
}

// name reads a name. Those of Tomcat's files are of ASCII letters.
func (s *scanner) name(after, what, fix string) (string, *mistake.Mistake) {
	start := s.at
	for !s.end() && nameByte(s.src[s.at], s.at == start) {
		s.at++
	}
	if s.at == start {
		return "", s.wrong(start-len(after), what+" has to stand here", fix)
	}
	return string(s.src[start:s.at]), nil
}

func nameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
		return true
	}
	return !first && (c >= '0' && c <= '9' || c == '-' || c == '.')
}

// until returns the text up to the next end, and goes past that.
func (s *scanner) until(end, what string) (string, *mistake.Mistake) {
	start := s.at
	i := bytes.Index(s.src[s.at:], []byte(end))
	if i < 0 {
		return "", s.wrong(start, what+" has no "+end, "")
	}
	s.at += i + len(end)
	return s.decode(s.src[start : start+i]), nil
}

// comment goes past <!-- … -->.
func (s *scanner) comment() *mistake.Mistake {
	start := s.at
	s.at += len("<!--")
	i := bytes.Index(s.src[s.at:], []byte("--"))
	switch {
	case i < 0:
		return s.wrong(start, "the comment has no -->", "")
	case !bytes.HasPrefix(s.src[s.at+i:], []byte("-->")):
		return s.wrong(s.at+i, fmt.Sprintf("a comment, here of line %d, may not have -- in it", s.pos(start).Line), "end it with -->, or write - - for it; comments do not nest")
	}
	s.at += i + len("-->")
	return nil
}

// instruction goes past <? … ?>.
func (s *scanner) instruction() *mistake.Mistake {
	start := s.at
	s.at += len("<?")
	target, err := s.name("<?", "the name of an instruction", "")
	if err != nil {
		return err
	}
	if strings.EqualFold(target, "xml") {
		return s.wrong(start, "<?xml …?> may only be the very beginning of the file", "remove what stands before it, also blanks and empty lines")
	}
	if !s.has("?>") && !s.blanks() {
		return s.wrong(s.at, "a blank is missing", "")
	}
	_, err = s.until("?>", "<?"+target)
	return err
}

// cdata returns what <![CDATA[ … ]]> holds.
func (s *scanner) cdata() ([]byte, *mistake.Mistake) {
	s.at += len("<![CDATA[")
	text, err := s.until("]]>", "<![CDATA[")
	return []byte(lines.Replace(text)), err
}

// lines makes every line end as XML has it.
var lines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// pos returns the place of an offset.
func (s *scanner) pos(offset int) mistake.Pos {
	if s.starts == nil {
		s.starts = append(s.starts, 0)
		for i, c := range s.src {
			if c == '\n' {
				s.starts = append(s.starts, i+1)
			}
		}
	}
	line := sort.SearchInts(s.starts, offset+1)
	return mistake.Pos{File: s.file, Line: line, Col: offset - s.starts[line-1] + 1}
}

// offset returns what pos was made of.
func (s *scanner) offset(pos mistake.Pos) int { return s.starts[pos.Line-1] + pos.Col - 1 }

// wrong returns a mistake at an offset, with its line.
func (s *scanner) wrong(offset int, text, fix string) *mistake.Mistake {
	pos := s.pos(offset)
	line := s.src[s.starts[pos.Line-1]:]
	if i := slices.Index(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return &mistake.Mistake{Pos: pos, Text: text, Fix: fix, Line: string(bytes.TrimRight(line, "\r"))}
}
