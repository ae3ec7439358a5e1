package node

import (
	"time"

	"github.com/catflap/catflap/internal/config/serverxml"
)

func (l *loader) defaults(*hostElement) []string                           { return nil }
func (l *loader) contextFile(string) *serverxml.Element                    { return nil }
func (l *loader) deployments(*hostElement)                                 {}
func (l *loader) webXML(*contextElement, *hostElement, *scope) webSettings { return webSettings{} }

type cookieSettings struct {
	Name, Path, Domain string
	Secure             bool
	MaxAge             time.Duration
}
