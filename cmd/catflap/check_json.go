package main

import (
	"encoding/json"
	"io"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/mistake"
)

// What --json writes is documented in docs/commands.md: fields are only ever
// added. Lists are there even if they are empty.

// A checkedObject is what check --json writes.
type checkedObject struct {
	File       string            `json:"file"`
	ServerRoot string            `json:"serverRoot"`
	OK         bool              `json:"ok"`
	Counts     countsObject      `json:"counts"`
	Mistakes   []mistakeObject   `json:"mistakes"`
	Directives []directiveObject `json:"directives"`
	Skipped    []skippedObject   `json:"skipped"`
	NotChecked []uncheckedObject `json:"notChecked"`
	Modules    []string          `json:"modules"`
	Files      []string          `json:"files"`
}

type countsObject struct {
	Files        int `json:"files"`
	Directives   int `json:"directives"`
	VirtualHosts int `json:"virtualHosts"`
	Balancers    int `json:"balancers"`
	Workers      int `json:"workers"`
	Honoured     int `json:"honoured"`
	Needless     int `json:"needless"`
	Unsupported  int `json:"unsupported"`
	Closing      int `json:"closing"`
	Harmless     int `json:"harmless"`
	NotChecked   int `json:"notChecked"`
	Errors       int `json:"errors"`
	Warnings     int `json:"warnings"`
}

// A placeObject is where something stands; what is not known is 0.
type placeObject struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type mistakeObject struct {
	placeObject
	Severity string `json:"severity"` // "error", "warning", "unsupported"
	Message  string `json:"message"`
	Code     string `json:"code,omitempty"`
	Text     string `json:"text,omitempty"` // the line
	Fix      string `json:"fix,omitempty"`
	Closes   string `json:"closes,omitempty"`
	Harmless bool   `json:"harmless,omitempty"`
}

type directiveObject struct {
	placeObject
	Name     string `json:"name"`
	Class    string `json:"class"` // "honoured", "needless", "unsupported"
	Why      string `json:"why,omitempty"`
	Closes   string `json:"closes,omitempty"`
	Harmless bool   `json:"harmless,omitempty"`
}

type skippedObject struct {
	placeObject
	Section    string `json:"section"`
	Condition  string `json:"condition"`
	Directives int    `json:"directives"`
}

type uncheckedObject struct {
	placeObject
	What string `json:"what"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

func placeJSON(p mistake.Pos) placeObject { return placeObject{p.File, p.Line, p.Col} }

// checkedJSON returns what check found. Directives that are honoured are left
// out unless form is verbose.
func checkedJSON(file string, r *config.Report, form checkForm) checkedObject {
	o := checkedObject{
		File: file, ServerRoot: r.Root, OK: form.passes(r), Counts: countsJSON(r), Files: unique(r.Files),
		Mistakes: []mistakeObject{}, Directives: []directiveObject{}, Skipped: []skippedObject{},
		NotChecked: []uncheckedObject{}, Modules: []string{},
	}
	for _, m := range mistakesOf(r, checkForm{verbose: true}) {
		o.Mistakes = append(o.Mistakes, mistakeObject{placeJSON(m.Pos), m.Severity.String(), m.Text, m.Code, m.Line, m.Fix, m.Closes, m.Harmless})
	}
	for _, d := range r.Directives {
		if d.Class != config.Honoured || form.verbose {
			o.Directives = append(o.Directives, directiveJSON(d))
		}
	}
	for _, s := range r.Skipped {
		o.Skipped = append(o.Skipped, skippedObject{placeJSON(s.Pos), s.Name, s.Condition, s.Directives})
	}
	for _, u := range r.Unchecked {
		o.NotChecked = append(o.NotChecked, uncheckedObject{placeJSON(u.Pos), u.What, u.Name, u.Why})
	}
	for _, m := range r.Modules {
		o.Modules = append(o.Modules, m.Name)
	}
	return o
}

func directiveJSON(d config.Directive) directiveObject {
	return directiveObject{placeJSON(d.Pos), nameOf(d), d.Class.String(), d.Why, d.Closes, d.Harmless}
}

func countsJSON(r *config.Report) countsObject {
	c := countsObject{
		Files: len(unique(r.Files)), Directives: len(r.Directives),
		VirtualHosts: r.Counts.VirtualHosts, Balancers: r.Counts.Balancers, Workers: r.Counts.Workers,
		Honoured: r.Count(config.Honoured), Needless: r.Count(config.Needless), Unsupported: r.Count(config.Unsupported),
		NotChecked: len(r.Unchecked), Errors: r.Mistakes.Errors(), Warnings: r.Mistakes.Warnings(),
	}
	for _, d := range r.Directives {
		if d.Closes != "" {
			c.Closing++
		}
		if d.Harmless {
			c.Harmless++
		}
	}
	return c
}

// writeJSON writes v, indented, and a newline.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
