package serverxml_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/config/serverxml"
)

// FuzzParse: whatever the file says, reading it ends, every mistake has a
// place, an attribute's place is where its value is, and what is read is what
// encoding/xml reads.
func FuzzParse(f *testing.F) {
	f.Add([]byte("<?xml version='1.0' encoding='UTF-8'?>\n<!-- c -->\n<Server port=\"8005\"><A b='&amp;&#65;'>t<![CDATA[<]]></A>\r\n</Server>"))
	f.Add([]byte("<!DOCTYPE a [<!ENTITY e 'v'>]><a b=\"&e;\">&e;</a>"))
	f.Add([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><a b='\xe4'>\xfc</a>"))
	f.Add([]byte("<a b='1' b='2'>&x;</a>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, found := serverxml.Parse("f", text, serverxml.Options{})
		if (root == nil) != (len(found) > 0) {
			t.Fatalf("root %v, mistakes %v", root != nil, found)
		}
		for _, m := range found {
			if m.Pos.Line < 1 || m.Pos.Col < 1 || m.String() == "" {
				t.Errorf("a mistake without a place: %+v", m)
			}
		}
		if root == nil || bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte(":")) || bytes.Contains(text, []byte("<!ENTITY")) {
			return // encoding/xml replaces nothing, splits names, and knows no entities
		}
		places(t, root, bytes.Split(text, []byte("\n")))
		var want, got strings.Builder
		if err := foreign(&want, text); err != nil {
			t.Fatalf("encoding/xml: %v", err)
		}
		own(&got, root)
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("(-encoding/xml +serverxml):\n%s", diff)
		}
	})
}

// places wants a quote before each value.
func places(t *testing.T, e *serverxml.Element, lines [][]byte) {
	if lines[e.Pos.Line-1][e.Pos.Col-1] != '<' {
		t.Errorf("%v: <%s> is not there", e.Pos, e.Name)
	}
	for _, a := range e.Attributes {
		if c := lines[a.Pos.Line-1][a.Pos.Col-2]; c != '"' && c != '\'' {
			t.Errorf("%v: the value of %s is not there", a.Pos, a.Name)
		}
	}
	for i := range e.Children {
		places(t, &e.Children[i], lines)
	}
}

// own writes e: its tags, attributes and text, blanks as plain ones.
func own(b *strings.Builder, e *serverxml.Element) {
	fmt.Fprintf(b, "<%s", e.Name)
	for _, a := range e.Attributes {
		fmt.Fprintf(b, " %s=%q", a.Name, plain(a.Value))
	}
	b.WriteString("\n")
	for i := range e.Children {
		own(b, &e.Children[i])
	}
	fmt.Fprintf(b, "%q>\n", plain(e.Text))
}

var plain = strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace

// foreign writes the same as encoding/xml reads it.
func foreign(b *strings.Builder, text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		all, err := io.ReadAll(in)
		if strings.Contains(strings.ToLower(charset), "8859") || strings.EqualFold(charset, "latin1") {
			var letters []rune
			for _, c := range all {
				letters = append(letters, rune(c))
			}
			all = []byte(string(letters))
		}
		return bytes.NewReader(all), err
	}
	var texts []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			fmt.Fprintf(b, "<%s", token.Name.Local)
			for _, a := range token.Attr {
				fmt.Fprintf(b, " %s=%q", a.Name.Local, plain(a.Value))
			}
			b.WriteString("\n")
			texts = append(texts, "")
		case xml.CharData:
			if len(texts) > 0 {
				texts[len(texts)-1] += string(token)
			}
		case xml.EndElement:
			fmt.Fprintf(b, "%q>\n", plain(texts[len(texts)-1]))
			texts = texts[:len(texts)-1]
		}
	}
}
