package settings

import (
	"maps"
	"strings"
)

// Types is what decides the Content-Type of a file besides TypesConfig.
type Types struct {
	ByExt   map[string]string // AddType: extension in lower case without dot → media type
	Force   string            // ForceType: for every file; empty if not set, "none" ends an inherited one
	Charset string            // AddDefaultCharset: added to text/plain and text/html; empty leaves, "off" ends
}

func (t Types) with(later *Types) Types {
	if len(later.ByExt) > 0 {
		byExt := maps.Clone(t.ByExt)
		if byExt == nil {
			byExt = make(map[string]string, len(later.ByExt))
		}
		maps.Copy(byExt, later.ByExt)
		t.ByExt = byExt
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
