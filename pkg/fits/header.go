package fits

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Header is the cards of one HDU. Values are decoded when they are asked for, and
// only then is it a mistake that a keyword stands twice with different values, or
// on a card that readers disagree about. A Header may be read by
// several goroutines at once, as long as none changes it.
type Header struct {
	cards []string         // 80 characters each; CONTINUE cards follow in the same string
	index map[string]int   // keyword to its first card that has a value
	again map[string][]int // keyword to its later cards, where there are any
	odd   map[string]int   // keyword to a card that some readers take for it and others don't
	place string           // for errors, e.g. "HDU 3 (3-4.F.SCI)"
	err   error            // the first mistake made while building
}

// ParseHeader parses a header from its first card to its END card; whatever
// follows END is left alone.
func ParseHeader(raw []byte) (*Header, error) {
	h, _, err := parseHeader(raw)
	if err == nil && h == nil {
		err = fault.Data(CodeNoEnd, "no END card in %d bytes of header", len(raw))
	}
	return h, err
}

// parseHeader parses as far as the END card and returns the number of bytes up
// to and with it. Without an END card in raw both are zero: there may be more.
func parseHeader(raw []byte) (*Header, int, error) {
	end, values := findEnd(raw)
	if end < 0 {
		return nil, 0, nil
	}
	all := string(raw[:end])
	h := &Header{cards: make([]string, 0, end/cardSize), index: make(map[string]int, values)}
	start, open := 0, false // of the card whose CONTINUE cards may follow
	for at := 0; at < end; at += cardSize {
		card := all[at : at+cardSize]
		if open && card[:8] == "CONTINUE" && card[8:10] != "= " {
			h.cards[len(h.cards)-1] = all[start : at+cardSize]
			continue
		}
		if card[:8] == endCard[:8] {
			return nil, 0, fault.Data(CodeGarbled, "card %d: END is followed by %q", at/cardSize+1, strings.TrimSpace(card[8:])).
				At("header").Fix("readers disagree about where such a header ends: %s", fromAuthor)
		}
		start, open = at, h.note(card)
		h.cards = append(h.cards, card)
	}
	return h, end + cardSize, nil
}

// note puts the next card's keyword into the index, if it is one with a value.
func (h *Header) note(card string) bool {
	sign := strings.IndexByte(card[:9], '=')
	if sign < 0 {
		return false
	}
	key := strings.TrimRight(card[:min(sign, 8)], " ")
	switch regular := sign == 8 && card[9] == ' ' && validKey(key); {
	case key == "" || key == "COMMENT" || key == "HISTORY": // these have no values (FITS 4.0, section 4.4.2.4)
		return false
	case !regular:
		if h.odd == nil {
			h.odd = map[string]int{}
		}
		h.odd[strings.ToUpper(strings.TrimSpace(key))] = len(h.cards)
		return false
	}
	if _, twice := h.index[key]; !twice {
		h.index[key] = len(h.cards)
		return true
	}
	if h.again == nil {
		h.again = map[string][]int{}
	}
	h.again[key] = append(h.again[key], len(h.cards))
	return true
}

// endCard is the card that closes a header.
var endCard = "END" + strings.Repeat(" ", cardSize-3)

// findEnd returns the offset of the END card, or -1, and the number of cards
// before it that have a value.
func findEnd(raw []byte) (end, values int) {
	for at := 0; at+cardSize <= len(raw); at += cardSize {
		card := raw[at : at+cardSize]
		if card[0] == 'E' && string(card) == endCard {
			return at, values
		}
		if card[8] == '=' {
			values++
		}
	}
	return -1, 0
}

// Keys returns the keywords that have values, in the order of their cards.
func (h *Header) Keys() []string {
	keys := make([]string, 0, len(h.index))
	for i, card := range h.cards {
		key := strings.TrimRight(card[:8], " ")
		if first, ok := h.index[key]; ok && first == i {
			keys = append(keys, key)
		}
	}
	return keys
}

