package static

import (
	"net/http"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// metadata is what the name of a file tells about it.
type metadata struct {
	mediaType string // empty if none is known
	charset   string
	languages []string
	encodings []string
}

// about returns what the extensions of base tell: of type and charset the last
// counts, languages and encodings are lists.
//
// Source: httpd modules/http/mod_mime.c, find_ct, as seen at work.
func (f *Files) about(x *exchange.Exchange, base string) metadata {
	t := &x.Settings.Types
	var m metadata
	_, rest, _ := strings.Cut(strings.TrimLeft(base, "."), ".")
	for ext := range strings.SplitSeq(strings.ToLower(rest), ".") {
		if mediaType := f.ofExtension(t, ext); mediaType != "" {
			m.mediaType = mediaType
		}
		if charset := t.Charsets[ext]; charset != "" {
			m.charset = charset
		}
		if language := t.Languages[ext]; language != "" && !slices.Contains(m.languages, language) {
			m.languages = append(m.languages, language)
		}
		if encoding := t.Encodings[ext]; encoding != "" {
			m.encodings = append(m.encodings, encoding)
		}
	}
	if t.Force != "" {
		m.mediaType, m.charset = t.Force, ""
	}
	if m.languages == nil && t.Language != "" {
		m.languages = []string{t.Language}
	}
	return m
}

// contentType is the Content-Type, empty if none is known.
func (m *metadata) contentType(standard string) string {
	charset := m.charset
	if charset == "" && standard != "" && (m.mediaType == "text/plain" || m.mediaType == "text/html") {
		charset = strings.ToLower(standard)
	}
	if m.mediaType == "" || charset == "" {
		return m.mediaType
	}
	return m.mediaType + "; charset=" + charset
}

// setType sets the headers about what a file is; net/http is not to guess the
// type.
func (f *Files) setType(h http.Header, x *exchange.Exchange, base string) {
	m := f.about(x, base)
	unsetType(h)
	if mediaType := m.contentType(x.Settings.Types.Charset); mediaType != "" {
		h.Set("Content-Type", mediaType)
	}
	if m.languages != nil {
		h.Set("Content-Language", strings.Join(m.languages, ","))
	}
	if m.encodings != nil {
		h.Set("Content-Encoding", strings.Join(m.encodings, ", "))
	}
}

// unsetType takes away what setType set.
func unsetType(h http.Header) {
	h["Content-Type"] = nil
	delete(h, "Content-Language")
	delete(h, "Content-Encoding")
}

// ofExtension returns the media type of an extension in lower case, "" if it
// has none.
func (f *Files) ofExtension(t *settings.Types, ext string) string {
	if ext == "" {
		return ""
	}
	if mediaType, set := t.ByExt[ext]; set {
		return mediaType
	}
	return f.types[ext]
}
