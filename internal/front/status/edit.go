package status

import (
	"fmt"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/worker"
)

// A shownEdit is a form that changes a worker, a balancer, a member, or one
// attribute of all members.
type shownEdit struct {
	Title  string
	Hidden []pair
	Groups []inputs
	Back   string
}

type inputs struct {
	Title  string
	Inputs []input
}

// An input is one field with the value that it has.
type input struct {
	Name, Label, Value, File, Unit string
	Min, Max                       int
	Flag, Text                     bool
	Words                          []option
}

// edit is the form for what w is about.
func (w *writer) edit() *shownEdit {
	t := &w.a.target
	s := &shownEdit{Back: w.back()}
	hidden := []string{"cmd", "update", "w", t.name, "from", w.from()}
	attribute, all := w.a.params.get("att")
	switch {
	case t.worker != nil:
		s.Title = "Edit worker settings for " + t.name
		s.Groups = []inputs{{"AJP settings", endpointInputs(&t.worker.Snapshot)}}
	case t.balancer == nil:
		s.Title = "Nothing can be changed of " + t.name
	case t.members != nil:
		i := t.members[0]
		name := t.balancer.Members[i].Config.Worker
		s.Title = fmt.Sprintf("Edit worker settings for %s, a member of %s", name, t.name)
		hidden = append(hidden, "sw", name)
		s.Groups = []inputs{{"Balancing related settings", memberInputs(t.balancer, i)}, {"AJP settings, of " + name + " wherever it is", endpointInputs(&t.balancer.Workers[i])}}
	case all:
		f := fieldOf(attribute)
		s.Title = fmt.Sprintf("Edit attribute '%s' for all members of load balancer %s", f.label, t.name)
		hidden = append(hidden, "att", attribute)
		s.Groups = []inputs{{f.label, attributeInputs(t.balancer, f)}}
	default:
		s.Title = "Edit load balancer settings for " + t.name
		s.Groups = []inputs{{"Balancer", inputsOf(ofBalancer, balancer.Settings, &t.balancer.Config, &t.balancer.File, t.balancer.Set.Balancer)}}
	}
	s.Hidden = w.hidden(hidden...)
	return s
}

func endpointInputs(w *worker.Snapshot) []input {
	return inputsOf(ofWorker, worker.Settings, &w.Config, &w.File, w.Overlay)
}

func memberInputs(b *Balancer, i int) []input {
	m := &b.Members[i].Config
	return inputsOf(ofMember, balancer.MemberSettings, m, &b.File.Members[i], b.Set.Members[m.Worker])
}

// attributeInputs are an input a member, for one field.
func attributeInputs(b *Balancer, f field) []input {
	var all []input
	for i := range b.Members {
		of := memberInputs(b, i)
		if f.of == ofWorker {
			of = endpointInputs(&b.Workers[i])
		}
		for _, in := range of {
			if in.Name == f.param && !f.single {
				in.Name, in.Label = fmt.Sprintf("val%d", i), b.Members[i].Config.Worker
				all = append(all, in)
			}
		}
	}
	return all
}

// inputsOf are the inputs of one level with the values of now.
func inputsOf[C any](of level, table overlay.Table[C], now, file *C, o overlay.Overlay) []input {
	var all []input
	for _, f := range fields {
		if f.of != of {
			continue
		}
		in := input{Name: f.param, Label: f.label, Value: table.Shown(now, f.key), Unit: f.unit, Min: f.min, Max: f.max, Flag: f.kind == flag, Text: f.kind == word}
		if _, set := o.Get(f.key); set {
			in.File = orNone(table.Shown(file, f.key))
		}
		if f.kind == choice {
			for i, w := range f.words {
				if w == in.Value {
					in.Value = decimal(i)
				}
				in.Words = append(in.Words, option{decimal(i), choiceLabel(w)})
			}
		}
		all = append(all, in)
	}
	return all
}

// choiceLabel is a word of a choice as a form has it.
func choiceLabel(word string) string {
	switch word {
	case balancer.Active.String():
		return "Active"
	case balancer.Disabled.String():
		return "Disabled"
	case balancer.Stopped.String():
		return "Stopped"
	}
	return word
}
