package overlay

import (
	"strconv"
	"time"
)

// Int is a setting that is a number.
func Int[C any](key string, field func(*C) *int) Setting[C] {
	return Setting[C]{
		Key: key,
		Get: func(cfg *C) string { return strconv.Itoa(*field(cfg)) },
		Put: func(cfg *C, text string) bool {
			n, err := strconv.Atoi(text)
			if err == nil {
				*field(cfg) = n
			}
			return err == nil
		},
	}
}

// Time is a setting that is a time in units of unit. A time below zero, which
// waits for ever, shows as 0; 0 is put as zero.
func Time[C any](key string, unit, zero time.Duration, field func(*C) *time.Duration) Setting[C] {
	return Setting[C]{
		Key: key,
		Get: func(cfg *C) string { return strconv.FormatInt(int64(max(0, *field(cfg))/unit), 10) },
		Put: func(cfg *C, text string) bool {
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				return false
			}
			*field(cfg) = time.Duration(n) * unit
			if n == 0 {
				*field(cfg) = zero
			}
			return true
		},
	}
}

// Text is a setting that is a word.
func Text[C any](key string, field func(*C) *string) Setting[C] {
	return Setting[C]{
		Key: key,
		Get: func(cfg *C) string { return *field(cfg) },
		Put: func(cfg *C, text string) bool { *field(cfg) = text; return true },
	}
}

// Bool is a setting that is True or False; off tells that the field is true
// when it is False.
func Bool[C any](key string, off bool, field func(*C) *bool) Setting[C] {
	return Setting[C]{
		Key: key,
		Get: func(cfg *C) string {
			if *field(cfg) != off {
				return "True"
			}
			return "False"
		},
		Put: func(cfg *C, text string) bool {
			if text != "True" && text != "False" {
				return false
			}
			*field(cfg) = (text == "True") != off
			return true
		},
	}
}

// A Word is a number that shows as a word.
type Word interface {
	~int
	String() string
}

// Choice is a setting that is one of words, counted from 0.
func Choice[C any, W Word](key string, last W, field func(*C) *W, older ...string) Setting[C] {
	return Setting[C]{
		Key: key, Older: older,
		Get: func(cfg *C) string { return (*field(cfg)).String() },
		Put: func(cfg *C, text string) bool {
			for w := range last + 1 {
				if w.String() == text {
					*field(cfg) = w
					return true
				}
			}
			return false
		},
	}
}
