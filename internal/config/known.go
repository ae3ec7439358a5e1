package config

// A KnownDirective is a directive that httpd, mod_jk or catflap has.
type KnownDirective struct {
	Name   string // a section's in brackets
	Module string // "core", "jk"; empty for one that is honoured
	Text   string // what it does, or why it has no effect
}

// Directives returns all directives that have a name here, the honoured ones
// first.
func Directives() []KnownDirective {
	var all []KnownDirective
	for i := range table {
		all = append(all, KnownDirective{bracketed(table[i].name), "", table[i].does})
	}
	for _, b := range unhonoured() {
		all = append(all, KnownDirective{bracketed(b.name), b.module, b.class.String() + ": " + b.why})
	}
	return all
}
