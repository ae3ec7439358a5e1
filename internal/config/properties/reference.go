package properties

import (
	"fmt"
	"maps"
)

// maxReferences is how many references in a row are too many.
const maxReferences = 20

// references gives every worker what its reference sets and it does not.
//
// Source: mod_jk common/jk_map.c, jk_map_resolve_references and
// jk_map_inherit_properties, as seen at work.
func (d *definer) references() {
	for _, prefix := range d.order {
		if g := d.groups[prefix]; prefix != "" && g.own["reference"] != nil {
			d.inherit(g)
		}
	}
}

// inherit follows the references of g.
func (d *definer) inherit(g *group) {
	g.all = maps.Clone(g.own)
	from := g
	for depth := 1; ; depth++ {
		refs := from.own["reference"]
		if len(refs) == 0 {
			return
		}
		ref := refs[len(refs)-1]
		if depth >= maxReferences {
			first := g.own["reference"][0]
			d.fail(first.Pos, first.Line, fmt.Sprintf("Recursion limit %d for worker references with prefix '%s' reached", maxReferences, g.prefix),
				"end the loop of references")
			return
		}
		target := d.groups[ref.Value]
		if target == nil {
			d.missing(ref)
			return
		}
		for key, entries := range target.own {
			if g.all[key] == nil {
				g.all[key] = entries
			}
		}
		from = target
	}
}

// missing reports a reference to nothing.
func (d *definer) missing(ref Entry) {
	fix := d.meant(ref.Value, d.order)
	if d.groups["worker."+ref.Value] != nil {
		fix = "write the whole prefix: worker." + ref.Value
	}
	d.fail(ref.ValuePos, ref.Line, fmt.Sprintf("Reference '%s.' not found", ref.Value), fix)
}
