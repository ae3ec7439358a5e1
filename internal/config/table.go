package config

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// where is where a directive may stand.
type where int

const (
	inServer where = 1 << iota
	inVHost
	inDirectory // <Directory>, and what is in it
	inLocation
	inFiles
	inRequire // <RequireAll> and its kin

	inSection  = inDirectory | inLocation | inFiles
	anywhere   = inServer | inVHost | inSection
	topLevels  = inServer | inVHost
	inRequires = inSection | inRequire
)

// A row of the table is one directive that is honoured.
type row struct {
	name     string
	in       where
	min, max int    // how many arguments; max -1: any number
	usage    string // httpd's words after "X takes …"; empty: our own
	run      func(*loader, place, *httpdconf.Directive)
	does     string // what it does, for docs/directives.md
	test     string // the test that shows its effect
}

// table has all rows, by family.
var table = slices.Concat(processRows, hostRows, sectionRows, fileRows, accessRows, limitRows, logRows, jkRows)

// byName finds a row by its name in lower case.
var byName = sync.OnceValue(func() map[string]*row {
	m := map[string]*row{}
	for i := range table {
		m[strings.ToLower(table[i].name)] = &table[i]
	}
	return m
})

// knownText lists the directives of httpd's own modules and of mod_jk, with
// the module before each.
//
//go:embed known.txt
var knownText string

// modules maps each known directive, in lower case, to its module.
var modules = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(knownText) {
		module, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		m[strings.ToLower(name)] = module
	}
	return m
})

// known reports whether httpd or mod_jk has a directive of that name.
func known(name string) bool {
	low := strings.ToLower(name)
	_, ok := modules()[low]
	return ok || byName()[low] != nil
}

// names returns all known names in their usual case.
func names() []string {
	var all []string
	for i := range table {
		all = append(all, table[i].name)
	}
	for line := range strings.Lines(knownText) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if byName()[strings.ToLower(name)] == nil {
			all = append(all, name)
		}
	}
	return all
}
