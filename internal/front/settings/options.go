package settings

// Options is a set of httpd's Options.
type Options uint8

const (
	Indexes Options = 1 << iota
	FollowSymLinks
	SymLinksIfOwnerMatch
	MultiViews
	Includes // known, without effect here
	IncludesNoExec
	ExecCGI

	// AllOptions is what Options All means: everything but MultiViews.
	AllOptions = Indexes | FollowSymLinks | Includes | ExecCGI
)

// Has reports whether all of want are in o.
func (o Options) Has(want Options) bool { return o&want == want }

// An OptionsChange is one section's Options lines taken together: without
// signs they replace, with signs they change what is inherited.
type OptionsChange struct {
	Replace bool
	Set     Options // the new set if Replace, else what + adds
	Clear   Options // what - removes
}

func (c *OptionsChange) apply(inherited Options) Options {
	if c.Replace {
		return c.Set
	}
	return inherited&^c.Clear | c.Set
}
