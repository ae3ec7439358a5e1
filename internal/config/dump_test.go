package config

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
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
		add("legacy=%+v", *l.Legacy)
	}
	if l.ErrorDocs != nil {
		add("errordocs=%v", l.ErrorDocs)
	}
	if l.Types != nil {
		add("types=%+v", *l.Types)
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
	if l.Closed != nil {
		add("closed by %s", l.Closed.By)
	}
	return strings.Join(all, " ")
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

func requireText(r settings.Requirement) string {
	name := []string{"all", "any", "none", "granted", "denied", "ip", "host", "local", "env"}[r.Kind]
	if r.Not {
		name = "not " + name
	}
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
