package wcs

import "strings"

// strays refuses keywords that this package doesn't look for and wcslib, which
// other readers are made on, reads nevertheless: a term whose numbers are written
// with zeros in front, which replaces the one without; the old form of a matrix;
// a third axis, whatever WCSAXES says; the parameters of a table of distortion.
func (h *reader) strays() {
	for _, key := range h.k.Keys() {
		stem, first, second := parts(key)
		switch stem {
		case "CRPIX", "CRVAL", "CTYPE", "CUNIT", "CDELT", "CROTA", "CNAME", "CRDER", "CSYER", "CZPHS", "CPERI":
			if second == "" && first != "" && first[0] != '0' {
				h.third(key, first)
			}
		case "CD", "PC", "PV", "PS":
			switch {
			case second == "" && len(first) == 6 && stem[1] != 'V' && stem[1] != 'S':
				h.refuse(CodeUnsupported, key, "this old form of %s is not supported", stem)
			case first == "" || second == "":
			case zeroes(first) || zeroes(second):
				h.refuse(CodeInvalid, key, "numbers with zeros in front: some readers take it for %s%s_%s and others don't", stem, bare(first), bare(second))
			case stem == "CD" || stem == "PC":
				h.third(key, first)
				h.third(key, second)
			default:
				h.third(key, first)
			}
		case "DP", "DQ":
			if first != "" && second == "" {
				h.refuse(CodeUnsupported, key, "this kind of distortion is not supported")
			}
		}
	}
}

// third refuses an axis beyond the second.
func (h *reader) third(key, axis string) {
	if axis != "1" && axis != "2" {
		h.refuse(CodeUnsupported, key, "it is of axis %s, need 2 axes", axis)
	}
}

// parts splits a keyword such as CRVAL1 or PV1_10 into its letters and numbers;
// the numbers of any other keyword are empty.
func parts(key string) (stem, first, second string) {
	stem = strings.TrimRight(key, "0123456789_")
	if len(stem) == 0 || len(stem) > 5 || len(stem) == len(key) {
		return "", "", ""
	}
	first, second, _ = strings.Cut(key[len(stem):], "_")
	if strings.Contains(second, "_") {
		return "", "", ""
	}
	return stem, first, second
}

// zeroes says whether a number has zeros in front.
func zeroes(number string) bool { return len(number) > 1 && number[0] == '0' }

// bare is a number without zeros in front.
func bare(number string) string {
	if n := strings.TrimLeft(number, "0"); n != "" {
		return n
	}
	return "0"
}
