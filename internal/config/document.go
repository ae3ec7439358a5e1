package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:generate env UPDATE=1 go test -run TestDocs .

// document is docs/directives.md: every directive, and what becomes of it.
func document() string {
	var b strings.Builder
	b.WriteString("# Directives\n\nGenerated from the table in `internal/config`; `make generate` writes it anew. Names are those of httpd 2.4 and mod_jk 1.2, in any\ncase of letters. Any other name is an error, with the nearest names.\n\n## Honoured\n\n| directive | where | what it does |\n|---|---|---|\n")
	for _, r := range table {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", closed(r.name), placesOf(r.in), r.does)
	}
	b.WriteString("| `Include`, `IncludeOptional`, `Define`, `UnDefine`, `<IfModule>`, `<IfDefine>`, `<IfVersion>`, `<IfFile>`, `<IfDirective>`, `<IfSection>`, `<Macro>`, `Use`, `Error` | everywhere | Carried out while reading. |\n")
	b.WriteString("\n## Needless\n\nKnown, and ignored: nothing is missing without them.\n\n| directive | why |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(needless)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", usual(name), needless[name])
	}
	b.WriteString("\n## Closed\n\nThese restrict access by what catflap does not check yet. Their scope answers 403, and `check` says so:\n")
	var closing []string
	for name, closes := range restricting {
		if closes {
			closing = append(closing, "`"+closed(usual(name))+"`")
		}
	}
	slices.Sort(closing)
	b.WriteString(strings.Join(closing, ", ") + ", `Satisfy Any`, `Require` with a provider other than all, ip, host and local, and `RewriteRule` with the flag F.\n\n")
	b.WriteString("## Unsupported\n\nKnown, and without effect; `check` names each with what follows. By module:\n\n| module | what follows |\n|---|---|\n")
	for _, module := range slices.Sorted(maps.Keys(follows)) {
		fmt.Fprintf(&b, "| %s | %s |\n", module, follows[module])
	}
	return b.String()
}

// closed writes a section's name with its bracket.
func closed(name string) string {
	if strings.HasPrefix(name, "<") {
		return name + ">"
	}
	return name
}

// usual returns the usual spelling of a name in lower case.
func usual(low string) string {
	for _, name := range names() {
		if strings.ToLower(name) == low {
			return name
		}
	}
	return low
}

// placesOf says in words where a directive may stand.
func placesOf(in where) string {
	var all []string
	for _, place := range []struct {
		bit  where
		word string
	}{{inServer, "server"}, {inVHost, "virtual host"}, {inDirectory, "Directory"}, {inLocation, "Location"}, {inFiles, "Files"}, {inRequire, "Require sections"}} {
		if in&place.bit != 0 {
			all = append(all, place.word)
		}
	}
	return strings.Join(all, ", ")
}
