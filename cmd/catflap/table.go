package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table writes rows with their columns aligned.
type table struct {
	indent string
	rows   [][]string
}

func newTable(indent string) *table { return &table{indent: indent} }

// add appends a row.
func (t *table) add(columns ...string) { t.rows = append(t.rows, columns) }

// write writes title, unless it is empty, and the rows; nothing if there are
// none. The last column of a row is not padded.
func (t *table) write(w io.Writer, title string) {
	if len(t.rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintln(w, title)
	}
	for _, line := range t.lines() {
		fmt.Fprintln(w, line)
	}
}

// lines returns the rows as lines.
func (t *table) lines() []string {
	var widths []int
	for _, row := range t.rows {
		for i, column := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(column))
			}
		}
	}
	var all []string
	for _, row := range t.rows {
		var line strings.Builder
		for i, column := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(column)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(column)))
			}
		}
		all = append(all, t.indent+strings.TrimRight(line.String(), " "))
	}
	return all
}
