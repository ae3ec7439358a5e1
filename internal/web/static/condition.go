package static

import (
	"net/http"
	"strings"
	"time"
)

// condition judges the conditional headers of a request for a file with that
// tag and time: 0 to go on, 304 or 412.
//
// Source: RFC 9110, section 13.2.2; httpd modules/http/http_protocol.c,
// ap_meets_conditions, as seen at work: a date in the future never holds.
func condition(h http.Header, method, etag string, modified, now time.Time) int {
	modified = modified.Truncate(time.Second)
	if match := h.Get("If-Match"); match != "" {
		if !tagged(match, etag, true) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := parseDate(h.Get("If-Unmodified-Since")); ok && modified.After(since) {
		return http.StatusPreconditionFailed
	}
	if none := strings.Join(h["If-None-Match"], ", "); none != "" {
		if !tagged(none, etag, h.Get("Range") != "") {
			return 0
		}
		if method == http.MethodGet || method == http.MethodHead {
			return http.StatusNotModified
		}
		return http.StatusPreconditionFailed
	}
	since, ok := parseDate(h.Get("If-Modified-Since"))
	if ok && (method == http.MethodGet || method == http.MethodHead) && !modified.After(since) && !since.After(now) {
		return http.StatusNotModified
	}
	return 0
}

// parseDate reads a date as httpd does: the name of the day and what follows
// the time, a zone or a parameter of old clients, do not count.
func parseDate(s string) (time.Time, bool) {
	if t, err := http.ParseTime(s); err == nil {
		return t, true
	}
	words := strings.Fields(s[:min(len(s), 64)])
	if len(words) < 5 {
		return time.Time{}, false
	}
	t, err := time.Parse("2 Jan 2006 15:04:05", strings.Join(words[1:5], " "))
	return t, err == nil
}

// tagged reports whether a list of entity tags holds etag, or is "*". strong
// takes no weak tags.
func tagged(list, etag string, strong bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if !strong {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == etag {
			return true
		}
	}
	return false
}

// rangeHolds judges If-Range: whether ranges are still wanted.
func rangeHolds(h http.Header, etag string, modified time.Time) bool {
	value := h.Get("If-Range")
	if value == "" {
		return true
	}
	if strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "W/") {
		return value == etag
	}
	since, err := http.ParseTime(value)
	return err == nil && since.Equal(modified.Truncate(time.Second))
}
