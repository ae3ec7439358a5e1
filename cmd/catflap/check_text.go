package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/mistake"
)

// writeChecked writes what check found: the result to out, the mistakes to
// messages. Names of files below ServerRoot are shown without it, as httpd.conf
// has them.
func writeChecked(out, messages io.Writer, file string, r *config.Report, form checkForm) error {
	w, m := bufio.NewWriter(out), bufio.NewWriter(messages)
	fmt.Fprintf(w, "%s: %s, %s, %s, %s, %s\n", file, count(len(unique(r.Files)), "file"), count(len(r.Directives), "directive"),
		count(r.Counts.VirtualHosts, "virtual host"), count(r.Counts.Balancers, "balancer"), count(r.Counts.Workers, "worker"))
	err := w.Flush() // before the mistakes, where both go to one terminal
	writeMistakes(m, mistakesOf(r, form), r.Root)
	err = errors.Join(err, m.Flush())
	if r.Mistakes.Errors() > 0 {
		return err
	}
	if form.verbose {
		writeDetails(w, r)
	} else if text := skippedText(r); text != "" {
		fmt.Fprintln(w, text)
	}
	fmt.Fprintln(w, summary(r, form))
	if form.passes(r) {
		fmt.Fprintln(w, "Syntax OK")
	}
	return errors.Join(err, w.Flush())
}

// unique returns names in their order, each once.
func unique(names []string) []string {
	once, seen := []string{}, map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			once, seen[name] = append(once, name), true
		}
	}
	return once
}

// tellMistakes writes what was found when files were loaded, but for what is
// harmless.
func tellMistakes(w io.Writer, r *config.Report) {
	var b bytes.Buffer
	writeMistakes(&b, mistakesOf(r, checkForm{}), r.Root)
	b.WriteTo(w)
}

// mistakesOf returns what is told, errors first: by severity, then by file in
// the order of reading.
func mistakesOf(r *config.Report, form checkForm) mistake.List {
	told := slices.DeleteFunc(slices.Clone(r.Mistakes), func(m mistake.Mistake) bool { return m.Harmless && !form.verbose })
	slices.SortStableFunc(told, func(a, b mistake.Mistake) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(slices.Index(r.Files, a.Pos.File), slices.Index(r.Files, b.Pos.File)))
	})
	return told
}

// writeMistakes writes each mistake; one that only comes again in the same
// file is told with the lines of the others.
func writeMistakes(w io.Writer, all mistake.List, root string) {
	type key struct {
		file, text, fix string
		severity        mistake.Severity
	}
	keyOf := func(m mistake.Mistake) key { return key{m.Pos.File, m.Text, m.Fix, m.Severity} }
	lines := map[key][]string{}
	for _, m := range all {
		lines[keyOf(m)] = append(lines[keyOf(m)], strconv.Itoa(m.Pos.Line))
	}
	for _, m := range all {
		same, first := lines[keyOf(m)], m.Pos.Line
		if same == nil {
			continue
		}
		lines[keyOf(m)] = nil
		m.Pos.File, m.Text, m.Fix = within(root, m.Pos.File), withoutRoot(root, m.Text), withoutRoot(root, m.Fix)
		fmt.Fprintln(w, m)
		if len(same) > 1 && first > 0 {
			fmt.Fprintf(w, "  the same in %s\n", lineList(same[1:]))
		}
	}
}

// lineList is "line 3" or "lines 3, 4, 9 and 12 more".
func lineList(lines []string) string {
	const most = 8
	switch n := len(lines); {
	case n == 1:
		return "line " + lines[0]
	case n > most:
		return fmt.Sprintf("lines %s and %d more", strings.Join(lines[:most-1], ", "), n-most+1)
	}
	return "lines " + strings.Join(lines, ", ")
}

// within is the name of a file as seen from root, if it is below it.
func within(root, file string) string {
	if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok && filepath.IsAbs(root) {
		return rest
	}
	return file
}

// withoutRoot shortens the FILE:LINE in text that are below root.
func withoutRoot(root, text string) string {
	prefix := strings.TrimSuffix(root, "/") + "/"
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, prefix)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		word := after[:strings.IndexAny(after+" ", " \t\"'()[]<>;,")]
		file, line, isPlace := strings.Cut(word, ":")
		if !isPlace || file == "" || line == "" || line[0] < '0' || line[0] > '9' {
			b.WriteString(prefix)
		}
		text = after
	}
}

