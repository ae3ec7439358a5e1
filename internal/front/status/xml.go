package status

import (
	"bytes"
	"encoding/xml"
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
	fmt.Fprintf(b, "<%sstatus", w.ns)
	if cfg.XMLNS != "" {
		fmt.Fprintf(b, "\n  %s", cfg.XMLNS)
	}
	b.WriteString(">\n")
	for _, o := range r.head {
		w.element("", o, true)
	}
	if r.listing {
		fmt.Fprintf(b, "<%sbalancers\n  count=\"%d\"\n>\n", w.ns, len(r.balancers))
	}
	for _, lb := range r.balancers {
		w.element("  ", lb.self, false)
		w.elements("      ", lb.members)
		w.elements("      ", lb.maps)
		fmt.Fprintf(b, "  </%sbalancer>\n", w.ns)
	}
	if r.listing {
		fmt.Fprintf(b, "</%sbalancers>\n<%sajp_workers\n  count=\"%d\"\n>\n", w.ns, w.ns, len(r.ajp))
	}
	for _, worker := range r.ajp {
		w.element("  ", worker.self, true)
		w.elements("      ", worker.maps) // beside it, as mod_jk has them
	}
	if r.listing {
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

// attribute escapes value for an attribute.
func attribute(value string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(value))
	return b.String()
}
