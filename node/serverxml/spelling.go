package serverxml

import "strings"

// nearest returns a fix that names the one of all that is most alike, if one is.
func nearest(name string, all []string) string {
	best, least := "", 3
	for _, other := range all {
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < least && d*3 < len(name) {
			best, least = other, d
		}
	}
	if best == "" {
		return "look at its spelling, or remove it"
	}
	return "write " + best + ", or remove it"
}

// distance is how many letters are to be changed, added or removed.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		before := line[0]
		line[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, line[j], line[j+1])
			}
			before, line[j+1] = line[j+1], cost
		}
	}
	return line[len(b)]
}
