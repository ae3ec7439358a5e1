// Package interceptor has what messages, members and events of a
// tribes.Channel pass through, a file each, named as Tomcat's: the failure
// detector, order, fragmentation, compression, encryption and so on. What comes
// in is a message or an event, what goes out is the same, changed, kept back, or
// not at all.
//
// All nodes of a group have the same interceptors that change messages, in the
// same order.
//
// Source: org.apache.catalina.tribes.group.interceptors of Tomcat 10.1.
package interceptor

import (
	"log/slog"

	"github.com/catflap/catflap/internal/flood"
	"github.com/catflap/catflap/tribes"
)

// Base is what all interceptors may be told. A zero field means its default.
type Base struct {
	// Flag is Tomcat's optionFlag: the interceptor acts only on messages that
	// have all of its bits; 0 is all messages.
	Flag tribes.Options
	Log  *slog.Logger // default: nothing is logged
}

func (b Base) withDefaults() Base {
	b.Log = flood.Limit(b.Log)
	return b
}

// mine reports whether the interceptor acts on m.
func (b Base) mine(m *tribes.Message) bool { return b.Flag == 0 || m.Options.Has(b.Flag) }
