// Package settings holds what the sections of httpd.conf decide about one
// path: what comes in are layers, one a section, what goes out is one
// immutable Settings. Package vhost finds the layers that apply, the modules
// read the result; nobody but this package merges.
//
// It is a leaf. Each family of settings has its own file: its type, and how a
// later layer changes an earlier one.
package settings

import "slices"

// Settings is the outcome for one path and Target. It is never changed once
// built; many requests share one.
type Settings struct {
	Options   Options    // Options: what a directory allows
	Index     Index      // DirectoryIndex, DirectorySlash
	Access    Access     // Require, Order, Allow, Deny
	ErrorDocs ErrorDocs  // ErrorDocument by status
	Types     Types      // AddType, ForceType, AddDefaultCharset
	BodyLimit int64      // LimitRequestBody in bytes; 0 is unlimited
	SSL       SSL        // SSLOptions, SSLRequireSSL, SSLUserName
	Redirects []Redirect // Redirect and RedirectMatch of sections, in the order in which they are tried
	EnvIf     []EnvRule  // SetEnvIf and its kin, in sections
	Env       []EnvVar   // SetEnv, PassEnv
	Headers   *Headers   // Header, RequestHeader; nil if there are none
	Canonical Canonical  // UseCanonicalName, UseCanonicalPhysicalPort
	Signature Signature  // ServerSignature
	Refusals  []Refusal  // RewriteRules of a <Directory>
	Closed    *Closed    // not nil: the scope answers 403, fail closed
}

// Default returns httpd's settings before any directive: FollowSymLinks,
// index.html, no restriction, bodies up to 1 GiB.
func Default() *Settings {
	return &Settings{
		Options:   FollowSymLinks,
		Index:     Index{Names: []string{"index.html"}, Slash: true},
		BodyLimit: 1 << 30,
	}
}

// A Layer is what one section, or the server level, sets. A nil field leaves
// what the layers before it said.
type Layer struct {
	Options   *OptionsChange
	Index     *IndexChange
	Require   *Requirement // replaces an inherited Require, as AuthMerging Off
	Legacy    *Legacy      // replaces inherited Order, Allow, Deny and Satisfy
	Methods   *Methods     // replaces an inherited AllowMethods; without names and not Except it is AllowMethods reset
	ErrorDocs ErrorDocs    // added to the inherited ones, code by code
	Types     *Types       // added to the inherited ones, extension by extension
	BodyLimit *int64
	SSL       *SSLChange
	Override  *OverrideChange // of a <Directory>; package vhost looks at it
	Refusals  *RefusalChange  // of a <Directory>
	Redirects []Redirect      // tried before the inherited ones
	EnvIf     []EnvRule       // added to the inherited ones
	Headers   *Headers        // added to the inherited ones
	Env       []EnvOp         // SetEnv, PassEnv, UnsetEnv
	Closed    *Closed         // stays closed in every later layer
	Canonical *CanonicalChange
	Signature *Signature
}

// Restricts reports whether l may take something away from a client.
func (l *Layer) Restricts() bool {
	return l.Options != nil || l.Require != nil || l.Legacy != nil || l.Methods != nil || l.BodyLimit != nil || l.Redirects != nil || l.SSL != nil && l.SSL.Required || l.EnvIf != nil || l.Closed != nil
}

// With returns s changed by the layers in their order. s stays as it is.
func (s *Settings) With(layers ...*Layer) *Settings {
	merged := *s
	for _, l := range layers {
		if l.Options != nil {
			merged.Options = l.Options.apply(merged.Options)
		}
		if l.Index != nil {
			merged.Index = l.Index.apply(merged.Index)
		}
		if l.Require != nil {
			merged.Access.Require = l.Require
		}
		if l.Legacy != nil {
			merged.Access.Legacy = l.Legacy
		}
		if l.Methods != nil {
			merged.Access.Methods = l.Methods
		}
		if l.ErrorDocs != nil {
			merged.ErrorDocs = merged.ErrorDocs.with(l.ErrorDocs)
		}
		if l.Types != nil {
			merged.Types = merged.Types.with(l.Types)
		}
		if l.BodyLimit != nil {
			merged.BodyLimit = *l.BodyLimit
		}
		if l.Redirects != nil {
			merged.Redirects = slices.Concat(l.Redirects, merged.Redirects)
		}
		if l.Refusals != nil {
			merged.Refusals = l.Refusals.apply(merged.Refusals)
		}
		if l.EnvIf != nil {
			merged.EnvIf = slices.Concat(merged.EnvIf, l.EnvIf)
		}
		if l.Env != nil {
			merged.Env = setEnv(merged.Env, l.Env)
		}
		if l.Canonical != nil {
			merged.Canonical = l.Canonical.apply(merged.Canonical)
		}
		if l.Signature != nil {
			merged.Signature = *l.Signature
		}
		if l.Headers != nil {
			merged.Headers = merged.Headers.with(l.Headers)
		}
		if l.SSL != nil {
			merged.SSL = l.SSL.apply(merged.SSL)
		}
		if l.Closed != nil {
			merged.Closed = l.Closed
		}
	}
	return &merged
}

// Closed says why a scope answers 403: the file restricts it by something
// that catflap does not check.
type Closed struct {
	Place string // FILE:LINE:COL of the directive
	By    string // the directive as written, "AuthType shibboleth"
}
