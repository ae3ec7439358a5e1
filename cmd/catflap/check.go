package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
)

func checkCommand() *cobra.Command {
	var f files
	var form checkForm
	c := &cobra.Command{
		Use:   "check",
		Short: "Tell all mistakes of the files at once, and what becomes of each directive",
		Long: `Tell all mistakes of httpd.conf and what it names at once, each with its place
and what to do; then how many directives are honoured, needless (ignored, and
that is harmless) and unsupported (and what follows). Nothing is started.

Exit code 0 and the last line "Syntax OK", or 1. It needs no rights: what it
may not read is counted as not checked.`,
		Example: `  catflap check
  catflap check -f conf/httpd.conf --verbose
  catflap check --json | jq '.mistakes[] | select(.severity == "error")'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, report, file, err := f.look()
			if err != nil {
				return err
			}
			if form.json {
				err = writeJSON(c.OutOrStdout(), checkedJSON(file, report, form))
			} else {
				err = writeChecked(c.OutOrStdout(), c.ErrOrStderr(), file, report, form)
			}
			if err != nil {
				return failed("%v", err)
			}
			return form.judge(report)
		},
	}
	f.register(c)
	c.Flags().BoolVar(&form.strict, "strict", false, "fail on warnings, too")
	c.Flags().BoolVar(&form.verbose, "verbose", false, "tell of each directive without effect, each skipped section and all that was not checked")
	c.Flags().BoolVar(&form.json, "json", false, "one JSON object in place of the text")
	return c
}

// A checkForm is how check tells what it found.
type checkForm struct{ strict, verbose, json bool }

// passes reports whether the files may be served.
func (f checkForm) passes(r *config.Report) bool {
	return r.Mistakes.Errors() == 0 && (!f.strict || r.Mistakes.Warnings() == 0)
}

// judge returns nil, or the end with exit code 1 and the reason.
func (f checkForm) judge(r *config.Report) error {
	errors, warnings := r.Mistakes.Errors(), r.Mistakes.Warnings()
	switch {
	case f.passes(r):
		return nil
	case f.json:
		return &exitError{code: 1}
	case errors == 0:
		return failed("%s, and --strict", count(warnings, "warning"))
	}
	return failed("%s: nothing would start", count(errors, "error"))
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
