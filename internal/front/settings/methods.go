package settings

import "slices"

// Methods is a set of request methods. nil holds all. GET stands for HEAD, too.
type Methods struct {
	Names  []string // in their case of letters
	Except bool     // all but Names
}

// Has reports whether m holds a method.
//
// Source: httpd server/core.c, ap_limit_section.
func (m *Methods) Has(method string) bool {
	if m == nil {
		return true
	}
	if method == "HEAD" {
		method = "GET"
	}
	named := slices.ContainsFunc(m.Names, func(name string) bool { return name == method || name == "HEAD" && method == "GET" })
	return named != m.Except
}
