package settings

import (
	"maps"
	"strings"
)

// Types is what decides the Content-Type, Content-Language and
// Content-Encoding of a file besides TypesConfig. The maps are by extension, in
// lower case without dot; an empty value takes the meaning from an extension.
type Types struct {
	ByExt     map[string]string // AddType
	Charsets  map[string]string // AddCharset
	Languages map[string]string // AddLanguage
	Encodings map[string]string // AddEncoding
	Force     string            // ForceType: for every file; empty if not set, "none" ends an inherited one
	Charset   string            // AddDefaultCharset: added to text/plain and text/html; empty leaves, "off" ends
	Language  string            // DefaultLanguage: of files without one
	Priority  Priority
}

// Priority is LanguagePriority and ForceLanguagePriority.
type Priority struct {
	Order    []string // in lower case
	Prefer   bool     // of several that do, the first in Order
	Fallback bool     // if none does, the first in Order
	Forced   bool     // ForceLanguagePriority is set; else it is Prefer
}

// over returns inherited with what later says.
func over(inherited, later map[string]string) map[string]string {
	if len(later) == 0 {
		return inherited
	}
	merged := maps.Clone(inherited)
	if merged == nil {
		merged = make(map[string]string, len(later))
	}
	maps.Copy(merged, later)
	return merged
}

func (t Types) with(later *Types) Types {
	t.ByExt, t.Charsets = over(t.ByExt, later.ByExt), over(t.Charsets, later.Charsets)
	t.Languages, t.Encodings = over(t.Languages, later.Languages), over(t.Encodings, later.Encodings)
	if later.Language != "" {
		t.Language = later.Language
	}
	if later.Priority.Order != nil {
		t.Priority.Order = later.Priority.Order
	}
	if p := later.Priority; p.Forced {
		t.Priority.Prefer, t.Priority.Fallback, t.Priority.Forced = p.Prefer, p.Fallback, true
	}
	if later.Force != "" {
		t.Force = later.Force
		if strings.EqualFold(t.Force, "none") {
			t.Force = ""
		}
	}
	if later.Charset != "" {
		t.Charset = later.Charset
		if strings.EqualFold(t.Charset, "off") {
			t.Charset = ""
		}
	}
	return t
}
