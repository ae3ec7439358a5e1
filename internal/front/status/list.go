package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/worker"
)

// A shownList is all workers, or one, as the template reads it.
type shownList struct {
	Listing                                              bool
	Balancers                                            []shownBalancer
	Workers                                              []shownWorker
	HideSummary, HideSettings, HideEndpoints, HideLegend bool
	Toggles                                              []link
}

// values are the items of a record by key.
type values map[string]string

type shownBalancer struct {
	Name       string
	V          values
	Main, Rest []shownSetting // Main are those that one wants to see, or that were changed
	Members    []shownMember
	Endpoints  []values
	Maps       []shownMap
	Show, Edit string
	Reset      action
	Attribute  []pair // of the form that edits one attribute
	Attributes []option
}

type shownSetting struct{ Label, Value, File string }

type shownMember struct {
	Name                               string
	V                                  values
	Over                               values // what the file says where the operator changed it
	Endpoint                           string // the same of host and port
	Class, Symbol, Activation, Trouble string
	More, Routing, Sent, Read, Edit    string
	Actions                            []action
}

type shownWorker struct {
	Name                      string
	V, Over                   values
	More, Trouble, Sent, Read string
	Endpoints                 []values
	Maps                      []shownMap
	Show, Edit                string
	Reset                     action
}

type shownMap struct {
	V          values
	Extensions string
}

// An option is one of a select or of radio buttons.
type option struct{ Value, Label string }

// list makes what the report holds ready to be shown.
func (w *writer) list() shownList {
	s := shownList{HideSummary: w.a.hides(hideSummary), HideSettings: w.a.hides(hideSettings), HideEndpoints: w.a.hides(hideEndpoints), HideLegend: w.a.hides(hideLegend)}
	for _, records := range w.r.balancers {
		s.Balancers = append(s.Balancers, w.balancer(records))
	}
	for _, records := range w.r.ajp {
		s.Workers = append(s.Workers, w.worker(records))
	}
	if changes(w.a.cmd) {
		return s
	}
	for _, t := range []struct {
		bit  int
		what string
	}{{hideBalancers, "balancers"}, {hideWorkers, "workers"}, {hideMembers, "members"}, {hideMaps, "URI mappings"}, {hideSummary, "summary"},
		{hideSettings, "settings"}, {hideEndpoints, "connections"}, {hideLegend, "legend"}} {
		verb := "Hide "
		if w.a.hides(t.bit) {
			verb = "Show "
		}
		s.Toggles = append(s.Toggles, w.toggle(t.bit, verb+t.what))
	}
	return s
}

// balancer makes one balancer ready.
func (w *writer) balancer(records balancerRecords) shownBalancer {
	b := w.r.view.balancer(records.self.key)
	name := b.Config.Name
	s := shownBalancer{Name: name, V: valuesOf(records.self), Maps: shownMaps(records.maps), Show: w.url("cmd", "show", "w", name)}
	for _, f := range fields {
		if f.of == ofBalancer {
			setting := shownSetting{Label: strings.ReplaceAll(f.key, "_", " "), Value: inWords(balancer.Settings.Shown(&b.Config, f.key), f.unit)}
			if _, set := b.Set.Balancer.Get(f.key); set {
				setting.File = inWords(balancer.Settings.Shown(&b.File, f.key), f.unit)
			}
			if setting.File != "" || slices.Contains([]string{"method", "sticky_session"}, f.key) {
				s.Main = append(s.Main, setting)
			} else {
				s.Rest = append(s.Rest, setting)
			}
		}
	}
	from := w.whence()
	if !w.p.readOnly(w.a) {
		s.Edit = w.url("cmd", "edit", "w", name, "from", from)
		s.Reset = action{"Reset", w.hidden("cmd", "reset", "w", name, "from", from)}
		s.Attribute = w.hidden("cmd", "edit", "w", name, "from", from)
		for _, f := range fields {
			if f.of != ofBalancer && !f.single {
				s.Attributes = append(s.Attributes, option{f.param, f.label})
			}
		}
	}
	for _, r := range records.members {
		for i := range b.Members {
			if b.Members[i].Config.Worker == r.key {
				s.Members = append(s.Members, w.member(b, i, r))
				s.Endpoints = append(s.Endpoints, valuesOf(r))
			}
		}
	}
	return s
}

// whence is what a command is told it comes from, to lead back there.
func (w *writer) whence() string {
	if w.r.listing {
		return "list"
	}
	return "show"
}

