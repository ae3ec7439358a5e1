package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// A fact is one step of a way: what it is called, in words, and where it is
// written.
type fact struct {
	Step  string `json:"step"`
	Text  string `json:"text"`
	Place string `json:"place,omitempty"` // FILE:LINE
}

// writeWay writes the way of a URL, a line a step.
func writeWay(w io.Writer, cfg *front.Config, r *config.Report, a *asked) {
	t := newTable("")
	for _, f := range factsOf(cfg, a) {
		text := f.Text
		if f.Place != "" {
			text += " (" + placed(r, f.Place) + ")"
		}
		t.add(f.Step, text)
	}
	t.write(w, "")
}

// A wayObject is what show mounts --url --json writes.
type wayObject struct {
	URL    string `json:"url"`
	Host   string `json:"host"`
	Worker string `json:"worker,omitempty"` // who answers; empty if the front does
	Status int    `json:"status,omitempty"` // what the front answers
	Steps  []fact `json:"steps"`
}

func wayJSON(cfg *front.Config, a *asked) wayObject {
	return wayObject{a.url, cfg.Sites[a.Choice.Host].Exchange.Name, a.Worker, a.Status, factsOf(cfg, a)}
}

// factsOf are the steps of a way in their order.
func factsOf(cfg *front.Config, a *asked) []fact {
	site := &cfg.Sites[a.Choice.Host]
	facts := []fact{
		a.arrival.fact(),
		{"host", site.Exchange.Name + ": " + reasonOf(a), site.Place},
	}
	x := a.Exchange
	if a.Asked.Decoded == "" {
		return append(facts, fact{"answer", a.answer(), ""})
	}
	facts = append(facts, fact{"path", pathText(a), ""})
	if x.Request.Path != a.Asked {
		facts = append(facts, fact{"index", x.Request.Path.Decoded, ""})
	}
	facts = append(facts, a.mounts()...)
	facts = append(facts, a.access()...)
	if a.Worker != "" {
		return append(facts, workerFacts(cfg, a)...)
	}
	if x.Target.Kind == exchange.TargetStatic {
		facts = append(facts, fileFact(site, x))
	}
	return append(facts, fact{"answer", a.answer(), answerPlace(x)})
}

// fact tells where a request comes in.
func (a arrival) fact() fact {
	text := a.at.String()
	if a.at.Addr().IsUnspecified() {
		text = fmt.Sprintf("*:%d", a.at.Port())
	}
	if a.place == "" {
		return fact{"address", text + ": no Listen for this port, so nothing answers there", ""}
	}
	text += ", Listen"
	if a.note != "" {
		text += "; " + a.note
	}
	return fact{"address", text, a.place}
}

// reasonOf says why the host answers.
func reasonOf(a *asked) string {
	switch a.Choice.By {
	case vhost.MainServer:
		return "the main server, as no <VirtualHost> takes this address"
	case vhost.ByName:
		return "by its ServerName"
	case vhost.ByAlias:
		return "by its ServerAlias " + a.Choice.Alias
	case vhost.ByAddressName:
		return "by the name in <VirtualHost>"
	}
	return "the first of " + a.Choice.Address.String() + ", as no host there has the name " + a.Exchange.Request.Host
}

// pathText is the path with the shape that mounts are looked up by, where that
// differs.
func pathText(a *asked) string {
	text := a.Asked.Decoded
	if a.Asked.Mount != a.Asked.Decoded {
		text += ", for mounts " + a.Asked.Mount
	}
	return text
}

// mounts tells of the rules that match the path.
func (a *asked) mounts() []fact {
	var facts []fact
	e, x := a.Mount, a.Exchange
	if rule := x.Target.Rule; rule != nil && (e.Rule == nil || e.Rule.Pattern != rule.Pattern || e.Rule.Worker != rule.Worker) {
		return []fact{{"rule", "for the DirectoryIndex: " + rule.Pattern + " " + rule.Worker, rule.Place}}
	}
	if e.Rule == nil {
		return nil
	}
	facts = append(facts, fact{"rule", ruleText(*e.Rule), e.Rule.Place})
	if e.Excluded != nil {
		facts = append(facts, fact{"excluded", ruleText(*e.Excluded) + ": so no worker answers", e.Excluded.Place})
	} else if x.Target.Kind != exchange.TargetForward {
		facts[0].Text += ": does not come to it"
	}
	for _, beaten := range e.Beaten {
		facts = append(facts, fact{"beats", ruleText(*beaten) + ": " + why(e.Rule, beaten), beaten.Place})
	}
	return facts
}

