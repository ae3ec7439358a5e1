package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/privilege"
)

// files are the flags of the commands that read httpd.conf, spelled as
// httpd's own.
type files struct {
	file    string
	root    string
	defines []string
	before  []string
	after   []string
}

func (f *files) register(c *cobra.Command) {
	flags := c.Flags()
	flags.VarP((*fileName)(&f.file), "file", "f", "httpd.conf to read, a `FILE` (default "+redHat+", else "+debian+")")
	flags.VarP((*fileName)(&f.root), "root", "d", "ServerRoot until the file names one, a `FOLDER`")
	flags.StringArrayVarP(&f.defines, "define", "D", nil, "define `NAME` for <IfDefine>")
	flags.StringArrayVarP(&f.before, "before", "C", nil, "a `LINE` to process before the file")
	flags.StringArrayVarP(&f.after, "after", "c", nil, "a `LINE` to process after the file")
}

// A fileName is a flag that names a file or a folder. An empty one, mostly a
// variable of a script that is not set, is wrong use: the default would be read
// in place of what was meant.
type fileName string

// Set implements pflag.Value.
func (n *fileName) Set(name string) error {
	if name == "" {
		return errEmptyName
	}
	*n = fileName(name)
	return nil
}

// String implements pflag.Value.
func (n *fileName) String() string { return string(*n) }

// Type implements pflag.Value.
func (n *fileName) Type() string { return "name" }

var errEmptyName = errors.New("the name is empty; leave the flag out for the default")

// Where the distributions keep their httpd.conf.
const (
	redHat = "/etc/httpd/conf/httpd.conf"
	debian = "/etc/apache2/apache2.conf"
)

// options returns what to load. As httpd of the distributions does, an
// apache2.conf goes with the envvars beside it.
func (f *files) options(opener privilege.Opener) (config.Options, error) {
	o := config.Options{
		Defines: f.defines, Before: f.before, After: f.after, Env: os.LookupEnv, Opener: opener, Version: version,
	}
	name, err := f.find(opener)
	if err != nil {
		return o, err
	}
	o.File, o.Root = name, f.root
	if o.Root == "" {
		o.Root = builtInRoot(name)
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return o, failed("%v", err)
	}
	if filepath.Base(name) == filepath.Base(debian) {
		set, err := readEnvvars(opener, filepath.Join(filepath.Dir(name), "envvars"))
		if err != nil {
			return o, failed("%v", err)
		}
		o.Env = func(name string) (string, bool) {
			if value, ok := os.LookupEnv(name); ok {
				return value, true
			}
			value, ok := set[name]
			return value, ok
		}
	}
	return o, nil
}

// load loads the files for a command that only looks at them. Errors are told;
// warnings are left to check.
func (f *files) load(c *cobra.Command) (*front.Config, *config.Report, error) {
	cfg, report, _, err := f.look()
	if err != nil {
		return nil, nil, err
	}
	if cfg == nil {
		return nil, nil, tellErrors(c, report)
	}
	return cfg, report, nil
}

// look loads the files with the name of the first, as check does. The Config is
// nil if there are errors in them; the error is another one.
func (f *files) look() (*front.Config, *config.Report, string, error) {
	options, err := f.options(privilege.Direct{})
	if err != nil {
		return nil, nil, "", err
	}
	options.Unprivileged = os.Geteuid() != 0
	cfg, report := config.Load(options)
	return cfg, report, options.File, nil
}

// tellErrors tells the errors of report, and returns the end with them.
func tellErrors(c *cobra.Command, report *config.Report) error {
	report.Mistakes = slices.DeleteFunc(report.Mistakes, func(m mistake.Mistake) bool { return m.Severity != mistake.Error })
	tellMistakes(c.ErrOrStderr(), report)
	return failed("%s in the files", count(len(report.Mistakes), "error"))
}

// find returns the file to read. A relative one is looked for below the root
// that -d names, as httpd does, and else where the process is.
func (f *files) find(opener privilege.Opener) (string, error) {
	if f.file == "" {
		for _, name := range []string{redHat, debian} {
			if _, err := opener.Stat(name); err == nil {
				return name, nil
			}
		}
		return "", failed("no configuration: neither %s nor %s is there; name yours with -f FILE", redHat, debian)
	}
	if f.root != "" && !filepath.IsAbs(f.file) {
		below := filepath.Join(f.root, f.file)
		if _, err := opener.Stat(below); err == nil && !same(below, f.file) {
			return below, nil
		}
	}
	return f.file, nil
}

// same reports whether two names mean one file, seen from where the process is.
func same(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// builtInRoot is the ServerRoot that a file goes by before it names one: the
// folder of an apache2.conf, the folder above conf, else where the process is.
func builtInRoot(file string) string {
	folder := filepath.Dir(file)
	switch {
	case filepath.Base(file) == filepath.Base(debian):
		return folder
	case filepath.Base(folder) == "conf":
		return filepath.Dir(folder)
	}
	return "."
}
