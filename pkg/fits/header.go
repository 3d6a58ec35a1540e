package fits

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Header is the cards of one HDU. Values are decoded when they are asked for.
// Where a keyword stands twice the first one counts. A Header may be read by
// several goroutines at once, as long as none changes it.
type Header struct {
	cards []string       // 80 characters each; CONTINUE cards follow in the same string
	index map[string]int // keyword to its first card that has a value
	place string         // for errors, e.g. "HDU 3 (3-4.F.SCI)"
	err   error          // the first mistake made while building
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
		if !printable(card) {
			return nil, 0, fault.Data(CodeGarbled, "card %d holds bytes that are not printable ASCII: %q", at/cardSize+1, strings.TrimRight(card, " ")).
				At("header").Fix("the file is damaged: fetch it again")
		}
		if open && card[:8] == "CONTINUE" && card[8:10] != "= " {
			h.cards[len(h.cards)-1] = all[start : at+cardSize]
			continue
		}
		if card[:8] == endCard[:8] {
			return nil, 0, fault.Data(CodeGarbled, "card %d: END is followed by %q", at/cardSize+1, strings.TrimSpace(card[8:])).
				At("header").Fix("the file is damaged: fetch it again")
		}
		start, open = at, card[8:10] == "= "
		if open {
			key := strings.TrimRight(card[:8], " ")
			if !validKey(key) {
				return nil, 0, fault.Data(CodeGarbled, "card %d has the invalid keyword %q", at/cardSize+1, card[:8]).
					At("header").Fix("the file is damaged: fetch it again")
			}
			if _, twice := h.index[key]; !twice {
				h.index[key] = len(h.cards)
			}
		}
		h.cards = append(h.cards, card)
	}
	return h, end + cardSize, nil
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

// Has says whether the keyword is there with a value.
func (h *Header) Has(key string) bool {
	i, ok := h.index[key]
	if !ok {
		return false
	}
	field := strings.TrimLeft(h.cards[i][10:cardSize], " ")
	return field != "" && field[0] != '/'
}

// get decodes a keyword's value.
func (h *Header) get(key string) (value, error) {
	i, ok := h.index[key]
	if !ok {
		return value{}, h.fault(key, fmt.Errorf("keyword is missing"))
	}
	v, err := parseValue(h.cards[i])
	if err == nil && v.kind == undefined {
		err = errUndefined
	}
	if err != nil {
		return value{}, h.fault(key, err)
	}
	return v, nil
}

// fault makes the error for an unusable keyword.
func (h *Header) fault(key string, err error) error {
	place := key
	if h.place != "" {
		place = h.place + ", " + key
	}
	return fault.Data(CodeKeyword, "%w", err).At("%s", place).Fix("the file is damaged or not of the kind that is expected: fetch it again, or leave it out")
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
