package config

import (
	"fmt"
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
	inDirectory // <Directory>, <DirectoryMatch>
	inLocation
	inFiles
	inRequire // <RequireAll> and its kin

	inSection  = inDirectory | inLocation | inFiles
	anywhere   = inServer | inVHost | inSection
	topLevels  = inServer | inVHost
	inRequires = inSection | inRequire
)

// takes is how many arguments a directive has.
type takes int

const (
	anyNumber takes = iota // the directive itself looks
	one
	two
	oneOrTwo
	twoOrThree
	oneToThree
	some      // one or more
	twoOrMore // two or more
	flag      // On or Off
)

// arities say for each takes how few and how many fit, and httpd's phrase for
// it; most -1 is any number. Of a flag httpd looks at the first word only.
var arities = map[takes]struct {
	least, most int
	phrase      string
}{
	anyNumber: {0, -1, ""}, one: {1, 1, "takes one argument"}, two: {2, 2, "takes two arguments"}, oneOrTwo: {1, 2, "takes 1-2 arguments"},
	twoOrThree: {2, 3, "takes two or three arguments"}, oneToThree: {1, 3, "takes one, two or three arguments"},
	some: {1, -1, "requires at least one argument"}, twoOrMore: {2, -1, "requires at least two arguments"}, flag: {1, -1, "must be On or Off"},
}

// wrong returns what httpd says of n arguments of r, "" if they are right.
func (r *row) wrong(n int) string {
	a := arities[r.takes]
	switch {
	case n >= a.least && (a.most < 0 || n <= a.most):
		return ""
	case r.help == "":
		return r.name + " " + a.phrase
	}
	return fmt.Sprintf("%s %s, %s", r.name, a.phrase, r.help)
}

// A row of the table is one directive that is honoured.
type row struct {
	name  string // a section's with "<"
	in    where
	takes takes
	help  string // httpd's words after the number of arguments
	run   func(*loader, place, *httpdconf.Directive)
	does  string // what it does, for docs/directives.md
	test  string // the test that shows its effect: "front/vhost TestSelect", or "TestGolden/CASE" of this package
}

// table has all rows, by family.
var table = slices.Concat(processRows, hostRows, sectionRows, fileRows, mimeRows, redirectRows, envRows, headerRows, selfRows, accessRows, limitRows, logRows, jkRows, jkLogRows, jkTLSRows,
	tlsRows, tlsFileRows, tlsOfferRows, tlsClientRows, protocolRows)

// byName finds a row by its name in lower case.
var byName = sync.OnceValue(func() map[string]*row {
	m := map[string]*row{}
	for i := range table {
		m[strings.ToLower(table[i].name)] = &table[i]
	}
	return m
})

// known reports whether httpd or mod_jk has a directive of that name.
func known(name string) bool {
	low := strings.ToLower(name)
	return byName()[low] != nil || unhonouredByName()[low] != nil
}

// names returns all known names in their usual case.
func names() []string {
	var all []string
	for i := range table {
		all = append(all, table[i].name)
	}
	for _, b := range unhonoured() {
		all = append(all, b.name)
	}
	return all
}
