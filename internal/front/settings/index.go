package settings

// Index says what a request for a directory gets.
type Index struct {
	Names []string // DirectoryIndex, tried in order; empty if disabled
	Slash bool     // DirectorySlash: /dir is sent to /dir/
}

// An IndexChange is one section's DirectoryIndex and DirectorySlash.
type IndexChange struct {
	Names []string // nil leaves the inherited ones; empty is "disabled"
	Slash *bool
}

func (c *IndexChange) apply(inherited Index) Index {
	if c.Names != nil {
		inherited.Names = c.Names
	}
	if c.Slash != nil {
		inherited.Slash = *c.Slash
	}
	return inherited
}
