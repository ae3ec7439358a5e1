package config

import (
	"cmp"
	"slices"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/mistake"
)

// A Report is what loading found.
type Report struct {
	Mistakes   mistake.List // sorted
	Root       string       // ServerRoot, absolute
	PidFile    string       // absolute; also with errors
	Moved      *Moved       // what Options.Beside changed; nil without it
	Files      []string     // every file of settings that was read, in order; one read twice is there twice
	Directives []Directive  // every directive of httpd.conf once, without those in skipped sections
	Skipped    []httpdconf.Skipped
	Modules    []httpdconf.Module
	Defines    []httpdconf.Define
	Unchecked  []Unchecked
	Counts     Counts

	places map[*httpdconf.Directive]int // index in Directives
}

// A Directive is what became of one line of httpd.conf.
type Directive struct {
	Pos     mistake.Pos
	Name    string // as written, without "<"
	Section bool
	Class   Class
	Why     string // why it is needless, or what follows; empty if it is honoured
	Closes  string // what answers 403 because of it, in words; empty for nothing
	// Harmless says of an Unsupported one that answers are the same without
	// it, but for comfort and speed.
	Harmless bool
}

// An Unchecked is something that could not be looked at.
type Unchecked struct {
	Pos  mistake.Pos // of the line that names it
	What string      // "keys", "logs", …
	Name string      // the file or folder
	Why  string      // "permission"
}

// Counts are how many there are of what the files make.
type Counts struct {
	VirtualHosts, Balancers, Workers int
}

// count counts what cfg has.
func (r *Report) count(cfg *front.Config) {
	r.Counts = Counts{max(0, len(cfg.Sites)-1), len(cfg.Workers.Balancers), len(cfg.Workers.AJP)}
}

// sort brings the directives into the order of the files.
func (r *Report) sort() {
	rank := map[string]int{}
	for i, name := range slices.Backward(r.Files) {
		rank[name] = i
	}
	slices.SortStableFunc(r.Directives, func(a, b Directive) int {
		return cmp.Or(cmp.Compare(rank[a.Pos.File], rank[b.Pos.File]), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	r.places = nil
}

// Count returns how many directives are of a class.
func (r *Report) Count(c Class) int {
	n := 0
	for _, d := range r.Directives {
		if d.Class == c {
			n++
		}
	}
	return n
}

// classify notes what becomes of d. Of several classes the one with the most
// consequences counts, and of that the first.
func (l *loader) classify(d *httpdconf.Directive, c Class, why string) { l.note(d, c, why, "") }

func (l *loader) note(d *httpdconf.Directive, c Class, why, closes string) {
	r := l.report
	if r.places == nil {
		r.places = map[*httpdconf.Directive]int{}
	}
	entry := Directive{Pos: d.Pos, Name: d.Name, Section: d.Section, Class: c, Why: why, Closes: closes}
	i, again := r.places[d]
	switch {
	case !again:
		r.places[d] = len(r.Directives)
		r.Directives = append(r.Directives, entry)
	case c > r.Directives[i].Class || closes != "" && r.Directives[i].Closes == "":
		r.Directives[i] = entry
	}
}

// unsupported tells what follows from d having no effect.
func (l *loader) unsupported(d *httpdconf.Directive, pos mistake.Pos, text, fix string) {
	l.note(d, Unsupported, text, "")
	l.say(d, pos, mistake.Unsupported, text, fix, "")
}

// harmless tells what is missing because d has no effect.
func (l *loader) harmless(d *httpdconf.Directive, text string) {
	l.note(d, Unsupported, text, "")
	l.report.Directives[l.report.places[d]].Harmless = true
	l.report.Mistakes.Add(mistake.Mistake{Pos: d.Pos, Severity: mistake.Unsupported, Text: text, Line: d.LineAt(d.Pos), Harmless: true})
}

// closes tells that scope answers 403 because of d.
func (l *loader) closes(d *httpdconf.Directive, pos mistake.Pos, scope, text, fix string) {
	l.note(d, Unsupported, text, scope)
	l.report.Mistakes.Add(mistake.Mistake{Pos: pos, Severity: mistake.Unsupported, Text: text, Line: d.LineAt(pos), Fix: fix, Closes: scope})
}

// kinds say in a word or two what the directives name that may not be read.
var kinds = []struct {
	what       string
	directives []string
}{
	{"keys", []string{"SSLCertificateKeyFile"}},
	{"certificates", []string{"SSLCertificateFile", "SSLCertificateChainFile", "SSLCACertificateFile", "SSLCACertificatePath", "SSLCADNRequestFile", "SSLCADNRequestPath", "SSLCARevocationFile", "SSLCARevocationPath"}},
	{"logs", []string{"ErrorLog", "CustomLog", "TransferLog", "JkLogFile"}},
	{"workers", []string{"JkWorkersFile"}},
	{"mounts", []string{"JkMountFile"}},
	{"included files", []string{"Include", "IncludeOptional"}},
	{"folders", []string{"DocumentRoot", "Directory", "AllowOverride", "Alias"}},
}

// unchecked notes that name, which a directive at pos names, may not be
// looked at.
func (l *loader) unchecked(pos mistake.Pos, name, directive string) {
	what := "files"
	for _, k := range kinds {
		if slices.Contains(k.directives, directive) {
			what = k.what
		}
	}
	l.report.Unchecked = append(l.report.Unchecked, Unchecked{pos, what, name, "permission"})
}
