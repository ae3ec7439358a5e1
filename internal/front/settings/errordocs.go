package settings

import "maps"

// ErrorDocs maps a status to what its error page is. It is never changed once
// built.
type ErrorDocs map[int]ErrorDoc

// An ErrorDoc is the second argument of ErrorDocument: exactly one field is
// set, none for "default".
type ErrorDoc struct {
	Text string // shown as it is
	Path string // a local path: goes through translate again, status kept
	URL  string // elsewhere: the client is sent there with 302
}

func (d ErrorDocs) with(later ErrorDocs) ErrorDocs {
	merged := maps.Clone(d)
	if merged == nil {
		merged = make(ErrorDocs, len(later))
	}
	maps.Copy(merged, later)
	return merged
}
