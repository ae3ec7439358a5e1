package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

// An httpdCall is a command line in httpd's own spelling: options only, each a
// letter.
type httpdCall struct {
	files  files
	letter byte // the last of t, S, M, T and X; 0 if there is none
	about  byte // the first of v, V, l and L, which end the reading; 0 if there is none
	log    string
	verb   string // -k; empty if there is none
}

// httpdOptions are the letters that httpd has and catflap takes; ":" stands
// behind those with an argument.
const httpdOptions = "D:C:c:d:f:e:E:k:vVlLtSMTX"

// inHTTPDSpelling reports whether args begin as httpd's do. -h is everybody's.
func inHTTPDSpelling(args []string) bool {
	return len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0][1] != '-' && args[0][1] != 'h'
}

// parseHTTPD reads args as getopt does.
func parseHTTPD(args []string) (*httpdCall, error) {
	var call httpdCall
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if len(word) < 2 || word[0] != '-' || word[1] == '-' {
			return nil, fmt.Errorf("%q is no option, and httpd's spelling has nothing else", word)
		}
		for i := 1; i < len(word); i++ {
			letter := word[i]
			at := strings.IndexByte(httpdOptions, letter)
			switch {
			case at < 0 || letter == ':':
				return nil, fmt.Errorf("unknown option -%c", letter)
			case !strings.HasPrefix(httpdOptions[at+1:], ":"):
				if call.take(letter, "") {
					return &call, nil
				}
				continue
			}
			value := word[i+1:]
			if value == "" {
				if len(args) == 0 {
					return nil, fmt.Errorf("option -%c wants an argument", letter)
				}
				value, args = args[0], args[1:]
			}
			if value == "" && (letter == 'f' || letter == 'd') {
				return nil, fmt.Errorf("option -%c: %w", letter, errEmptyName)
			}
			call.take(letter, value)
			break
		}
	}
	return &call, nil
}

// take takes one option. It reports whether the reading ends with it.
func (h *httpdCall) take(letter byte, value string) (end bool) {
	switch letter {
	case 'D':
		h.files.defines = append(h.files.defines, value)
	case 'C':
		h.files.before = append(h.files.before, value)
	case 'c':
		h.files.after = append(h.files.after, value)
	case 'd':
		h.files.root = value
	case 'f':
		h.files.file = value
	case 'e': // the level of messages at start: all are told
	case 'E':
		h.log = value
	case 'k':
		h.verb = value
	case 'v', 'V', 'l', 'L':
		h.about = letter
		return true
	case 'S':
		h.files.defines = append(h.files.defines, dumpVirtualHosts, dumpRunSettings)
		h.letter = letter
	case 'M':
		h.files.defines = append(h.files.defines, dumpModules)
		h.letter = letter
	default:
		h.letter = letter
	}
	return false
}

// What httpd shows with -t and a define.
const (
	dumpVirtualHosts = "DUMP_VHOSTS"
	dumpRunSettings  = "DUMP_RUN_CFG"
	dumpModules      = "DUMP_MODULES"
	dumpIncludes     = "DUMP_INCLUDES"
)

// run does what the call asks.
func (h *httpdCall) run(root *cobra.Command) error {
	out, messages := root.OutOrStdout(), root.ErrOrStderr()
	if h.about != 0 {
		return h.describe(out)
	}
	if h.log != "" {
		file, err := os.OpenFile(h.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return failed("-E: %v", err)
		}
		defer file.Close()
		messages = file
	}
	switch h.letter {
	case 't', 'S', 'M':
		return h.test(out, messages)
	}
	if h.verb != "" {
		return h.control(root)
	}
	return serve(root, h.files, beside{})
}

// test is -t, with what it is to show.
func (h *httpdCall) test(out, messages io.Writer) error {
	options, err := h.files.options(privilege.Direct{})
	if err != nil {
		return err
	}
	cfg, report := config.Load(options)
	tellMistakes(messages, report)
	if cfg == nil {
		return failed("%s: nothing would start", count(report.Mistakes.Errors(), "error"))
	}
	var shown bytes.Buffer
	for _, dump := range []struct {
		name  string
		write func(io.Writer, *front.Config, *config.Report)
	}{
		{dumpIncludes, writeIncludes},
		{dumpVirtualHosts, writeVirtualHosts},
		{dumpRunSettings, writeRunSettings},
		{dumpModules, writeModules},
	} {
		if slices.Contains(h.files.defines, dump.name) {
			dump.write(&shown, cfg, report)
		}
	}
	if shown.Len() == 0 {
		_, err = fmt.Fprintln(messages, "Syntax OK")
	} else {
		_, err = shown.WriteTo(out)
	}
	if err != nil {
		return failed("%v", err)
	}
	return nil
}

// describe is -v, -V, -l and -L, which read no files.
func (h *httpdCall) describe(out io.Writer) error {
	var b strings.Builder
	switch h.about {
	case 'l':
		b.WriteString("Compiled in modules:\n")
		for _, name := range config.StaticModules() {
			fmt.Fprintf(&b, "  %s\n", config.ModuleSource(name))
		}
	case 'L':
		for _, d := range config.Directives() {
			source := "catflap"
			if d.Module != "" {
				source = config.ModuleSource(d.Module + "_module")
			}
			fmt.Fprintf(&b, "%s (%s)\n\t%s\n", d.Name, source, d.Text)
		}
	default:
		version, built := buildOf()
		fmt.Fprintf(&b, "Server version: catflap/%s\nServer built:   %s\n", version, built)
		if h.about == 'V' {
			h.places(&b)
		}
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return failed("%v", err)
	}
	return nil
}

// places writes what scripts look for in httpd -V.
func (h *httpdCall) places(b *strings.Builder) {
	file, err := h.files.find(privilege.Direct{})
	if err != nil {
		file = redHat
	}
	fmt.Fprintf(b, "Server MPM:     one process\nServer compiled with....\n -D HTTPD_ROOT=%q\n -D SERVER_CONFIG_FILE=%q\n", builtInRoot(file), file)
	fmt.Fprintf(b, " -D DEFAULT_PIDLOG=%q\n -D DEFAULT_ERRORLOG=%q\n -D AP_TYPES_CONFIG_FILE=%q\n", "logs/httpd.pid", "logs/error_log", "conf/mime.types")
}
