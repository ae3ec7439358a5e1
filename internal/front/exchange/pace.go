package exchange

import "time"

// A Pace is how fast a client has to send something: RequestReadTimeout. Its
// zero value lets it take its time.
type Pace struct {
	First time.Duration // how long it has at first
	Most  time.Duration // with all that came; 0 is without end
	Rate  int           // for so many bytes it has a second more; 0 never gives more
}

// Time is how long it has in all, now that so many bytes have come.
//
// Source: httpd modules/filters/mod_reqtimeout.c, extend_timeout, as seen at
// work.
func (p Pace) Time(bytes int64) time.Duration {
	if p.Rate == 0 {
		return p.First
	}
	t := p.First + time.Duration(bytes)*time.Second/time.Duration(p.Rate)
	if p.Most > 0 {
		t = min(t, p.Most)
	}
	return t
}
