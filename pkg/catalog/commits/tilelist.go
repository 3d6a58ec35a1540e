package commits

import (
	"slices"
	"strconv"
	"strings"
)

// tileList names sorted tiles, each run of neighbours in number by its ends: the
// metadata of a table holds a list for each snapshot.
func tileList(tiles []int64) string {
	var b strings.Builder
	for i := 0; i < len(tiles); {
		n := 1
		for i+n < len(tiles) && tiles[i+n] == tiles[i]+int64(n) {
			n++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(tiles[i], 10))
		if n > 1 {
			b.WriteString("..")
			b.WriteString(strconv.FormatInt(tiles[i+n-1], 10))
		}
		i += n
	}
	return b.String()
}

// touches says whether a list has one of some sorted tiles; what can't be read does.
func touches(list string, tiles []int64) bool {
	for s := range strings.SplitSeq(list, ",") {
		from, to, run := strings.Cut(s, "..")
		if !run {
			to = from
		}
		first, err := strconv.ParseInt(from, 10, 64)
		last, lerr := strconv.ParseInt(to, 10, 64)
		if err != nil || lerr != nil {
			return true
		}
		if i, _ := slices.BinarySearch(tiles, first); i < len(tiles) && tiles[i] <= last {
			return true
		}
	}
	return false
}

// numbers lists numbers, in their order.
func numbers(list []int64) string {
	s := make([]string, len(list))
	for i, n := range list {
		s[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(s, ",")
}
