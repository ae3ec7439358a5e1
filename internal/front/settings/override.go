package settings

// OverrideClass is a set of the kinds of directives that .htaccess files may
// hold.
type OverrideClass uint8

const (
	OverrideAuthConfig OverrideClass = 1 << iota
	OverrideFileInfo
	OverrideIndexes
	OverrideLimit
	OverrideOptions

	OverrideAll = OverrideAuthConfig | OverrideFileInfo | OverrideIndexes | OverrideLimit | OverrideOptions
)

// An Override is AllowOverride and AllowOverrideList: what the .htaccess file
// of a folder may say. The zero Override is None: the file is not read.
type Override struct {
	Classes  OverrideClass
	Options  Options // AllowOverride Options=…: those that may be set; 0 with the class is all
	Nonfatal bool    // what may not be said is passed over; else it is a mistake
	List     string  // of AllowOverrideList: names in lower case, each between blanks
}

// None reports whether .htaccess files are not read.
func (o Override) None() bool { return o.Classes == 0 && o.List == "" }

// An OverrideChange is one section's AllowOverride and AllowOverrideList.
type OverrideChange struct {
	Allow *Override // without its List; nil leaves what is inherited
	List  *string
}

// Apply returns inherited as c changes it.
func (c *OverrideChange) Apply(inherited Override) Override {
	if c.Allow != nil {
		list := inherited.List
		inherited = *c.Allow
		inherited.List = list
	}
	if c.List != nil {
		inherited.List = *c.List
	}
	return inherited
}
