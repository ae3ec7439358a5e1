package translate

import (
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// Config is what decides for one site which Target a path has.
type Config struct {
	DocumentRoot string
	Redirects    []settings.Redirect // in file order: the first that matches
	Mounts       *mount.Map          // never nil
	StripSession string              // JkStripSession: the path parameter that no file's name has, with its ";"; empty if it is off
	Aliases      []Alias             // in file order: the first that matches
}

// An Alias is one Alias or AliasMatch line.
type Alias struct {
	Path    string          // URL path; a trailing slash must match
	Pattern *regex.Regex    // of AliasMatch, instead of Path
	Dir     string          // file or directory, absolute; with Below the folder that it must stay under
	Below   *regex.Template // of AliasMatch with $1: the path below Dir
	Place   string
}