// Has says whether the keyword is there with a value, also with one that can't
// be used: whoever asks for it is told.
func (h *Header) Has(key string) bool {
	i, ok := h.index[key]
	if ok && hasValue(h.cards[i]) {
		return true
	}
	if len(h.odd) == 0 && len(h.again) == 0 {
		return false
	}
	if _, ok := h.odd[key]; ok {
		return true
	}
	return slices.ContainsFunc(h.again[key], func(i int) bool { return hasValue(h.cards[i]) })
}

func hasValue(card string) bool {
	field := strings.TrimLeft(card[10:cardSize], " ")
	return field != "" && field[0] != '/'
}

// get decodes a keyword's value. Readers differ in which of two cards they take,
// and in whether they take one in lower case: only what all of them read is given.
func (h *Header) get(key string) (value, error) {
	if i, ok := h.odd[key]; ok {
		return value{}, h.fault(key, fmt.Errorf("card %d, %q, is not in the form of FITS: some readers take it for %s and others don't", i+1, strings.TrimSpace(h.cards[i][:cardSize]), key))
	}
	i, ok := h.index[key]
	if !ok {
		return value{}, h.fault(key, fmt.Errorf("keyword is missing"))
	}
	v, err := parseValue(h.cards[i])
	if err == nil && v.kind == undefined && len(h.again[key]) == 0 {
		err = errUndefined
	}
	if err != nil {
		return value{}, h.fault(key, err)
	}
	for _, j := range h.again[key] {
		if o, err := parseValue(h.cards[j]); err != nil {
			return value{}, h.fault(key, fmt.Errorf("card %d: %w", j+1, err))
		} else if !v.equal(o) {
			return value{}, h.fault(key, fmt.Errorf("card %d says %q, card %d says %q", i+1, v.text, j+1, o.text))
		}
	}
	if v.kind == undefined {
		return value{}, h.fault(key, errUndefined)
	}
	return v, nil
}

// fromAuthor is what helps where a file may be just as it was made.
const fromAuthor = "ask who made it for one that is mended, or leave it out"

// fault makes the error for an unusable keyword.
func (h *Header) fault(key string, err error) error {
	place := key
	if h.place != "" {
		place = h.place + ", " + key
	}
	return fault.Data(CodeKeyword, "%w", err).At("%s", place).Fix("compare the file with the archive's: where they differ copy it again, else %s", fromAuthor)
}

// Text returns a string value without trailing blanks. Values of other kinds
// are returned as they are written.
func (h *Header) Text(key string) (string, error) {
	v, err := h.get(key)
	return v.text, err
}

// Int returns an integer value. An integer in quotes is accepted.
func (h *Header) Int(key string) (int64, error) {
	v, err := h.get(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.text), 10, 64)
	if err != nil {
		return 0, h.fault(key, fmt.Errorf("%q is not an integer", v.text))
	}
	return n, nil
}

// Float returns a number: integer or floating-point, with E or D exponent, bare
// or in quotes. It is always finite.
func (h *Header) Float(key string) (float64, error) {
	v, err := h.get(key)
	if err != nil {
		return 0, err
	}
	f, err := parseFloat(strings.TrimSpace(v.text))
	if err != nil {
		return 0, h.fault(key, err)
	}
	return f, nil
}

// Number is Float for what readers make different things of in quotes: it has to be bare.
func (h *Header) Number(key string) (float64, error) {
	v, err := h.get(key)
	if err != nil {
		return 0, err
	}
	if v.kind == text {
		return 0, h.fault(key, fmt.Errorf("%q is in quotes: some readers take it for a number and others don't", v.text))
	}
	return h.Float(key)
}

// Bool returns a logical value.
func (h *Header) Bool(key string) (bool, error) {
	v, err := h.get(key)
	if err != nil {
		return false, err
	}
	if v.kind != logical {
		return false, h.fault(key, fmt.Errorf("%q is not a logical value (T or F)", v.text))
	}
	return v.text == "T", nil
}

// structural returns an integer that the layout of the file depends on: bare,
// and between low and high.
func (h *Header) structural(key string, low, high int64) (int64, error) {
	v, err := h.get(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || v.kind != number {
		return 0, h.fault(key, fmt.Errorf("%q is not an integer", v.text))
	}
	if n < low || n > high {
		return 0, h.fault(key, fmt.Errorf("%d is not between %d and %d", n, low, high))
	}
	return n, nil
}
