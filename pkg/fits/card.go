package fits

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// valueKind is what a card's value is.
type valueKind uint8

const (
	undefined valueKind = iota // a keyword without a value
	text
	logical
	number
	complexNumber
)

// value is a decoded card value. The text of a string is unescaped, joined from
// its CONTINUE cards, and without trailing blanks; others are as written.
type value struct {
	kind valueKind
	text string
}

// equal says whether two values mean the same, however they are written.
func (v value) equal(o value) bool {
	if v.kind == o.kind && v.text == o.text {
		return true
	}
	if !v.numeric() || !o.numeric() {
		return false
	}
	a, err1 := strconv.ParseInt(strings.TrimSpace(v.text), 10, 64)
	b, err2 := strconv.ParseInt(strings.TrimSpace(o.text), 10, 64)
	if err1 == nil && err2 == nil {
		return a == b
	}
	x, err1 := parseFloat(strings.TrimSpace(v.text))
	y, err2 := parseFloat(strings.TrimSpace(o.text))
	return err1 == nil && err2 == nil && x == y
}

// numeric says whether the value can be read as a number: quoted ones can.
func (v value) numeric() bool { return v.kind == number || v.kind == text }

var (
	errUnclosed  = errors.New("string value without closing quote")
	errTrailing  = errors.New("value followed by something that is no comment")
	errNoNumber  = errors.New("value is neither string, logical nor number")
	errUndefined = errors.New("keyword has no value")
	errUnprinted = errors.New("string value with bytes that are not printable ASCII")
)

// parseValue decodes the value of a card, given as the 80 characters of the
// card followed by those of its CONTINUE cards.
func parseValue(card string) (value, error) {
	field := strings.TrimLeft(card[10:cardSize], " ")
	if strings.HasPrefix(field, "'") {
		s, err := parseText(field)
		for rest := card[cardSize:]; err == nil && strings.HasSuffix(s, "&") && rest != ""; rest = rest[cardSize:] {
			var more string
			if more, err = parseText(strings.TrimLeft(rest[8:cardSize], " ")); err == nil {
				s = s[:len(s)-1] + more
			}
		}
		if err == nil && !printable(s) {
			err = errUnprinted
		}
		return value{text, strings.TrimRight(s, " ")}, err
	}
	field, _, _ = strings.Cut(field, "/")
	field = strings.TrimRight(field, " ")
	switch {
	case field == "":
		return value{}, nil
	case field == "T", field == "F":
		return value{logical, field}, nil
	case field[0] == '(':
		return value{complexNumber, field}, nil
	case isNumber(field):
		return value{number, field}, nil
	}
	return value{}, fmt.Errorf("%w: %q", errNoNumber, field)
}

// parseText decodes a quoted string at the start of field; two quotes stand for
// one. Trailing blanks stay: they count before a continuation.
func parseText(field string) (string, error) {
	if !strings.HasPrefix(field, "'") {
		return "", errUnclosed
	}
	escaped := false
	for i := 1; i < len(field); i++ {
		if field[i] != '\'' {
			continue
		}
		if i+1 < len(field) && field[i+1] == '\'' {
			escaped = true
			i++
			continue
		}
		if rest := strings.TrimLeft(field[i+1:], " "); rest != "" && rest[0] != '/' {
			return "", errTrailing
		}
		s := field[1:i]
		if escaped {
			s = strings.ReplaceAll(s, "''", "'")
		}
		// 'abc  &' and 'abc&   ' both go on in the next card.
		if t := strings.TrimRight(s, " "); strings.HasSuffix(t, "&") {
			s = t
		}
		return s, nil
	}
	return "", errUnclosed
}

// isNumber says whether s has the form of a FITS integer or floating-point
// number. What strconv accepts beyond that (NaN, hexadecimal, underscores) is
// none.
func isNumber(s string) bool {
	digits, point, exponent := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' || c == '-':
			if i > 0 && !isExponent(s[i-1]) {
				return false
			}
		case c == '.' && !point && !exponent:
			point = true
		case isExponent(c) && !exponent && digits > 0:
			exponent, digits = true, 0
		default:
			return false
		}
	}
	return digits > 0
}

func isExponent(c byte) bool { return c == 'E' || c == 'D' || c == 'e' || c == 'd' }

// parseFloat converts a FITS number, which may have a D exponent.
func parseFloat(s string) (float64, error) {
	if !isNumber(s) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	if i := strings.IndexAny(s, "Dd"); i >= 0 {
		s = s[:i] + "E" + s[i+1:]
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is out of the range of float64", s)
	}
	return f, nil
}

// formatFloat writes the shortest number that reads back as exactly f, with a
// decimal point, as FITS wants it.
func formatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'G', -1, 64)
	mantissa, exponent, scaled := strings.Cut(s, "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if scaled {
		return mantissa + "E" + exponent
	}
	return mantissa
}

// WithInt is the card of an integer with another one, whatever the form of value
// and comment. Of a card in fixed format nothing else changes.
func WithInt(card string, n int64) string {
	fixed, rest := card[10:30], strings.TrimLeft(card[30:], " ")
	if isNumber(strings.TrimSpace(fixed)) && (rest == "" || rest[0] == '/') {
		return card[:10] + fmt.Sprintf("%20d", n) + card[30:]
	}
	_, comment, _ := strings.Cut(card[10:], "/")
	return formatCard(strings.TrimRight(card[:8], " "), fmt.Sprintf("%20d", n), strings.TrimSpace(comment))
}

// validKey says whether key, without padding, is a FITS keyword name.
func validKey(key string) bool {
	if key == "" || len(key) > 8 {
		return false
	}
	for i := 0; i < len(key); i++ {
		c := key[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// printable says whether s holds only the characters that a header may hold.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
