package accesslog

// Escape appends s so that it stays within its field: a quote and a backslash
// get a backslash, control bytes and what is not ASCII become \n, \t, \r, \b,
// \v, \f or \xhh.
//
// Source: httpd server/util.c, ap_escape_logitem, as seen at work.
func Escape(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ' && c < 0x7f:
			b = append(b, c)
		case c >= '\b' && c <= '\r':
			b = append(b, '\\', "btnvfr"[c-'\b'])
		default:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return b
}
