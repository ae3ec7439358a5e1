package jklog

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/web/strftime"
)

// DefaultStamp is mod_jk's format if JkLogStampFormat says nothing.
const DefaultStamp = "[%a %b %d %H:%M:%S.%Q %Y] "

// longestStamp is how long a JkLogStampFormat may be.
const longestStamp = 63

// A Stamp is a compiled JkLogStampFormat: strftime's conversions, and once %Q
// for milliseconds or %q for microseconds. The zero Stamp is the default.
type Stamp struct{ layout string }

// ParseStamp compiles format. What mod_jk would cut off or leave as it is
// comes back as an error beside a Stamp that does the same.
func ParseStamp(format string) (Stamp, error) {
	var mistakes []error
	if len(format) > longestStamp {
		mistakes = append(mistakes, fmt.Errorf("the format is longer than %d bytes; the rest is ignored", longestStamp))
		format = format[:longestStamp]
	}
	if strings.Count(format, "%Q")+strings.Count(format, "%q") > 1 {
		mistakes = append(mistakes, errors.New("%Q or %q may come once"))
	}
	return Stamp{format}, errors.Join(mistakes...)
}

// Append appends t to b.
func (s Stamp) Append(b []byte, t time.Time) []byte {
	layout := s.layout
	if layout == "" {
		layout = DefaultStamp
	}
	if at := strings.Index(layout, "%Q"); at >= 0 {
		layout = layout[:at] + fmt.Sprintf("%03d", t.Nanosecond()/1e6) + layout[at+2:]
	} else if at := strings.Index(layout, "%q"); at >= 0 {
		layout = layout[:at] + fmt.Sprintf("%06d", t.Nanosecond()/1e3) + layout[at+2:]
	}
	return strftime.Append(b, layout, t)
}
