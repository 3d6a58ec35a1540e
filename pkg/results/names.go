package results

import "strings"

// alike says whether a column of another name is one of ours, misspelt: other
// separators, another word for the error, or a slip in one letter or two neighbours.
func alike(ours, is string) bool {
	a, b := essence(ours), essence(is)
	if a == b {
		return true
	}
	// Short names, and those with other digits, are other columns: DX and DZ, E1 and E3.
	return len(a) >= 5 && digits(a) == digits(b) && oneApart(a, b)
}

// essence is a name without its case, its separators, and the ways to say "error".
func essence(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(name))
	for _, word := range []string{"STDERR", "STDDEV", "SIGMA", "ERROR", "STD", "ERR"} {
		if rest, ok := strings.CutSuffix(name, word); ok && rest != "" {
			return rest + "ERR"
		}
		if rest, ok := strings.CutPrefix(name, word); ok && rest != "" {
			return rest + "ERR"
		}
	}
	return name
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// oneApart says whether two words are the same but for one letter, or two that changed places.
func oneApart(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
