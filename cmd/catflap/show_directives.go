package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
)

func showDirectives() *cobra.Command {
	return showing{
		name: "directives", short: "Show each directive of the files and what becomes of it",
		long: `Show each directive of the files, in their order, and what becomes of it:
honoured, needless with the reason, or unsupported with what follows.`,
		example: "  catflap show directives\n  catflap show directives | grep unsupported",
		text: func(w io.Writer, _ *front.Config, r *config.Report) error {
			t := newTable("")
			for _, d := range r.Directives {
				why := d.Why
				if d.Harmless {
					why += " (harmless)"
				}
				t.add(placeIn(r, d.Pos), d.Class.String(), nameOf(d), why)
			}
			t.write(w, "")
			return nil
		},
		json: func(_ *front.Config, r *config.Report) (any, error) {
			o := struct {
				Directives []directiveObject `json:"directives"`
			}{[]directiveObject{}}
			for _, d := range r.Directives {
				o.Directives = append(o.Directives, directiveJSON(d))
			}
			return o, nil
		},
	}.command()
}
