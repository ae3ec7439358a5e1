package session

import (
	"cmp"
	"slices"
	"unique"
)

// attributes are those of one session, sorted by name, with values as keep
// returned them. Sessions have few: a list is smaller than a map.
type attributes []Attribute

func (a attributes) find(name string) (at int, ok bool) {
	return slices.BinarySearchFunc(a, name, func(each Attribute, name string) int { return cmp.Compare(each.Name, name) })
}

func (a attributes) get(name string) (value any, ok bool) {
	at, ok := a.find(name)
	if !ok {
		return nil, false
	}
	return a[at].Value, true
}

// set sets an attribute. All sessions share one copy of its name.
func (a *attributes) set(name string, value any) {
	at, ok := a.find(name)
	if ok {
		(*a)[at].Value = value
		return
	}
	*a = slices.Insert(*a, at, Attribute{unique.Make(name).Value(), value})
}

// remove reports whether there was one.
func (a *attributes) remove(name string) bool {
	at, ok := a.find(name)
	if ok {
		*a = slices.Delete(*a, at, at+1)
	}
	return ok
}
