package node

// LoadOptions say how a server.xml is read. A zero field means its default.
type LoadOptions struct {
	Base     string                           // catalina.base; default: the folder that the file's folder conf is in, else the file's own
	Property func(name string) (string, bool) // values of ${name} beyond catalina.base, catalina.home and the environment; nil is none
	// Warn is told what is unsupported, with what follows, and what is doubtful;
	// in the order of the file, each as it is to be printed: FILE:LINE:COL:
	// warning: …. nil is nobody.
	Warn func(text string)
}
