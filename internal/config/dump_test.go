package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/openssl"
)

// layerText tells what a layer sets.
func layerText(l settings.Layer) string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if l.Options != nil {
		add("options=%+v", *l.Options)
	}
	if l.Index != nil {
		add("index=%v", l.Index.Names)
	}
	if l.Require != nil {
		add("require=%s", requireText(*l.Require))
	}
	if l.Legacy != nil {
		add("legacy=%s", legacyText(*l.Legacy))
	}
	if l.Methods != nil {
		add("methods=%v", l.Methods.Names)
	}
	if l.Refusals != nil {
		add("refusals inherit=%v", l.Refusals.Inherit)
		for _, r := range l.Refusals.Rules {
			add("%s", refusalText(r))
		}
	}
	if l.ErrorDocs != nil {
		add("errordocs=%v", l.ErrorDocs)
	}
	if l.Types != nil {
		add("types=%s", typesText(*l.Types))
	}
	if l.BodyLimit != nil {
		add("body=%d", *l.BodyLimit)
	}
	for _, r := range l.Redirects {
		add("redirect=%s", redirectText(r))
	}
	for _, r := range l.EnvIf {
		add("envif=%s", envRuleText(r))
	}
	if l.Env != nil {
		add("env=%v", l.Env)
	}
	if c := l.Canonical; c != nil {
		if c.Name != nil {
			add("canonical=%d", *c.Name)
		}
		if c.PhysicalPort != nil {
			add("physical=%v", *c.PhysicalPort)
		}
	}
	if l.Signature != nil {
		add("signature=%d", *l.Signature)
	}
	if l.Headers != nil {
		add("headers\n    request%s\n    success%s\n    always%s\n   ", headerText(l.Headers.Request), headerText(l.Headers.Success), headerText(l.Headers.Always))
	}
	if l.SSL != nil {
		add("ssl=%+v", *l.SSL)
	}
	if l.Closed != nil {
		add("closed by %s", l.Closed.By)
	}
	return strings.Join(all, " ")
}

func headerText(ops []settings.HeaderOp) string {
	text := ""
	for _, o := range ops {
		text += fmt.Sprintf("\n      %d %s", o.Action, o.Name)
		if o.Pattern != nil {
			text += " ~" + o.Pattern.String()
		}
		text += fmt.Sprintf(" %v %s%s", o.Value, templateText(o.Match), o.Env)
	}
	return text
}

func envRuleText(r settings.EnvRule) string {
	text := fmt.Sprintf("%d %s %s ~%s", r.Subject, r.Name, r.Header, r.Pattern)
	for _, s := range r.Sets {
		text += fmt.Sprintf(" %v%s", s.EnvOp, templateText(s.Match))
	}
	return text
}

func redirectText(r settings.Redirect) string {
	path := r.Path
	if r.Pattern != nil {
		path = "~" + r.Pattern.String()
	}
	return fmt.Sprintf("%s %d %s", path, r.Status, r.To+templateText(r.Match))
}

// templateText shows a template with its groups as <1>, <2>.
func templateText(t *regex.Template) string {
	if t == nil {
		return ""
	}
	found := make([]int, 20)
	for i := range found {
		found[i] = 3*(i/2) + 3*(i%2)
	}
	return string(t.Append(nil, "<0><1><2><3><4><5><6><7><8><9>", found))
}

func legacyText(l settings.Legacy) string {
	rules := func(all []settings.HostRule) (texts []string) {
		for _, r := range all {
			texts = append(texts, fmt.Sprintf("{All:%v Prefix:%v Host:%s Env:%s%s}", r.All, r.Prefix, r.Host, r.Env, methodsText(r.Limited)))
		}
		return texts
	}
	text := fmt.Sprintf("{Order:%d Allow:%v Deny:%v}", l.Order, rules(l.Allow), rules(l.Deny))
	for _, o := range l.Limited {
		text += fmt.Sprintf(" order %d%s", o.Order, methodsText(o.Methods))
	}
	if l.Any {
		text += " satisfy any"
	}
	return text
}

func methodsText(m *settings.Methods) string {
	switch {
	case m == nil:
		return ""
	case m.Except:
		return " for all but " + strings.Join(m.Names, " ")
	}
	return " for " + strings.Join(m.Names, " ")
}

func requireText(r settings.Requirement) string {
	name := []string{"all", "any", "none", "granted", "denied", "ip", "host", "local", "env", "method", "ssl", "ssl-verify-client"}[r.Kind]
	if r.Not {
		name = "not " + name
	}
	if r.Methods != nil {
		name += " " + strings.Join(r.Methods.Names, " ")
	}
	name += methodsText(r.Limited)
	for _, p := range r.Prefixes {
		name += " " + p.String()
	}
	for _, h := range r.Hosts {
		name += " " + h
	}
	for _, e := range r.Env {
		name += " " + e
	}
	var children []string
	for _, c := range r.Children {
		children = append(children, requireText(c))
	}
	if children != nil {
		name += "(" + strings.Join(children, ", ") + ")"
	}
	return name
}

// tlsText tells how a site speaks TLS.
func tlsText(t *front.TLS) string {
	h := t.Handshake
	var names []string
	for _, c := range h.Certificates {
		names = append(names, c.Leaf.Subject.CommonName)
	}
	text := fmt.Sprintf("%s to %s, %d suites, groups %v, certificates %v, alpn %v", openssl.VersionName(h.MinVersion), openssl.VersionName(h.MaxVersion), len(h.Suites), h.Groups, names, h.Protocols)
	if h.ClientOrder {
		text += ", the client's order"
	}
	if h.Sessions.Off || h.Sessions.Key != nil || h.Sessions.Life != 300*time.Second {
		text += fmt.Sprintf(", sessions off=%v cache=%d life=%v key=%d", h.Sessions.Off, h.Sessions.Cache, h.Sessions.Life, len(h.Sessions.Key))
	}
	if h.Client.Mode != handshake.ClientNone {
		text += fmt.Sprintf(", clients %d depth=%d roots=%d named=%d revocation=%v", h.Client.Mode, h.Client.Depth, len(h.Client.Roots), len(h.Client.Named), h.Client.Revocation != nil)
	}
	if t.StrictSNI {
		text += ", strict SNI"
	}
	return text
}

func refusalText(r settings.Refusal) string {
	text := fmt.Sprintf("refusal %d", r.Status)
	if r.Pattern != nil {
		text += fmt.Sprintf(" not=%v %s", r.Not, r.Pattern)
	}
	text += r.Prefix
	if r.Below != "" {
		text += " below " + r.Below
	}
	for _, c := range r.Conditions {
		text += fmt.Sprintf(" if(%v kind=%d not=%v or=%v", c.Test, c.Kind, c.Not, c.Or)
		if c.Pattern != nil {
			text += " " + c.Pattern.String()
		}
		text += c.Text + ")"
	}
	if r.By != "" {
		text += " closed by " + r.By
	}
	return text
}

func typesText(t settings.Types) string {
	text := fmt.Sprintf("{ByExt:%v Force:%s Charset:%s}", t.ByExt, t.Force, t.Charset)
	if t.Charsets != nil || t.Languages != nil || t.Encodings != nil || t.Language != "" {
		text += fmt.Sprintf(" charsets=%v languages=%v encodings=%v language=%s", t.Charsets, t.Languages, t.Encodings, t.Language)
	}
	if p := t.Priority; p.Forced || p.Order != nil {
		text += fmt.Sprintf(" priority=%+v", p)
	}
	return text
}
