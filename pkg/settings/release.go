package settings

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Release says which release of the MER products counts: [Newest], or one by
// its number as names have it, NN.NN.
type Release string

// Newest is the newest release that there is when a campaign begins. The
// campaign holds to it.
const Newest Release = "newest"

// Valid says whether a release can be asked for.
func (r Release) Valid() bool { return r == Newest || IsRelease(string(r)) }

// IsRelease says whether a word is a release's number, such as 00.00.
func IsRelease(s string) bool {
	major, minor, ok := strings.Cut(s, ".")
	return ok && isNumber(major) && isNumber(minor)
}

func isNumber(s string) bool {
	return s != "" && len(s) <= 9 && strings.Trim(s, "0123456789") == ""
}

// ReleaseName is a release's number as names have it: 1.0 is 01.00. Other words
// are as they are.
func ReleaseName(s string) string {
	if !IsRelease(s) {
		return s
	}
	n := release(s)
	return fmt.Sprintf("%02d.%02d", n[0], n[1])
}

// CompareReleases orders releases by their numbers. Files without one come first.
func CompareReleases(a, b string) int {
	na, nb := release(a), release(b)
	return cmp.Or(cmp.Compare(na[0], nb[0]), cmp.Compare(na[1], nb[1]), strings.Compare(ReleaseName(a), ReleaseName(b)))
}

func release(s string) (n [2]int) {
	if !IsRelease(s) {
		return [2]int{-1, -1}
	}
	major, minor, _ := strings.Cut(s, ".")
	n[0], _ = strconv.Atoi(major) // nine digits at most
	n[1], _ = strconv.Atoi(minor)
	return n
}
