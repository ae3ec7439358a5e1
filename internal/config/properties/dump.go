package properties

import "slices"

// Dump returns what f says as mod_jk keeps it: each key once, where it is
// first mentioned, with the value that counts; then what workers have by
// reference.
//
// Source: mod_jk common/jk_map.c, as seen in the status worker's dump.
func Dump(f *File) []Entry {
	var all []Entry
	at := map[string]int{}
	d := definer{file: f, groups: map[string]*group{}, found: map[string]*Worker{}, result: &Definitions{}}
	for _, e := range f.Entries {
		i, again := at[e.Key]
		if !again {
			at[e.Key] = len(all)
			all = append(all, e)
			continue
		}
		if _, prop, ok := parts(e.Key); ok && isList(prop) {
			e.Value = all[i].Value + "," + e.Value
		}
		e.Pos = all[i].Pos
		all[i] = e
	}
	d.collect()
	d.references()
	for _, prefix := range d.order {
		g := d.groups[prefix]
		for _, key := range inherited(g) {
			entries := g.all[key]
			e := entries[len(entries)-1]
			e.Key = prefix + "." + key
			all = append(all, e)
		}
	}
	return all
}

// isList reports whether the repeats of a property add to it.
func isList(name string) bool {
	if name == "list" {
		return true
	}
	p, known := lookup(name)
	return known && p.kind.list()
}

// inherited returns the keys that g has by reference only, sorted.
func inherited(g *group) []string {
	var keys []string
	for key := range g.all {
		if g.own[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
