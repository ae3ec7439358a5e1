package config

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// An overrideReader reads .htaccess files, with what the configuration says
// elsewhere. Many goroutines may use it.
type overrideReader struct {
	env        func(string) (string, bool)
	defines    []string
	modules    []httpdconf.Module
	root       string
	remoteIP   *httpdconf.Directive
	foreignEnv []string
	aliases    map[string]bool
}

// overrideReader returns the reader for what is loaded so far.
func (l *loader) overrideReader() *overrideReader {
	r := &overrideReader{modules: l.report.Modules, root: l.root, remoteIP: l.remoteIP, foreignEnv: slices.Clone(l.foreignEnv), aliases: l.providerAliases}
	values := map[string]string{}
	for _, d := range l.report.Defines {
		r.defines = append(r.defines, d.Name)
		values[strings.ToLower(d.Name)] = d.Value
	}
	r.env = func(name string) (string, bool) {
		if value, ok := values[strings.ToLower(name)]; ok {
			return value, true
		}
		return l.o.Env(name)
	}
	return r
}

// section returns what a file says. With a mistake in it, its folder is closed.
func (r *overrideReader) section(file htaccess.File) vhost.Section {
	s, report := r.read(file)
	for _, m := range report.Mistakes {
		if m.Severity == mistake.Error {
			s.Inside, s.Layer = nil, &settings.Layer{Closed: &settings.Closed{Place: m.Pos.String(), By: "a file with a mistake: " + m.Text}}
			break
		}
	}
	return s
}

// read reads a file as the body of a <Directory> for its folder.
func (r *overrideReader) read(file htaccess.File) (vhost.Section, *Report) {
	loaded := StaticModules()
	for _, m := range r.modules {
		loaded = append(loaded, m.Name)
	}
	tree, found := httpdconf.Parse(httpdconf.Options{
		File: file.Name, Root: r.root, Defines: r.defines, Env: r.env, Files: oneFile{file.Name, file.Text},
		Known: known, Names: names(), Static: loaded,
		Foreign: func(name string, _ []httpdconf.Module) bool { return isForeign(name, r.modules) }, MaxLines: 100000,
	})
	l := newLoader(Options{File: file.Name, Env: r.env})
	l.root, l.remoteIP, l.foreignEnv, l.providerAliases = r.root, r.remoteIP, slices.Clone(r.foreignEnv), r.aliases
	l.report.Mistakes, l.report.Modules = found, r.modules
	at := &httpdconf.Directive{Pos: mistake.Pos{File: file.Name}, Name: "Directory", Section: true, Args: []httpdconf.Arg{{Text: file.Folder}}}
	s := vhost.Section{Kind: vhost.Directory, Pattern: file.Folder, Place: file.Name, Layer: &settings.Layer{}}
	inner := place{scope: l.main, layer: s.Layer, in: inDirectory, section: at, inside: &s.Inside, covers: "what is below " + file.Folder}
	l.walk(l.permitted(tree.Directives, file.Allowed), inner)
	l.closeRewritten()
	l.closeByEnv()
	l.closeJudgements()
	l.closeClientSections()
	l.report.Mistakes.Sort()
	return s, l.report
}

// permitted returns what of directives a file may hold; the rest is a mistake,
// or is passed over.
//
// Source: httpd server/config.c, invoke_cmd, as seen at work.
func (l *loader) permitted(directives []httpdconf.Directive, allowed settings.Override) []httpdconf.Directive {
	var kept []httpdconf.Directive
	for _, d := range directives {
		switch {
		case allows(allowed, &d):
			d.Body = l.permitted(d.Body, allowed)
			kept = append(kept, d)
		case !allowed.Nonfatal:
			l.fail(&d, d.Pos, d.Name+" not allowed here", "the AllowOverride for this folder does not have it")
		}
	}
	return kept
}

// allows reports whether a file may hold d.
func allows(allowed settings.Override, d *httpdconf.Directive) bool {
	name := strings.ToLower(d.Name)
	if strings.Contains(allowed.List, " "+name+" ") {
		return true
	}
	class, isKnown := overrideClassOf(name)
	switch {
	case d.Section && (strings.HasPrefix(name, "limit") || strings.HasPrefix(name, "files") || strings.HasPrefix(name, "if") || strings.HasPrefix(name, "else")), d.Unknown:
		return true // what it holds is judged by itself
	case !isKnown:
		return allowed.Classes != 0
	case allowed.Classes&class == 0:
		return false
	case class != settings.OverrideOptions || allowed.Options == 0:
		return true
	}
	for _, a := range d.Args {
		if o := optionNames[strings.ToLower(strings.TrimLeft(a.Text, "+-"))]; allowed.Options&o != o {
			return false
		}
	}
	return true
}

// overrideClassOf returns the kind of a directive, in lower case.
//
// Source: httpd's manual, "Override" of each directive.
func overrideClassOf(name string) (settings.OverrideClass, bool) {
	for _, class := range []struct {
		is    settings.OverrideClass
		begin string // how names begin, or whole names
	}{
		{settings.OverrideLimit, "order allow deny allowmethods"},
		{settings.OverrideAuthConfig, "auth require satisfy anonymous ldap session sslrequire sslverify sslcipher ssluser ssloptions"},
		{settings.OverrideOptions, "options xbithack contentdigest checkspelling filter sslrenegbuffersize"},
		{settings.OverrideIndexes, "directoryindex directoryslash fallbackresource index addalt adddescription addicon defaulticon headername readmename expires imap cache meta"},
		{settings.OverrideFileInfo, "addtype addencoding addlanguage addcharset addhandler addoutputfilter addinputfilter adddefaultcharset forcetype sethandler setoutputfilter " +
			"setinputfilter errordocument defaulttype defaultlanguage remove redirect rewrite setenv unsetenv passenv browsermatch header requestheader acceptpathinfo " +
			"fileetag action cookie enablemmap enablesendfile languagepriority forcelanguagepriority qualifyredirecturl substitute usecanonical"},
	} {
		for begin := range strings.FieldsSeq(class.begin) {
			if strings.HasPrefix(name, begin) {
				return class.is, true
			}
		}
	}
	return 0, false
}

// oneFile is a file system with nothing but one file.
type oneFile struct {
	name string
	text []byte
}

func (f oneFile) Open(name string) (io.ReadCloser, error) {
	if name != f.name {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(f.text)), nil
}

func (f oneFile) ReadDir(string) ([]fs.DirEntry, error) { return nil, os.ErrNotExist }
func (f oneFile) Stat(name string) (fs.FileInfo, error) { return nil, os.ErrNotExist }
