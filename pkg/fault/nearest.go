package fault

import (
	"cmp"
	"slices"
)

// Nearest is the name that a mistyped word was probably meant to be; empty where
// none is near: more than a character of each four, and one, would be other.
func Nearest(word string, names []string) string {
	near := slices.DeleteFunc(Similar(word, names), func(n string) bool { return distance(word, n) > 1+len(word)/4 })
	if len(near) == 0 {
		return ""
	}
	return near[0]
}

// Similar orders names by how little has to be typed anew; those as near as each
// other keep their order, and neighbours that are the same become one.
func Similar(word string, names []string) []string {
	names = slices.Clone(names)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distance(word, a), distance(word, b)) })
	return slices.Compact(names)
}

// distance is the number of characters to insert, remove or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, corner+1, row[j]+1)
		}
	}
	return row[len(b)]
}
