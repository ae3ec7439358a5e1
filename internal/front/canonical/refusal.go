package canonical

import (
	"fmt"
	"net/http"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A reason tells why a target is no path.
type reason int

const (
	fine reason = iota
	notPath
	badEscape
	above
	dotParameter
	control
	fragment
	slashOrNUL
)

// refuse returns the Refusal for target, in httpd's words where it has them.
func refuse(target string, why reason) error {
	r := &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH10244", Level: "error", Module: "core"}
	invalid := fmt.Sprintf("invalid URI path (%s)", target)
	switch why {
	case notPath:
		r.Code, r.Level, r.Log = "AH03450", "debug", fmt.Sprintf("HTTP Request Line; Unable to parse URI: '%s'", target)
	case badEscape:
		r.Log = invalid + ": a bad percent escape"
	case above:
		r.Log = invalid + ": it climbs above the root"
	case dotParameter:
		r.Log = invalid + ": a dot segment with a parameter, which every server resolves differently"
	case control:
		r.Code, r.Level, r.Log = "AH03454", "debug", fmt.Sprintf("HTTP Request Line; URI incorrectly encoded: '%s'", target)
	case fragment:
		r.Code, r.Level, r.Log = "AH02421", "debug", "HTTP Request Line; URI must not contain a fragment"
	case slashOrNUL:
		r.Status, r.Code, r.Level = http.StatusNotFound, "AH00026", "info"
		r.Log = fmt.Sprintf("found %%2f (encoded '/') or %%00 in URI path (%s), returning 404", target)
	}
	return r
}
