package static

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// Variants are the files that MultiViews may answer with for a name that is
// not there: the request goes on with the one of Choose, in place of the last
// part of its path.
type Variants struct {
	All     []Variant
	Missing *exchange.Refusal // the answer if none of them may be had
}

func (v *Variants) Error() string { return fmt.Sprintf("%d variants", len(v.All)) }

// A Variant is one of them.
type Variant struct {
	Name  string
	about metadata
	size  int64
}

// Variants returns the files that the missing Target of x is the beginning of,
// nil if there are none or MultiViews is off.
//
// Source: httpd manual, "Content Negotiation"; as seen at work.
func (f *Files) Variants(x *exchange.Exchange) *Variants {
	below := path.Clean("/" + x.Target.File)[1:]
	base := path.Base(below)
	if !x.Settings.Options.Has(settings.MultiViews) || below == "" || base[0] == '.' || strings.HasSuffix(x.Target.File, "/") || hidden(x, below) != nil {
		return nil
	}
	d, err := f.roots.get(x.Target.Root)
	if err != nil {
		return nil
	}
	defer d.release()
	dir, err := d.open(path.Dir(below))
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(listed)
	var all []Variant
	for _, e := range entries {
		extensions, ok := strings.CutPrefix(e.Name(), base+".")
		if !ok {
			continue
		}
		file, ok := d.resolve(path.Join(path.Dir(below), e.Name()))
		if !ok {
			continue
		}
		info, err := d.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if m, ok := f.known(x, extensions); ok {
			all = append(all, Variant{e.Name(), m, info.Size()})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &Variants{All: all, Missing: missing(x)}
}

// Choose chooses one of all, at least one. The error is a refusal: the client
// takes none.
func (f *Files) Choose(w http.ResponseWriter, x *exchange.Exchange, all []Variant) (name string, err error) {
	best, acceptable := choose(x, all)
	h := w.Header()
	h.Set("Vary", vary(all))
	if !acceptable {
		h.Set("TCN", "list")
		return "", &exchange.Refusal{Status: http.StatusNotAcceptable, Code: "AH00690",
			Log: "no acceptable variant: " + path.Join(x.Target.Root, x.Target.File), Level: "error", Module: "negotiation"}
	}
	if x.Request.Method != http.MethodPost {
		h.Set("Content-Location", best)
	}
	h.Set("TCN", "choice")
	return best, nil
}

// rated is how much a client wants a variant.
type rated struct {
	Variant
	quality  float64 // of the type
	language float64 // of the languages
	encoding float64 // of the encoding
	order    int     // by LanguagePriority
}

// wanted is the quality of the type, 0 if no language or encoding of it will do.
func (r *rated) wanted() float64 {
	if r.language == 0 || r.encoding == 0 {
		return 0
	}
	return r.quality
}

// choose returns the best of all, and whether the client takes it: by Accept,
// by Accept-Language, by LanguagePriority, by Accept-Encoding, then the
// smallest.
//
// Source: httpd modules/mappers/mod_negotiation.c, is_variant_better and
// best_match, as seen at work.
func choose(x *exchange.Exchange, variants []Variant) (name string, acceptable bool) {
	t, header := &x.Settings.Types, x.Request.Header
	some := slices.ContainsFunc(variants, func(v Variant) bool { return v.about.languages != nil })
	wanted := false
	all := make([]rated, len(variants))
	for i, v := range variants {
		r := rated{
			Variant: v, quality: quality(header["Accept"], v.about.mediaType),
			language: languageQuality(header["Accept-Language"], v.about.languages, some), encoding: encodingQuality(header["Accept-Encoding"], v.about.encodings),
		}
		wanted = wanted || r.wanted() > 0
		if t.Priority.Prefer || !t.Priority.Forced {
			r.order = priority(v.about.languages, t.Priority.Order)
		}
		all[i] = r
	}
	if !wanted && t.Priority.Fallback {
		for i := range all {
			all[i].language, all[i].order = 1, priority(all[i].about.languages, t.Priority.Order)
		}
	}
	best := slices.MinFunc(all, func(a, b rated) int {
		return cmp.Or(
			-cmp.Compare(a.wanted(), b.wanted()), -cmp.Compare(a.language, b.language),
			cmp.Compare(a.order, b.order), -cmp.Compare(a.encoding, b.encoding), cmp.Compare(a.size, b.size), strings.Compare(a.Name, b.Name))
	})
	return best.Name, best.wanted() > 0
}

// vary names the headers by which variants were chosen.
func vary(all []Variant) string {
	text := "negotiate"
	for _, by := range []struct {
		header string
		of     func(Variant) string
	}{
		{"accept", func(v Variant) string { return v.about.mediaType }},
		{"accept-language", func(v Variant) string { return strings.Join(v.about.languages, ",") }},
		{"accept-encoding", func(v Variant) string { return strings.Join(v.about.encodings, ",") }},
		{"accept-charset", func(v Variant) string { return v.about.charset }},
	} {
		if slices.ContainsFunc(all, func(v Variant) bool { return by.of(v) != by.of(all[0]) }) {
			text += "," + by.header
		}
	}
	return text
}

// known returns what a name's extensions tell; ok is false unless all of them
// mean something, and there is a type.
func (f *Files) known(x *exchange.Exchange, extensions string) (m metadata, ok bool) {
	t := &x.Settings.Types
	for ext := range strings.SplitSeq(strings.ToLower(extensions), ".") {
		if f.ofExtension(t, ext) == "" && t.Charsets[ext] == "" && t.Languages[ext] == "" && t.Encodings[ext] == "" {
			return m, false
		}
	}
	m = f.about(x, "x."+extensions)
	return m, m.mediaType != ""
}

// languageQuality returns how much the client wants a variant for its
// languages: the best q of a range that covers one of them. Without
// Accept-Language all are wanted, and a variant without a language is wanted
// hardly where others have one.
//
// Source: httpd modules/mappers/mod_negotiation.c, set_language_quality, as
// seen at work.
func languageQuality(accept []string, languages []string, some bool) float64 {
	switch {
	case !some:
		return 1
	case len(languages) == 0:
		return 0.001
	case len(accept) == 0:
		return 1
	}
	best := 0.0
	for _, language := range languages {
		longest, q := -1, 0.0
		for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
			name, parameters, _ := strings.Cut(part, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			switch covers := language == name || strings.HasPrefix(language, name+"-"); {
			case name == "*" && longest < 0:
				longest, q = 0, parameter(parameters)
			case covers && len(name) > longest:
				longest, q = len(name), parameter(parameters)
			case strings.HasPrefix(name, language+"-") && longest < 0: // de does for who asks for de-at
				q = max(q, 0.001)
			}
		}
		best = max(best, q)
	}
	return best
}

// encodingQuality returns how much the client wants a variant for its encoding:
// without Accept-Encoding all are wanted.
func encodingQuality(accept []string, encodings []string) float64 {
	if len(accept) == 0 || len(encodings) == 0 {
		return 1
	}
	encoding, all := strings.TrimPrefix(encodings[len(encodings)-1], "x-"), 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		switch strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-") {
		case encoding:
			return parameter(parameters)
		case "*":
			all = parameter(parameters)
		}
	}
	return all
}

// priority is the place of the first of languages in LanguagePriority, one
// behind the last if none is there.
func priority(languages, order []string) int {
	best := len(order)
	for _, language := range languages {
		if i := slices.Index(order, language); i >= 0 {
			best = min(best, i)
		}
	}
	return best
}

// quality returns how much the client wants a media type: the q of the most
// specific range of Accept that covers it.
func quality(accept []string, mediaType string) float64 {
	if len(accept) == 0 {
		return 1
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	best, specific := 0.0, -1
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, parameters, _ := strings.Cut(part, ";")
		level := -1
		switch media = strings.ToLower(strings.TrimSpace(media)); media {
		case mediaType:
			level = 2
		case kind + "/*":
			level = 1
		case "*/*", "*":
			level = 0
		}
		if level > specific {
			best, specific = parameter(parameters), level
		}
	}
	return best
}

// parameter returns the q of a range's parameters, 1 if there is none.
func parameter(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
			if q, err := strconv.ParseFloat(value, 64); err == nil && q >= 0 && q <= 1 {
				return q
			}
		}
	}
	return 1
}