// why says why a rule comes before another.
func why(rule, beaten *mount.Rule) string {
	switch {
	case strings.Count(rule.Pattern, "/") > strings.Count(beaten.Pattern, "/"):
		return "fewer slashes"
	case len(rule.Pattern) > len(beaten.Pattern):
		return "shorter"
	case rule.Source > beaten.Source:
		return "a map file comes before JkMount, and both before the property mount"
	}
	return "written later"
}

// access tells which sections apply, and whether the client may come in.
func (a *asked) access() []fact {
	var facts []fact
	var last *vhost.Section
	for _, s := range a.Sections {
		if s.Layer.Restricts() || s.Layer.Require != nil || s.Layer.Legacy != nil {
			last = s
		}
		facts = append(facts, fact{"section", sectionName(s), s.Place})
	}
	s := a.Exchange.Settings
	refused, isRefusal := errors.AsType[*exchange.Refusal](a.Err)
	denied := isRefusal && refused.Status == http.StatusForbidden
	place := ""
	if last != nil {
		place = last.Place
	}
	switch {
	case s.Closed != nil:
		return append(facts, fact{"access", "closed, as catflap does not check " + s.Closed.By, s.Closed.Place})
	case !denied && openToAll(s.Access):
		return append(facts, fact{"access", "everybody", place})
	case denied && (refused.Code == "AH01630" || refused.Code == "AH01797"):
		return append(facts, fact{"access", "denied to " + a.client.String() + "; --client asks for another", place})
	case !denied:
		return append(facts, fact{"access", "open to " + a.client.String() + "; --client asks for another", place})
	}
	return facts
}

// openToAll reports whether nothing asks who the client is.
func openToAll(access settings.Access) bool {
	r := access.Require
	return access.Legacy == nil && (r == nil || r.Kind == settings.RequireAny && len(r.Children) == 1 && r.Children[0].Kind == settings.RequireGranted)
}

// sectionName is a section as it is written.
func sectionName(s *vhost.Section) string {
	names := map[vhost.SectionKind]string{
		vhost.Directory: "Directory", vhost.DirectoryMatch: "DirectoryMatch", vhost.Files: "Files", vhost.FilesMatch: "FilesMatch",
		vhost.Location: "Location", vhost.LocationMatch: "LocationMatch",
	}
	return "<" + names[s.Kind] + " " + s.Pattern + ">"
}

// fileFact tells where the file is, and by what.
func fileFact(site *front.Site, x *exchange.Exchange) fact {
	f := fact{"file", path.Join(x.Target.Root, x.Target.File), x.Target.Place}
	if x.Target.Place == "" {
		f.Text += ", by DocumentRoot " + site.Translate.DocumentRoot
	} else {
		f.Text += ", by Alias"
	}
	return f
}

// answer is what the client gets of the front itself.
func (a *asked) answer() string {
	text := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if location := a.Exchange.Target.Location; location != "" {
		return text + ", to " + location
	}
	refused, ok := errors.AsType[*exchange.Refusal](a.Err)
	if failure, isFailure := errors.AsType[*exchange.Error](a.Err); isFailure && failure.Cause == exchange.CauseUnknownWorker {
		return text + ": there is no worker " + failure.Worker
	}
	if ok && refused.Log != "" {
		text += ": " + refused.Log
	}
	return text
}

// answerPlace is where the answer is written, if it is.
func answerPlace(x *exchange.Exchange) string {
	if x.Target.Kind == exchange.TargetRespond {
		return x.Target.Place
	}
	return ""
}
