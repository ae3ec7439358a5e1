package exchange

import "strings"

// Joined makes one value of a header that came several times, as httpd does;
// cookies are joined as RFC 6265 has them. name is in canonical spelling.
func Joined(name string, values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	if name == "Cookie" {
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ", ")
}
