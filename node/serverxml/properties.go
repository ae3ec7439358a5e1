package serverxml

import (
	"path/filepath"
	"strconv"
	"strings"
)

// catalinaProperties reads conf/catalina.properties, whose entries Tomcat makes
// system properties.
func (l *loader) catalinaProperties() map[string]string {
	text, err := readText(filepath.Join(l.o.Base, "conf", "catalina.properties"))
	if err != nil {
		return nil
	}
	return javaProperties(string(text))
}

// javaProperties reads the entries of a file of Java's properties.
//
// Source: java.util.Properties.load. Letters that are not of ASCII are taken as
// UTF-8.
func javaProperties(text string) map[string]string {
	all := map[string]string{}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for text != "" {
		var line string
		line, text = logicalLine(text)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		end := keyEnd(line)
		value := strings.TrimLeft(line[end:], " \t\f")
		if value != "" && (value[0] == '=' || value[0] == ':') {
			value = strings.TrimLeft(value[1:], " \t\f")
		}
		all[unescapeJava(line[:end])] = unescapeJava(value)
	}
	return all
}

// logicalLine returns the first line of text with those that go on with it, and
// the rest.
func logicalLine(text string) (line, rest string) {
	var b strings.Builder
	for {
		part, after, _ := strings.Cut(text, "\n")
		part = strings.TrimLeft(part, " \t\f")
		text = after
		slashes := len(part) - len(strings.TrimRight(part, `\`))
		comment := b.Len() == 0 && (strings.HasPrefix(part, "#") || strings.HasPrefix(part, "!"))
		goesOn := slashes%2 == 1 && !comment
		if goesOn {
			part = part[:len(part)-1]
		}
		b.WriteString(part)
		if !goesOn || text == "" {
			return b.String(), text
		}
	}
}

// keyEnd is where the key of a line ends.
func keyEnd(line string) int {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '=', ':', ' ', '\t', '\f':
			return i
		}
	}
	return len(line)
}

// unescapeJava replaces what begins with a backslash.
func unescapeJava(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 't', 'n', 'r', 'f':
			b.WriteByte("\t\n\r\f"[strings.IndexByte("tnrf", c)])
		case 'u':
			if n, err := strconv.ParseUint(s[i+1:min(i+5, len(s))], 16, 16); err == nil && i+5 <= len(s) {
				b.WriteRune(rune(n))
				i += 4
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
