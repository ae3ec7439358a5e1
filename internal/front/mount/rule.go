package mount

import "github.com/catflap/catflap/internal/front/exchange"

// A Rule is one entry of a map, as the files have it.
type Rule struct {
	exchange.Rule // Pattern, Worker ("*" in an exclusion: all), Place, Ext
	Source        Source
	Exclude       bool // JkUnMount, "!"
	Disabled      bool // "-"
}

// Source is where a Rule comes from; a later one wins among equals.
type Source int

const (
	WorkerDefinition Source = iota // the property mount
	JkMount
	URIWorkerMap // uriworkermap.properties
)
