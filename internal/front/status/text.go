package status

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
)

// writeTxt writes r as mime=txt: one line an object.
func writeTxt(b *bytes.Buffer, r *report) {
	for _, o := range r.head {
		txtLine(b, o)
	}
	if r.dump != nil {
		b.WriteString("Configuration:\n")
		dumpLines(b, r.dump)
	}
	if r.listing && !r.hideBalancers {
		fmt.Fprintf(b, "Balancer Workers: count=%d\n", len(r.balancers))
	}
	for _, lb := range r.balancers {
		txtLine(b, lb.self)
		txtLines(b, lb.members)
		txtLines(b, lb.maps)
	}
	if r.listing && !r.hideWorkers {
		fmt.Fprintf(b, "AJP Workers: count=%d\n", len(r.ajp))
	}
	for _, w := range r.ajp {
		txtLine(b, w.self)
		txtLines(b, w.maps)
	}
	fmt.Fprintf(b, "Result: type=%s message=\"%s\"\n", r.result.Kind, masked(r.result.Message))
}

// dumpLines writes properties as they are in the file.
func dumpLines(b *bytes.Buffer, all []Property) {
	for _, p := range all {
		fmt.Fprintf(b, "%s=%s\n", p.Key, masked(p.Value))
	}
}

func txtLines(b *bytes.Buffer, all []record) {
	for _, o := range all {
		txtLine(b, o)
	}
}

func txtLine(b *bytes.Buffer, o record) {
	b.WriteString(o.txt)
	b.WriteByte(':')
	for _, i := range o.items {
		switch {
		case i.only != 0 && i.only != formTxt:
		case i.quoted:
			fmt.Fprintf(b, " %s=\"%s\"", i.key, masked(i.value))
		default:
			fmt.Fprintf(b, " %s=%s", i.key, masked(i.value))
		}
	}
	b.WriteByte('\n')
}

// writeProp writes r as mime=prop: one property a line.
func writeProp(b *bytes.Buffer, r *report, prefix string) {
	for _, o := range r.head {
		propLines(b, prefix, o)
	}
	dumpLines(b, r.dump)
	if r.listing && !r.hideBalancers {
		fmt.Fprintf(b, "%s.lb_count=%d\n", prefix, len(r.balancers))
	}
	for _, lb := range r.balancers {
		fmt.Fprintf(b, "%s.list=%s\n", prefix, lb.self.key)
		propLines(b, prefix, lb.self)
		for _, m := range lb.members {
			fmt.Fprintf(b, "%s.%s.balance_workers=%s\n", prefix, lb.self.key, m.key)
			propLines(b, prefix, m)
		}
		propMaps(b, prefix, lb.self.key, lb.maps)
	}
	if r.listing && !r.hideWorkers {
		fmt.Fprintf(b, "%s.ajp_count=%d\n", prefix, len(r.ajp))
	}
	for _, w := range r.ajp {
		fmt.Fprintf(b, "%s.%s.list=%s\n", prefix, w.self.key, w.self.key)
		propLines(b, prefix, w.self)
		propMaps(b, prefix, w.self.key, w.maps)
	}
	fmt.Fprintf(b, "%s.result.type=%s\n%s.result.message=%s\n", prefix, r.result.Kind, prefix, r.result.Message)
}

func propMaps(b *bytes.Buffer, prefix, of string, maps []record) {
	for n, m := range maps {
		m.key = fmt.Sprintf("%s.map.%d", of, n+1)
		propLines(b, prefix, m)
	}
}

func propLines(b *bytes.Buffer, prefix string, o record) {
	for _, i := range o.items {
		if i.only != 0 && i.only != formProp {
			continue
		}
		b.WriteString(prefix)
		if owner := cmp.Or(i.owner, o.key); owner != "" {
			b.WriteString("." + owner)
		}
		fmt.Fprintf(b, ".%s=%s\n", i.key, masked(i.value))
	}
}

// masked keeps line ends of values that came from outside out of a line, and
// a double quote from ending its value.
func masked(value string) string {
	if !strings.ContainsAny(value, "\r\n\"") {
		return value
	}
	return strings.NewReplacer("\r", "@", "\n", "@", `"`, "@").Replace(value)
}
