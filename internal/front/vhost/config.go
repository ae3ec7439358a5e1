package vhost

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// A Host is one <VirtualHost>, or the main server, as selection sees it.
type Host struct {
	Name      string    // ServerName without port, lower case, or what was found in its place; empty if nothing was
	Named     bool      // Name is a ServerName
	Aliases   []string  // ServerAlias as written; may hold * and ?
	Addresses []Address // of <VirtualHost>; none for the main server
}

// Called reports whether h has a name, in lower case and without a final dot:
// as its ServerName, by a ServerAlias or in its <VirtualHost>.
func (h Host) Called(name string) bool {
	if h.Name == name || slices.ContainsFunc(h.Addresses, func(a Address) bool { return a.Name == name }) {
		return true
	}
	return slices.ContainsFunc(h.Aliases, func(alias string) bool { return wildcard(strings.ToLower(strings.TrimSuffix(alias, ".")), name) })
}

// An Address is one argument of <VirtualHost>, resolved.
type Address struct {
	IP   netip.Addr // zero for * and _default_; 0.0.0.0 and :: stand for all, too
	Port int        // 0 for *
	Name string     // the host name it was written with, lower case; empty for an IP
}

// Any reports whether a stands for all addresses.
func (a Address) Any() bool { return !a.IP.IsValid() || a.IP.IsUnspecified() }

// String returns a as httpd shows it: ADDRESS:PORT, with * for any.
func (a Address) String() string {
	port := "*"
	if a.Port != 0 {
		port = strconv.Itoa(a.Port)
	}
	if a.Any() {
		return "*:" + port
	}
	return net.JoinHostPort(a.IP.Unmap().String(), port)
}

// Sections are the settings of one host, the main server's first in each
// group, the host's own after them, each in file order.
type Sections struct {
	Server []*settings.Layer // server level: main, then the host's
	Of     []Section
	Find   Finder // .htaccess files; nil: there are none
}

// A SectionKind is the kind of a Section.
type SectionKind int

const (
	Directory      SectionKind = iota // path of a folder, whole components; * ? [ ] stay within one
	DirectoryMatch                    // path of the file, or of the folder with its slash as asked for
	Files                             // base name of the file; * ? [ ]
	FilesMatch
	Location // canonical URL path, httpd's Decoded; * ? [ ]
	LocationMatch
)

// A Section is one <Directory>, <Files> or <Location>, or its Match form.
type Section struct {
	Kind    SectionKind
	Pattern string       // as written; unused if Regexp is set
	Regexp  *regex.Regex // of the Match forms and of ~
	Layer   *settings.Layer
	Inside  []Section // <Files> in <Directory>: applies where both do
	Place   string    // FILE:LINE
}
