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
	Name      string
	mediaType string
	size      int64
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
		if mediaType := f.known(x, extensions); mediaType != "" {
			all = append(all, Variant{e.Name(), mediaType, info.Size()})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &Variants{All: all, Missing: missing(x)}
}

// Choose chooses one of all, at least one, by the client's Accept: the best
// quality, then the smallest. The error is a refusal: the client takes none.
func (f *Files) Choose(w http.ResponseWriter, x *exchange.Exchange, all []Variant) (name string, err error) {
	accept := x.Request.Header["Accept"]
	best := slices.MinFunc(all, func(a, b Variant) int {
		return cmp.Or(cmp.Compare(quality(accept, b.mediaType), quality(accept, a.mediaType)), cmp.Compare(a.size, b.size), strings.Compare(a.Name, b.Name))
	})
	h := w.Header()
	h.Set("Vary", "negotiate")
	if slices.ContainsFunc(all, func(v Variant) bool { return v.mediaType != best.mediaType }) {
		h.Set("Vary", "negotiate,accept")
	}
	if quality(accept, best.mediaType) <= 0 {
		h.Set("TCN", "list")
		return "", &exchange.Refusal{Status: http.StatusNotAcceptable, Code: "AH00690",
			Log: "no acceptable variant: " + path.Join(x.Target.Root, x.Target.File), Level: "error", Module: "negotiation"}
	}
	if x.Request.Method != http.MethodPost {
		h.Set("Content-Location", best.Name)
	}
	h.Set("TCN", "choice")
	return best.Name, nil
}

// known returns the media type of a name's extensions, "" unless all of them
// are known.
func (f *Files) known(x *exchange.Exchange, extensions string) string {
	mediaType := ""
	for ext := range strings.SplitSeq(extensions, ".") {
		if mediaType = f.ofExtension(&x.Settings.Types, ext); mediaType == "" {
			return ""
		}
	}
	return mediaType
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