// member makes one member ready.
func (w *writer) member(b *Balancer, i int, r record) shownMember {
	m, endpoint := &b.Members[i], &b.Workers[i]
	lb, name := b.Config.Name, m.Config.Worker
	s := shownMember{Name: name, V: valuesOf(r), Over: values{}, Sent: bytesOf(endpoint.Transferred), Read: bytesOf(endpoint.Read)}
	s.Class = class(*m, &w.p.cfg)
	s.Symbol = map[string]string{"good": "✓", "degraded": "△", "bad": "✕"}[s.Class]
	s.Activation = map[balancer.Activation]string{balancer.Active: "active", balancer.Disabled: "drains: only its sessions", balancer.Stopped: "stopped: no requests"}[m.Config.Activation]
	s.Trouble = trouble(m.State, m.LastError, m.Recovery, w.r.view.Now)
	s.More = more(m.ClientErrors, m.ReplyTimeouts)
	for _, v := range b.Set.Members[name] {
		s.Over[v.Key] = orNone(balancer.MemberSettings.Shown(&b.File.Members[i], v.Key))
	}
	s.Endpoint = overEndpoint(endpoint)
	s.Routing = routing(&m.Config, s.Over)
	if w.p.readOnly(w.a) {
		return s
	}
	from := w.whence()
	do := func(text string, pairs ...string) {
		s.Actions = append(s.Actions, action{text, w.hidden(append(pairs, "w", lb, "sw", name, "from", from)...)})
	}
	for _, to := range []struct {
		activation balancer.Activation
		text       string
	}{{balancer.Active, "Activate"}, {balancer.Disabled, "Drain"}, {balancer.Stopped, "Stop"}} {
		if m.Config.Activation != to.activation {
			do(to.text, "cmd", "update", "vwa", to.activation.String()[:1])
		}
	}
	if m.State == balancer.Error {
		do("Recover", "cmd", "recover")
	}
	do("Reset", "cmd", "reset")
	s.Edit = w.url("cmd", "edit", "w", lb, "sw", name, "from", from)
	return s
}

// worker makes one worker that stands alone ready.
func (w *writer) worker(records ajpRecords) shownWorker {
	v := w.r.view.worker(records.self.key)
	name := v.Config.Name
	s := shownWorker{Name: name, V: valuesOf(records.self), Over: values{}, Maps: shownMaps(records.maps), More: more(v.ClientErrors, v.ReplyTimeouts),
		Sent: bytesOf(v.Transferred), Read: bytesOf(v.Read), Show: w.url("cmd", "show", "w", name)}
	s.Endpoints = []values{s.V}
	s.Over["port"] = overEndpoint(&v.Snapshot)
	if !v.LastError.IsZero() {
		s.Trouble = "last error " + ago(w.r.view.Now.Sub(v.LastError))
	}
	if !w.p.readOnly(w.a) {
		s.Edit = w.url("cmd", "edit", "w", name, "from", w.whence())
		s.Reset = action{"Reset", w.hidden("cmd", "reset", "w", name, "from", w.whence())}
	}
	return s
}

func shownMaps(maps []record) []shownMap {
	var all []shownMap
	for _, m := range maps {
		s := shownMap{V: valuesOf(m)}
		var extensions []string
		for _, i := range m.items[len(m.items)-8:] {
			if i.value != "" && i.value != "0" && i.value != "-1" {
				extensions = append(extensions, i.key+"="+i.value)
			}
		}
		s.Extensions = strings.Join(extensions, " ")
		all = append(all, s)
	}
	return all
}

func valuesOf(r record) values {
	m := values{}
	for _, i := range r.items {
		m[i.key] = i.value
	}
	return m
}

// trouble tells what is wrong with a member, and how long.
func trouble(state balancer.State, last time.Time, wait time.Duration, now time.Time) string {
	if last.IsZero() {
		return ""
	}
	text := "last error " + ago(now.Sub(last))
	if state == balancer.Error {
		text += fmt.Sprintf(", asked again in %d s", int(wait/time.Second))
	}
	return text
}

func ago(d time.Duration) string { return max(0, d).Truncate(time.Second).String() + " ago" }

func more(client, timeouts int64) string {
	var all []string
	if client > 0 {
		all = append(all, fmt.Sprintf("client %d", client))
	}
	if timeouts > 0 {
		all = append(all, fmt.Sprintf("timeouts %d", timeouts))
	}
	return strings.Join(all, ", ")
}

// routing tells domain, redirect and distance, where they are set.
func routing(m *balancer.MemberConfig, over values) string {
	var all []string
	add := func(key, value string) {
		file, set := over[key]
		if set {
			value = orNone(value) + " (file: " + file + ")"
		}
		if value != "" && value != "0" {
			all = append(all, key+" "+value)
		}
	}
	add("domain", m.Domain)
	add("redirect", m.Redirect)
	add("distance", decimal(m.Distance))
	return strings.Join(all, ", ")
}

// overEndpoint tells what of a worker's own settings the operator changed.
func overEndpoint(w *worker.Snapshot) string {
	return strings.Join(overWorker(w.Overlay, &w.File), ", ")
}

func overWorker(o overlay.Overlay, file *worker.Config) []string {
	var all []string
	for _, v := range o {
		all = append(all, v.Key+" "+orNone(worker.Settings.Shown(file, v.Key)))
	}
	return all
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// inWords is a value as one says it.
func inWords(value, unit string) string {
	switch {
	case value == "True":
		return "yes"
	case value == "False":
		return "no"
	case unit != "":
		return value + " " + unit
	}
	return value
}

// bytesOf is a number of bytes with a unit, as mod_jk's page has it.
func bytesOf(n int64) string {
	for _, unit := range []string{"", "K", "M", "G"} {
		if n < 1024 || unit == "G" {
			return fmt.Sprintf("%d%s", n, unit)
		}
		n /= 1024
	}
	return ""
}
