package config

import (
	"fmt"
	"strings"
)

//go:generate env UPDATE=1 go test -run TestDocs .

// document is docs/directives.md: every directive, and what becomes of it.
func document() string {
	var b strings.Builder
	b.WriteString("# Directives\n\nGenerated from the table in `internal/config`; `make generate` writes it anew. Names are those of httpd 2.4 and mod_jk 1.2, in any\ncase of letters. Any other name is an error, with the nearest names.\n\n## Honoured\n\n| directive | where | what it does |\n|---|---|---|\n")
	for _, r := range table {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", bracketed(r.name), placesOf(r.in), r.does)
	}
	b.WriteString("| `Include`, `IncludeOptional`, `Define`, `UnDefine`, `<IfModule>`, `<IfDefine>`, `<IfVersion>`, `<IfFile>`, `<IfDirective>`, `<IfSection>`, `<Macro>`, `Use`, `Error` | everywhere | Carried out while reading. |\n")
	documentRest(&b, "\n## Needless\n\nKnown, and ignored: nothing is missing without them.\n\n| directive | module | why |\n|---|---|---|\n", func(u bystander) bool { return u.class == Needless })
	documentRest(&b, "\n## Closed\n\nThese restrict access by what catflap does not check yet. Their scope answers 403, and `check` says so. A `Require` with a\nprovider other than all, ip, host, local and env lets nobody in. A `RewriteRule` that refuses, or sends everybody to https,\nanswers 403 for what it covers; so do files and paths that a handler would run.\n\n| directive | module | what follows |\n|---|---|---|\n", func(u bystander) bool { return u.closing })
	documentRest(&b, "\n## Unsupported\n\nKnown, and without effect; `check` names each with what follows (what is harmless, only with `--verbose`), but for the arguments in the\nlast column, which ask for what is done anyway.\n\n| directive | module | what follows | not told for |\n|---|---|---|---|\n", func(u bystander) bool { return u.class == Unsupported && !u.closing })
	return b.String()
}

// documentRest writes the bystanders that are wanted.
func documentRest(b *strings.Builder, head string, want func(bystander) bool) {
	b.WriteString(head)
	for _, u := range unhonoured() {
		if !want(u) {
			continue
		}
		why := u.why
		if u.harmless {
			why = "harmless: " + why
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |", bracketed(u.name), u.module, why)
		if u.class == Unsupported && !u.closing {
			fmt.Fprintf(b, " %s |", strings.Join(u.same, ", "))
		}
		b.WriteString("\n")
	}
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
