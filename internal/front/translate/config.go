package translate

import (
	"regexp"

	"github.com/catflap/catflap/internal/front/mount"
)

// Config is what decides for one site which Target a path has.
type Config struct {
	DocumentRoot string
	Redirects    []Redirect // in file order: the first that matches
	Mounts       *mount.Map // never nil
	Aliases      []Alias    // in file order: the first that matches
}

// A Redirect is one Redirect line: Path matches itself and what is below it.
type Redirect struct {
	Path   string // begins with "/"
	Status int    // 300 to 599; the rest of the path is added to To if it is 3xx
	To     string // absolute URL or path; empty unless 3xx
	Place  string // FILE:LINE
}

// An Alias is one Alias line.
type Alias struct {
	Path    string         // URL path; a trailing slash must match
	Pattern *regexp.Regexp // AliasMatch instead of Path
	Dir     string         // file or directory, absolute
	Place   string
}
