// Package strftime writes times as C's strftime does in the C locale. What
// comes in is a format of httpd or mod_jk and a time, what goes out is text.
package strftime

import (
	"strconv"
	"time"
)

// Append appends t in the form of layout to b. An unknown conversion stands
// as it is.
func Append(b []byte, layout string, t time.Time) []byte {
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' || i+1 == len(layout) {
			b = append(b, layout[i])
			continue
		}
		i++
		if goLayout := layouts[layout[i]]; goLayout != "" {
			b = t.AppendFormat(b, goLayout)
			continue
		}
		b = appendComputed(b, layout[i], t)
	}
	return b
}

// layouts are the conversions that package time has.
var layouts = [256]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
	'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// appendComputed appends the others.
func appendComputed(b []byte, conversion byte, t time.Time) []byte {
	switch conversion {
	case '%':
		return append(b, '%')
	case 'n':
		return append(b, '\n')
	case 't':
		return append(b, '\t')
	case 's':
		return strconv.AppendInt(b, t.Unix(), 10)
	case 'C':
		return padded(b, t.Year()/100, '0')
	case 'k':
		return padded(b, t.Hour(), ' ')
	case 'l':
		return padded(b, (t.Hour()+11)%12+1, ' ')
	case 'u':
		return strconv.AppendInt(b, int64(t.Weekday()+6)%7+1, 10)
	case 'w':
		return strconv.AppendInt(b, int64(t.Weekday()), 10)
	case 'U':
		return padded(b, (t.YearDay()+6-int(t.Weekday()))/7, '0')
	case 'W':
		return padded(b, (t.YearDay()+6-(int(t.Weekday())+6)%7)/7, '0')
	case 'G', 'V', 'g':
		year, week := t.ISOWeek()
		switch conversion {
		case 'V':
			return padded(b, week, '0')
		case 'g':
			return padded(b, year%100, '0')
		}
		return strconv.AppendInt(b, int64(year), 10)
	}
	return append(b, '%', conversion)
}

// padded appends n, which is not negative, with fill before a single digit.
func padded(b []byte, n int, fill byte) []byte {
	if n < 10 {
		b = append(b, fill)
	}
	return strconv.AppendInt(b, int64(n), 10)
}
