package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the release; the build's revision is added where it is known.
const version = "0.1"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, Go version and protocols",
		Example: "  catflap version",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " (" + s.Value + ")"
					}
				}
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "catflap %s%s\n%s\nAJP/1.3, HTTP/1.0, HTTP/1.1\n", version, revision, runtime.Version())
			return err
		},
	}
}
