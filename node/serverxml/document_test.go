package serverxml

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

//go:generate env UPDATE=1 go test -run TestDocs .

// A pageTable is a table for docs/serverxml.md.
type pageTable interface {
	page() (name string, rows [][2]string)
}

func (t table[T]) page() (string, [][2]string) {
	var rows [][2]string
	for _, r := range t.rows {
		rows = append(rows, [2]string{r.name, r.does})
	}
	return t.name, rows
}

// pageTables are all tables, in the order of the page.
var pageTables = []pageTable{
	serverTable, serviceTable, executorTable, connectorTable, ajpTable, sslHostTable, certificateTable, engineTable, hostTable, contextTable, cookieProcessorTable,
	clusterTable, managerTable, sharedTable, deltaTable, backupTable, channelTable, mcastTable, staticTable, memberTable, receiverTable, transportTable,
	dispatchTable, detectorTable, pingTable, gzipTable, encryptTable, fragmentationTable, orderTable, throughputTable, domainTable, staticMembersTable,
	replicationTable, binderTable, accessLogTable, addressTable, cidrTable,
}

// pageExtends are tables that begin with all rows of another.
var pageExtends = map[string]string{
	"Connector AJP": "Connector", "Manager of a Cluster": "Manager", "Manager DeltaManager": "Manager of a Cluster", "Manager BackupManager": "Manager of a Cluster",
}

// document is docs/serverxml.md.
func document() string {
	var b strings.Builder
	b.WriteString("# server.xml\n\nGenerated from the tables in `node/serverxml` and from `node/serverxml/known.txt`; `make generate` writes it anew. How the file is read, and what\nthe words mean, is in [node.md](node.md). Elements and attributes are those of Tomcat 10.1, with names that older ones had.\n")
	rows := map[string][][2]string{}
	for _, t := range pageTables {
		name, own := t.page()
		rows[name] = own
		base := pageExtends[name]
		own = own[len(rows[base]):]
		fmt.Fprintf(&b, "\n## %s\n\n", name)
		if base != "" {
			fmt.Fprintf(&b, "All of %s, and:\n\n", base)
		}
		b.WriteString("| attribute | |\n|---|---|\n")
		for _, r := range own {
			fmt.Fprintf(&b, "| `%s` | %s |\n", r[0], r[1])
		}
		documentKnown(&b, name)
	}
	b.WriteString("\n# Classes\n\nBeside those of which an attribute is honoured above. The Realm of an application is asked for nothing.\n")
	for _, s := range knownSections() {
		if kind, ok := strings.CutSuffix(s.name, " classes"); ok {
			fmt.Fprintf(&b, "\n## %s\n", kind)
			documentKnown(&b, s.name)
		}
	}
	return b.String()
}

// documentKnown writes what is not honoured.
func documentKnown(b *strings.Builder, name string) {
	i := slices.IndexFunc(knownSections(), func(s section) bool { return s.name == name })
	if i < 0 {
		return
	}
	var heads, names []string // "needless: why" and its names
	for _, k := range knownSections()[i].entries {
		head := [...]string{"Needless", "Unsupported", "Closed", "Taken as"}[k.class] + ": " + k.why
		if k.class == classOld {
			head = fmt.Sprintf("Of an old Tomcat, taken as `%s`", k.why)
		}
		if len(k.same) > 0 {
			head += " (not told for `" + strings.Join(k.same, "`, `") + "`)"
		}
		if j := slices.Index(heads, head); j >= 0 {
			names[j] += ", `" + k.name + "`"
			continue
		}
		heads, names = append(heads, head), append(names, "`"+k.name+"`")
	}
	if len(heads) > 0 {
		b.WriteString("\n")
	}
	for j, head := range heads {
		fmt.Fprintf(b, "- %s: %s\n", head, names[j])
	}
}

// TestDocs holds docs/serverxml.md against the tables. Run with UPDATE=1, or
// make generate, to write it.
func TestDocs(t *testing.T) {
	const name = "../../docs/serverxml.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != document() {
		t.Error("docs/serverxml.md is not what the tables say: run make generate")
	}
}

// TestTables: each attribute that is honoured says what it does, is in a case of
// testdata/load, and is not among those that are not; each of those has a class
// and a reason.
func TestTables(t *testing.T) {
	cases, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range cases {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	names := map[string]bool{}
	for _, table := range pageTables {
		name, rows := table.page()
		names[name] = true
		seen := map[string]bool{}
		for _, r := range rows {
			switch {
			case r[1] == "" || seen[r[0]]:
				t.Errorf("%s %s says nothing, or stands twice", name, r[0])
			case bystanderOf(name, r[0]) != nil:
				t.Errorf("%s %s is honoured, and in known.txt", name, r[0])
			case !strings.Contains(all.String(), r[0]+`="`):
				t.Errorf("%s %s is in no case", name, r[0])
			}
			seen[r[0]] = true
		}
	}
	for _, s := range knownSections() {
		kind, isClasses := strings.CutSuffix(s.name, " classes")
		if !names[s.name] && !isClasses && s.name != "Manager PersistentManager" {
			t.Errorf("known.txt: no table is called %s", s.name)
		}
		seen := map[string]bool{}
		for _, k := range s.entries {
			if k.why == "" || seen[k.name] || isClasses != strings.Contains(k.name, ".") && !strings.HasPrefix(k.name, "socket.") {
				t.Errorf("known.txt: %s %s: no reason, twice, or of another section (%s)", s.name, k.name, kind)
			}
			seen[k.name] = true
		}
	}
}

// TestKnownLines: each line of known.txt has one of the classes.
func TestKnownLines(t *testing.T) {
	for line := range strings.Lines(knownText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "= ") {
			continue
		}
		_, rest, _ := strings.Cut(line, ": ")
		class, _, _ := strings.Cut(rest, ": ")
		if _, ok := bystanderClasses[class]; !ok {
			t.Errorf("%q is no class: %s", class, line)
		}
	}
}
