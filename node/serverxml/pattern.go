package serverxml

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// javaPattern compiles a regular expression of Java so that it matches whole
// texts. What Go's engine does not know, or reads otherwise, is an error.
func javaPattern(text string) (*regexp.Regexp, error) {
	if err := readsAlike(text); err != nil {
		return nil, err
	}
	if _, err := regexp.Compile(text); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return regexp.Compile(`\A(?:` + text + `)\z`)
}

// readsAlike finds what Java and Go take for different things.
func readsAlike(text string) error {
	class := 0 // where [ stands, from 1 on; 0 is outside
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, `\Q`):
			end := strings.Index(rest, `\E`)
			if end < 0 {
				return nil
			}
			i += end + 1
		case text[i] == '\\':
			i++
		case class > 0 && (text[i] == '[' || strings.HasPrefix(rest, "&&")):
			return fmt.Errorf("%s in [ ] is not taken", rest[:min(2, len(rest))])
		case class > 0 && text[i] == ']' && i > class:
			class = 0
		case class == 0 && text[i] == '[':
			class = i + 1
			if strings.HasPrefix(text[class:], "^") {
				class++
			}
		}
	}
	return nil
}

// pattern reads a regular expression of Java.
func (g given) pattern() *regexp.Regexp {
	re, err := javaPattern(g.Value)
	if err != nil {
		if unset(g.Value) != "" {
			g.wrong("")
			return nil
		}
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s is no regular expression that is known here: %v", g.Name, quoteXML(g.Value), err),
			`write it without (?=…), (?!…), (?<…), possessive quantifiers and \1, and without [ or && in [ ]: Go does not know them`)
	}
	return re
}
