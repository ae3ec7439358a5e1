package settings

import (
	"slices"

	"github.com/catflap/catflap/internal/front/regex"
)

// Headers are what Header and RequestHeader do, each list in its order. It is
// never changed once built.
type Headers struct {
	Request []HeaderOp // RequestHeader
	Success []HeaderOp // Header, Header onsuccess: of answers that are no made-up page
	Always  []HeaderOp // Header always: beside them, of every answer
}

// with returns h followed by later.
func (h *Headers) with(later *Headers) *Headers {
	if h == nil {
		return later
	}
	return &Headers{slices.Concat(h.Request, later.Request), slices.Concat(h.Success, later.Success), slices.Concat(h.Always, later.Always)}
}

// A HeaderAction is what a HeaderOp does.
type HeaderAction int

const (
	HeaderSet        HeaderAction = iota
	HeaderAppend                  // to the first of that name
	HeaderMerge                   // likewise, unless it holds the value already
	HeaderAdd                     // one more
	HeaderUnset                   //
	HeaderEcho                    // adds the request's headers whose names match
	HeaderEdit                    // the first match in each
	HeaderEditAll                 // every match in each
	HeaderSetIfEmpty              // unless there is one
	HeaderNote                    // Value is the note that gets the first of that name
)

// A HeaderOp is one Header or RequestHeader.
type HeaderOp struct {
	Action  HeaderAction
	Name    string          // in canonical spelling
	Pattern *regex.Regex    // of HeaderEcho for names, of HeaderEdit and HeaderEditAll for values
	Value   []HeaderPart    // what it comes to; of an edit, the template of what a match becomes
	Match   *regex.Template // of an edit whose Value is only text: that text
	Env     string          // only with this variable, or, as !NAME, without it; empty: in any case
	Place   string          // FILE:LINE
}

// A HeaderPart is a part of a value.
type HeaderPart struct {
	Kind HeaderPartKind
	Text string // the text, or the name of the variable
}

// A HeaderPartKind is what a HeaderPart stands for.
type HeaderPartKind int

const (
	HeaderText     HeaderPartKind = iota
	HeaderBegan                   // %t: when the request came, "t=" and µs since 1970
	HeaderTook                    // %D: how long it took until now, "D=" and µs
	HeaderVariable                // %{NAME}e; "(null)" if it is not set
	HeaderTLS                     // %{NAME}s, a variable of mod_ssl, likewise
)
