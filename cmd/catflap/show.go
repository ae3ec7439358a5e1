package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
)

func showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "show",
		Short:   "Show what the files mean: vhosts, mounts, workers, directives",
		Example: "  catflap show vhosts\n  catflap show mounts --url http://www.site.example/app/page.jsp",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{c, errors.New("there is nothing to show by the name " + args[0])}
			}
			return &usageError{c, errors.New("show what? vhosts, mounts, workers or directives")}
		},
	}
	c.AddCommand(showVirtualHosts(), showMounts(), showWorkers(), showDirectives())
	return c
}

// A showing is one of the subcommands of show: how it is called, and what it
// writes as text and as JSON.
type showing struct {
	name, short, long, example string
	text                       func(io.Writer, *front.Config, *config.Report) error
	json                       func(*front.Config, *config.Report) (any, error)
}

// command makes a subcommand of s.
func (s showing) command() *cobra.Command {
	var f files
	var asJSON bool
	c := &cobra.Command{
		Use: s.name, Short: s.short, Long: s.long, Example: s.example, Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, report, file, err := f.look()
			switch {
			case err != nil:
				return err
			case cfg == nil && asJSON: // as check --json
				if err := writeJSON(c.OutOrStdout(), checkedJSON(file, report, checkForm{})); err != nil {
					return failed("%v", err)
				}
				return &exitError{code: 1}
			case cfg == nil:
				return tellErrors(c, report)
			}
			var out bytes.Buffer
			if asJSON {
				var v any
				if v, err = s.json(cfg, report); err == nil {
					err = writeJSON(&out, v)
				}
			} else {
				err = s.text(&out, cfg, report)
			}
			if err != nil {
				return err
			}
			if _, err := out.WriteTo(c.OutOrStdout()); err != nil {
				return failed("%v", err)
			}
			return nil
		},
	}
	f.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object in place of the text")
	return c
}
