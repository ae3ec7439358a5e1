package static

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A variant is a file that MultiViews may choose.
type variant struct {
	name      string
	mediaType string
	size      int64
	quality   float64
}

// negotiate looks for files that the missing name of x is the beginning of,
// and chooses one by the client's Accept: the best quality, then the smallest.
//
// Source: httpd manual, "Content Negotiation"; as seen at work.
func (f *Files) negotiate(w http.ResponseWriter, x *exchange.Exchange, refusal *exchange.Refusal) error {
	below := path.Clean("/" + x.Target.File)[1:]
	base := path.Base(below)
	if below == "" || base[0] == '.' || strings.HasSuffix(x.Target.File, "/") || hidden(x, below) != nil {
		return refusal
	}
	d, err := f.roots.get(x.Target.Root)
	if err != nil {
		return refusal
	}
	defer d.release()
	dir, err := d.open(path.Dir(below))
	if err != nil {
		return refusal
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(listed)
	var all []variant
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
			all = append(all, variant{e.Name(), mediaType, info.Size(), quality(x.Request.Header["Accept"], mediaType)})
		}
	}
	if len(all) == 0 {
		return refusal
	}
	best := slices.MinFunc(all, func(a, b variant) int {
		switch {
		case a.quality != b.quality:
			if a.quality > b.quality {
				return -1
			}
			return 1
		case a.size != b.size:
			return int(min(max(a.size-b.size, -1), 1))
		}
		return strings.Compare(a.name, b.name)
	})
	h := w.Header()
	h.Set("Vary", "negotiate")
	if slices.ContainsFunc(all, func(v variant) bool { return v.mediaType != best.mediaType }) {
		h.Set("Vary", "negotiate,accept")
	}
	if best.quality <= 0 {
		h.Set("TCN", "list")
		return &exchange.Refusal{Status: http.StatusNotAcceptable, Code: "AH00690",
			Log: "no acceptable variant: " + name(x), Level: "error", Module: "negotiation"}
	}
	if x.Request.Method != http.MethodPost {
		h.Set("Content-Location", best.name)
	}
	h.Set("TCN", "choice")
	return &Choice{best.name}
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
