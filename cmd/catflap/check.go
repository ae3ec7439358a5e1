package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/privilege"
)

func checkCommand() *cobra.Command {
	var f files
	var strict bool
	c := &cobra.Command{
		Use:     "check",
		Short:   "Tell all mistakes of the files at once; nothing is started",
		Example: "  catflap check -f conf/httpd.conf",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, err := f.options(privilege.Direct{})
			if err != nil {
				return err
			}
			_, report := config.Load(options)
			for _, m := range report.Mistakes {
				fmt.Fprintln(c.ErrOrStderr(), m)
			}
			if report.Mistakes.Errors() > 0 || strict && report.Mistakes.Warnings() > 0 {
				return &exitError{code: 1}
			}
			fmt.Fprintln(c.OutOrStdout(), "Syntax OK")
			return nil
		},
	}
	f.register(c)
	c.Flags().BoolVar(&strict, "strict", false, "warnings, too, make it fail")
	return c
}
