// Command catflap is the door for Tomcats: a front that takes the place of
// httpd with mod_jk on their own files. What comes in are files and signals,
// what goes out are answers to clients, messages, and an exit code: 0 success,
// 1 a failure that the message explains, 2 wrong use.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run runs the command line and returns its exit code.
func run(args []string) int {
	root := &cobra.Command{
		Use:   "catflap",
		Short: "The door for Tomcats: a front on httpd's and mod_jk's own files",
		Long: `The door for Tomcats: a front on httpd's and mod_jk's own files.

httpd's own spelling works, too: catflap -t, -S, -M, -v, with -f, -d, -D, -C, -c.`,
		Example:       "  catflap check\n  catflap serve -f /etc/httpd/conf/httpd.conf\n  catflap -t -f conf/httpd.conf",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), checkCommand(), showCommand(), ajpCommand(), reloadCommand(), stopCommand(), gracefulStopCommand(),
		demoCommand(), nodeCommand(), versionCommand())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c, err} })
	if inHTTPDSpelling(args) {
		call, err := parseHTTPD(args)
		if err != nil {
			return exitCode(&usageError{root, err})
		}
		return exitCode(call.run(root))
	}
	root.SetArgs(args)
	return exitCode(root.Execute())
}

// exitCode is the exit code for err, which it tells.
func exitCode(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.message != "" {
			fmt.Fprintln(os.Stderr, exit.message)
		}
		return exit.code
	}
	fmt.Fprintf(os.Stderr, "catflap: %v\n", err)
	var wrong *usageError
	if errors.As(err, &wrong) {
		fmt.Fprintf(os.Stderr, "See '%s --help'.\n", wrong.command.CommandPath())
	} else {
		fmt.Fprintln(os.Stderr, "See 'catflap --help'.")
	}
	return 2
}

// An exitError ends the process with code, after message if there is one.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

// failed ends the process with 1 and a message.
func failed(format string, args ...any) error {
	return &exitError{1, "catflap: " + fmt.Sprintf(format, args...)}
}

// A usageError is a wrong flag or argument of command.
type usageError struct {
	command *cobra.Command
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

// noArguments refuses arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{c, fmt.Errorf("%s takes no argument, but was given %q", c.CommandPath(), args[0])}
	}
	return nil
}
