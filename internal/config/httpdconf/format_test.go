package httpdconf_test

import (
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// inQuotes writes directives as httpd.conf: every argument in quotes, what a
// section contains indented by four. Reading that again gives the same names,
// arguments and sections, if nothing is defined and the environment is empty.
// Raw is not written.
func inQuotes(directives []httpdconf.Directive) string {
	var b strings.Builder
	format(&b, directives, "")
	return b.String()
}

func format(b *strings.Builder, directives []httpdconf.Directive, indent string) {
	for _, d := range directives {
		name := d.Name
		if d.Section {
			name = "<" + name
		}
		b.WriteString(indent)
		if d.Section && len(d.Args) == 0 {
			b.WriteString(formatName(name+">") + "\n")
		} else {
			b.WriteString(formatName(name))
			for _, arg := range d.Args {
				b.WriteString(" " + quote(arg.Text))
			}
			if d.Section {
				b.WriteString(">")
			}
			b.WriteString("\n")
		}
		if d.Section {
			format(b, d.Body, indent+"    ")
			b.WriteString(indent + formatName("</"+d.Name+">") + "\n")
		}
	}
}

// formatName quotes a name that would not be read as it is.
func formatName(name string) string {
	if name == "" || strings.ContainsAny(name[:1], `"'#`) || strings.ContainsAny(name, " \t\v\f\r\\") {
		return quote(name)
	}
	return name
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
