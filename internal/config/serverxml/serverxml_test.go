package serverxml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/golden"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/mistake"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// property knows a few.
func property(name string) (string, bool) {
	value, ok := map[string]string{"port": "8080", "a": "${b}/a", "b": "b", "again": "${again}", "empty": "", "double": "${double}${double}"}[name]
	return value, ok
}

// TestGolden reads server.xml: what comes out are its mistakes, or its elements
// with their places. In a case \xhh stands for a byte.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/golden", func(_ *testing.T, c golden.Case) string {
		text := bytesOf(strings.TrimSuffix(c.Files["server.xml"], "\n"))
		root, found := serverxml.Parse("server.xml", []byte(text), serverxml.Options{Property: property})
		if root == nil {
			return found.Error()
		}
		var b strings.Builder
		dump(&b, root, "")
		return b.String()
	})
}

// bytesOf replaces \xhh.
func bytesOf(text string) string {
	parts := strings.Split(text, `\x`)
	for i := range parts[1:] {
		var c byte
		fmt.Sscanf(parts[i+1][:2], "%02x", &c)
		parts[i+1] = string([]byte{c}) + parts[i+1][2:]
	}
	return strings.Join(parts, "")
}

func dump(b *strings.Builder, e *serverxml.Element, indent string) {
	fmt.Fprintf(b, "%s%d:%d %s", indent, e.Pos.Line, e.Pos.Col, e.Name)
	for _, a := range e.Attributes {
		fmt.Fprintf(b, " %d:%d %s=%q", a.Pos.Line, a.Pos.Col, a.Name, a.Value)
	}
	if text := strings.TrimSpace(e.Text); text != "" {
		fmt.Fprintf(b, " %q", text)
	}
	b.WriteString("\n")
	for i := range e.Children {
		dump(b, &e.Children[i], indent+"  ")
	}
}

// TestReplace follows IntrospectionUtils.replaceProperties.
func TestReplace(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"plain $ text}", "plain $ text}"},
		{"${port}", "8080"},
		{"x${port}y${port}", "x8080y8080"},
		{"${unknown}", "${unknown}"},
		{"${unknown:-7}", "7"},
		{"${unknown:-}", ""},
		{"${port:-7}", "8080"},
		{"${empty:-7}", ""},
		{"${a}", "b/a"},
		{"${unknown:-${b}}", "b"},
		{"${again}", "${again}"},
		{"${port", "${port"},
		{"$", "$"},
		{"$${port}", "$8080"},
	} {
		if got, ok := serverxml.Replace(test.text, property); got != test.want || !ok {
			t.Errorf("%s: %q, %v, want %q", test.text, got, ok, test.want)
		}
	}
	if got, ok := serverxml.Replace("${double}", property); ok || len(got) > 64<<10 {
		t.Errorf("what grows: %d bytes, %v", len(got), ok)
	}
	if got, _ := serverxml.Replace("${port:-7}", nil); got != "7" {
		t.Errorf("no properties: %q", got)
	}
}

// TestBounds: each limit is told at its place.
func TestBounds(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{strings.Repeat("<a>", 65), "server.xml:1:193: error: elements are nested more than 64 deep"},
		{"<a>" + strings.Repeat("<b/>", 100_000) + "</a>", "server.xml:1:400000: error: the file has more than 100000 elements"},
		{"<a" + attributes(257) + "/>", "server.xml:1:1942: error: <a> has more than 256 attributes"},
		{strings.Repeat(" ", 8<<20+1), "server.xml:1:1: error: the file has more than 8 MiB"},
		{"<!DOCTYPE a [<!ENTITY e '" + strings.Repeat("x", 1<<20) + "'>]><a>&e;&e;</a>", "server.xml:1:1048612: error: entities stand for more than 1024 KiB"},
		{"<a b='${double}'/>", "server.xml:1:7: error: with ${…} replaced this has more than 64 KiB"},
	} {
		_, found := serverxml.Parse("server.xml", []byte(test.text), serverxml.Options{Property: property})
		if len(found) != 1 || firstLine(found) != test.want {
			t.Errorf("%d mistakes, %s, want %s", len(found), firstLine(found), test.want)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d=''", i)
	}
	return b.String()
}

func firstLine(found mistake.List) string {
	line, _, _ := strings.Cut(found.Error(), "\n")
	return line
}