// summary is the line that counts what became of the directives.
func summary(r *config.Report, form checkForm) string {
	var closing []string
	unsupported, harmless, harmful := 0, 0, 0
	for _, d := range r.Directives {
		if d.Class != config.Unsupported {
			continue
		}
		unsupported++
		switch {
		case d.Closes != "":
			closing = append(closing, d.Closes)
		case d.Harmless:
			harmless++
		default:
			harmful++
		}
	}
	text := fmt.Sprintf("honoured %d, needless %d, unsupported %d", r.Count(config.Honoured), r.Count(config.Needless), unsupported)
	var parts []string
	switch len(closing) {
	case 0:
	case 1:
		parts = append(parts, "1 closes "+closing[0])
	default:
		parts = append(parts, fmt.Sprintf("%d close %s", len(closing), firstOf(closing, 3)))
	}
	if harmful > 0 {
		parts = append(parts, fmt.Sprintf("%d told above", harmful))
	}
	if harmless > 0 {
		part := fmt.Sprintf("%d harmless", harmless)
		if !form.verbose {
			part += ": --verbose"
		}
		parts = append(parts, part)
	}
	if parts != nil {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if n := len(r.Unchecked); n > 0 {
		text += fmt.Sprintf(", not checked %d (%s)", n, uncheckedText(r.Unchecked))
	}
	return text
}

// firstOf lists the first most of names, each once, and how many more there are.
func firstOf(names []string, most int) string {
	once := unique(names)
	if len(once) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(once[:most], ", "), len(once)-most)
	}
	return strings.Join(once, ", ")
}

// uncheckedText says what was not checked, by the reason.
func uncheckedText(all []config.Unchecked) string {
	var reasons []string
	whats := map[string][]string{}
	for _, u := range all {
		if whats[u.Why] == nil {
			reasons = append(reasons, u.Why)
		}
		if !slices.Contains(whats[u.Why], u.What) {
			whats[u.Why] = append(whats[u.Why], u.What)
		}
	}
	for i, why := range reasons {
		reasons[i] = strings.Join(whats[why], ", ") + ": " + why
	}
	return strings.Join(reasons, "; ")
}

// skippedText is one line about the sections whose condition did not hold.
func skippedText(r *config.Report) string {
	if len(r.Skipped) == 0 {
		return ""
	}
	directives := 0
	var names []string
	for _, s := range r.Skipped {
		directives += s.Directives
		names = append(names, "<"+s.Name+" "+s.Condition+">")
	}
	return fmt.Sprintf("skipped %s with %s (%s)", count(len(r.Skipped), "section"), count(directives, "directive"), firstOf(names, 4))
}

// writeDetails writes what --verbose adds: a line for each directive without
// effect, those of one name and reason together.
func writeDetails(w io.Writer, r *config.Report) {
	t := newTable("  ")
	for i := 0; i < len(r.Directives); i++ {
		d := r.Directives[i]
		if d.Class != config.Needless {
			continue
		}
		n := 1
		for i+1 < len(r.Directives) && r.Directives[i+1].Name == d.Name && r.Directives[i+1].Why == d.Why && r.Directives[i+1].Pos.File == d.Pos.File {
			i, n = i+1, n+1
		}
		name := nameOf(d)
		if n > 1 {
			name += ", " + count(n, "line")
		}
		t.add(placeIn(r, d.Pos), name, d.Why)
	}
	t.write(w, "needless:")
	t = newTable("  ")
	for _, s := range r.Skipped {
		t.add(placeIn(r, s.Pos), "<"+s.Name+" "+s.Condition+">", count(s.Directives, "directive"))
	}
	t.write(w, "skipped:")
	t = newTable("  ")
	for _, u := range r.Unchecked {
		t.add(placeIn(r, u.Pos), u.What+": "+u.Why, u.Name)
	}
	t.write(w, "not checked:")
	t = newTable("  ")
	for _, d := range r.Directives {
		if d.Closes != "" {
			t.add(placeIn(r, d.Pos), nameOf(d), d.Closes)
		}
	}
	t.write(w, "closed, answers 403:")
}

// nameOf is the name of a directive, a section's in brackets.
func nameOf(d config.Directive) string {
	if d.Section {
		return "<" + d.Name + ">"
	}
	return d.Name
}

// placeIn is FILE:LINE, the file as seen from ServerRoot.
func placeIn(r *config.Report, p mistake.Pos) string {
	return fmt.Sprintf("%s:%d", within(r.Root, p.File), p.Line)
}
