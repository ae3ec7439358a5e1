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
			release, _ := buildOf()
			_, err := fmt.Fprintf(c.OutOrStdout(), "catflap %s\n%s\nAJP/1.3, HTTP/1.0, HTTP/1.1\n", release, runtime.Version())
			return err
		},
	}
}

// buildOf returns the release, with the revision where it is known, and when
// that was made.
func buildOf() (release, made string) {
	release, made = version, "at a time that is not known"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release, made
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			release += " (" + s.Value + ")"
		case "vcs.time":
			made = s.Value
		}
	}
	return release, made
}
