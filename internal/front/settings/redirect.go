package settings

import "github.com/catflap/catflap/internal/front/regex"

// A Redirect is one Redirect or RedirectMatch. Without Path and Pattern it is
// for all that its section covers.
type Redirect struct {
	Path    string          // matches itself and what is below it
	Pattern *regex.Regex    // of RedirectMatch, instead of Path
	Status  int             // 300 to 599
	To      string          // absolute URL or path, the rest of the path is added to it; empty unless 3xx
	Match   *regex.Template // with Pattern, instead of To
	First   bool            // it comes before access control
	Place   string          // FILE:LINE
}
