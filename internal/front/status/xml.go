package status

import (
	"bytes"
	"fmt"
	"strings"
)

// xmlWriter writes records as elements, an attribute a line as mod_jk does.
type xmlWriter struct {
	b  *bytes.Buffer
	ns string // "jk:" or empty
}

// writeXML writes r as mime=xml.
func writeXML(b *bytes.Buffer, r *report, cfg Config) {
	w := xmlWriter{b, cfg.NS}
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n")
	if cfg.Doctype != "" {
		b.WriteString(cfg.Doctype + "\n")
	}
	fmt.Fprintf(b, "<%sstatus\n", w.ns)
	if cfg.XMLNS != "" {
		b.WriteString("  " + cfg.XMLNS)
	}
	b.WriteString(">\n")
	for _, o := range r.head {
		w.element("", o, true)
	}
	if r.dump != nil {
		w.dump(r.dump)
	}
	if r.listing && !r.hideBalancers {
		fmt.Fprintf(b, "<%sbalancers\n  count=\"%d\"\n>\n", w.ns, len(r.balancers))
	}
	for _, lb := range r.balancers {
		w.element("  ", lb.self, false)
		w.elements("      ", lb.members)
		w.elements("      ", lb.maps)
		fmt.Fprintf(b, "  </%sbalancer>\n", w.ns)
	}
	if r.listing && !r.hideBalancers {
		fmt.Fprintf(b, "</%sbalancers>\n", w.ns)
	}
	if r.listing && !r.hideWorkers {
		fmt.Fprintf(b, "<%sajp_workers\n  count=\"%d\"\n>\n", w.ns, len(r.ajp))
	}
	for _, worker := range r.ajp {
		w.element("  ", worker.self, true)
		w.elements("      ", worker.maps) // beside it, as mod_jk has them
	}
	if r.listing && !r.hideWorkers {
		fmt.Fprintf(b, "</%sajp_workers>\n", w.ns)
	}
	fmt.Fprintf(b, "  <%sresult\n    type=\"%s\"\n    message=\"%s\"\n  />\n</%sstatus>\n",
		w.ns, r.result.Kind, attribute(r.result.Message), w.ns)
}

func (w xmlWriter) elements(indent string, all []record) {
	for _, o := range all {
		w.element(indent, o, true)
	}
}

// element writes o's tag, closed if it is empty.
func (w xmlWriter) element(indent string, o record, empty bool) {
	fmt.Fprintf(w.b, "%s<%s%s\n", indent, w.ns, o.xml)
	for _, i := range o.items {
		if i.only == 0 || i.only == formXML {
			fmt.Fprintf(w.b, "%s  %s=\"%s\"\n", indent, i.key, attribute(i.value))
		}
	}
	if empty {
		fmt.Fprintf(w.b, "%s/>\n", indent)
		return
	}
	fmt.Fprintf(w.b, "%s>\n", indent)
}

// dump writes properties as attributes. What cannot be in the name of one is
// "_", so that the answer stays XML; of two that then are one the first is.
func (w xmlWriter) dump(all []Property) {
	fmt.Fprintf(w.b, "  <%sconfiguration\n", w.ns)
	there := map[string]bool{}
	for _, p := range all {
		name := attributeName(p.Key)
		if !there[name] {
			fmt.Fprintf(w.b, "    %s=\"%s\"\n", name, attribute(p.Value))
		}
		there[name] = true
	}
	w.b.WriteString("  />\n")
}

func attributeName(key string) string {
	name := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_' {
			return c
		}
		return '_'
	}, key)
	if name == "" || name[0] < 'A' {
		name = "_" + name
	}
	return name
}

// attribute escapes value for an attribute.
func attribute(value string) string { return escapes.Replace(strings.ToValidUTF8(value, "@")) }

var escapes = strings.NewReplacer(escaped()...)

// escaped are the bytes that an attribute cannot hold as they are, each before
// what stands for it.
func escaped() []string {
	all := []string{"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;"}
	for c := range byte(' ') {
		all = append(all, string(rune(c)), "@")
	}
	return all
}
