package mistake

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns up to three of names that someone who typed word may have
// meant, best first: by edit distance without regard to case, at most a third
// of the word's length. Names of equal distance keep their order.
func Nearest(word string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	low, limit := strings.ToLower(word), max(1, len(word)/3)
	var found []near
	for _, name := range names {
		if d := distance(low, strings.ToLower(name), limit); d <= limit {
			found = append(found, near{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var best []string
	for _, f := range found[:min(3, len(found))] {
		best = append(best, f.name)
	}
	return best
}

// Near reports whether word is one of names, but for at most two edits and the
// case of letters.
func Near(word string, names []string) bool {
	low := strings.ToLower(word)
	return slices.ContainsFunc(names, func(name string) bool { return distance(low, strings.ToLower(name), 2) <= 2 })
}

// distance returns the number of edits (insert, delete, replace, swap of
// neighbours) from a to b, or limit+1 once it is surely above limit.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) > limit {
		return limit + 1
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return min(previous[len(b)], limit+1)
}

func abs(n int) int { return max(n, -n) }
