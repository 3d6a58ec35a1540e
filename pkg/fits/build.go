package fits

import (
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// NewPrimary starts the header of a primary HDU without data.
func NewPrimary() *Header {
	return newHeader().
		SetBool("SIMPLE", true, "conforms to FITS standard").
		SetInt("BITPIX", 8, "array data type").
		SetInt("NAXIS", 0, "number of array dimensions").
		SetBool("EXTEND", true, "")
}

// NewPrimaryImage starts the header of a primary HDU that holds an image.
func NewPrimaryImage(bitpix int, axes ...int) *Header {
	return newHeader().
		SetBool("SIMPLE", true, "conforms to FITS standard").
		array(bitpix, axes).
		SetBool("EXTEND", true, "")
}

// NewImage starts the header of an image extension. BITPIX is 8, 16, 32 or 64
// for integers, -32 or -64 for floats; axes are NAXIS1, NAXIS2, and so on.
func NewImage(bitpix int, axes ...int) *Header {
	return newHeader().
		SetText("XTENSION", "IMAGE", "image extension").
		array(bitpix, axes).
		SetInt("PCOUNT", 0, "number of parameters").
		SetInt("GCOUNT", 1, "number of groups")
}

func newHeader() *Header { return &Header{index: map[string]int{}} }

func (h *Header) array(bitpix int, axes []int) *Header {
	h.SetInt("BITPIX", int64(bitpix), "array data type")
	h.SetInt("NAXIS", int64(len(axes)), "number of array dimensions")
	for i, n := range axes {
		h.SetInt(fmt.Sprintf("NAXIS%d", i+1), int64(n), "")
	}
	return h
}

// Clone returns a copy that can be changed by itself.
func (h *Header) Clone() *Header {
	c := &Header{cards: append([]string(nil), h.cards...), index: make(map[string]int, len(h.index)), err: h.err}
	for k, i := range h.index {
		c.index[k] = i
	}
	c.again, c.odd = maps.Clone(h.again), maps.Clone(h.odd)
	return c
}

// Err returns the first mistake made while building: a name or a value that
// FITS can't hold. Such a card is left out. [WriteHDU] refuses the header.
func (h *Header) Err() error { return h.err }

// SetText sets a string; one that is longer than a card goes on in CONTINUE
// cards. Numbers that a product holds as strings are set this way too.
func (h *Header) SetText(key, val, comment string) *Header {
	if !printable(val) {
		return h.refuse(key, "%q is not printable ASCII", val)
	}
	card := formatText(key, val, comment)
	if _, ok := h.index["LONGSTRN"]; !ok && len(card) > cardSize {
		h.SetText("LONGSTRN", "OGIP 1.0", "the long-string convention is used")
	}
	return h.set(key, card)
}

// SetInt sets an integer in fixed format.
func (h *Header) SetInt(key string, val int64, comment string) *Header {
	return h.set(key, formatCard(key, fmt.Sprintf("%20d", val), comment))
}

// SetFloat sets a number that reads back as exactly val.
func (h *Header) SetFloat(key string, val float64, comment string) *Header {
	if math.IsNaN(val) || math.IsInf(val, 0) {
		return h.refuse(key, "a header can't hold %v", val)
	}
	return h.set(key, formatCard(key, fmt.Sprintf("%20s", formatFloat(val)), comment))
}

// SetBool sets a logical value.
func (h *Header) SetBool(key string, val bool, comment string) *Header {
	return h.set(key, formatCard(key, fmt.Sprintf("%20s", strings.ToUpper(strconv.FormatBool(val)[:1])), comment))
}

// Comment appends COMMENT cards, as many as the text needs.
func (h *Header) Comment(text string) *Header { return h.commentary("COMMENT", text) }

// History appends HISTORY cards, as many as the text needs.
func (h *Header) History(text string) *Header { return h.commentary("HISTORY", text) }

func (h *Header) commentary(key, text string) *Header {
	if !printable(text) {
		return h.refuse(key, "%q is not printable ASCII", text)
	}
	for {
		n := min(len(text), cardSize-8)
		h.cards = append(h.cards, padCard(fmt.Sprintf("%-8s%s", key, text[:n])))
		if text = text[n:]; text == "" {
			return h
		}
	}
}

// set puts a card in the place of the keyword's earlier ones, or last.
func (h *Header) set(key, card string) *Header {
	if !validKey(key) || key == "END" || key == "COMMENT" || key == "HISTORY" || key == "CONTINUE" {
		return h.refuse(key, "not a keyword that can have a value")
	}
	if i, ok := h.index[key]; ok {
		h.cards[i] = card
		for _, j := range h.again[key] {
			h.cards[j] = card
		}
		return h
	}
	h.index[key] = len(h.cards)
	h.cards = append(h.cards, card)
	return h
}

func (h *Header) refuse(key, format string, a ...any) *Header {
	if h.err == nil {
		h.err = fault.Input(CodeEncoding, format, a...).At("%s", key)
	}
	return h
}

// Encode returns the header as it stands in a file: its cards, END, and blanks
// to a whole number of blocks.
func (h *Header) Encode() []byte {
	n := cardSize
	for _, c := range h.cards {
		n += len(c)
	}
	out := make([]byte, 0, Pad(int64(n)))
	for _, c := range h.cards {
		out = append(out, c...)
	}
	out = append(out, endCard...)
	for len(out) < cap(out) && len(out)%Block != 0 {
		out = append(out, ' ')
	}
	return out
}

// formatCard makes a card of a value that is formatted already. A comment that
// doesn't fit is cut.
func formatCard(key, val, comment string) string {
	card := fmt.Sprintf("%-8s= %s", key, val)
	if comment != "" && printable(comment) {
		card += " / " + comment
	}
	return padCard(card)
}

// formatText makes the card, or cards, of a string.
func formatText(key, val, comment string) string {
	escaped := strings.ReplaceAll(val, "'", "''")
	if len(escaped) <= cardSize-12 {
		return formatCard(key, fmt.Sprintf("%-20s", fmt.Sprintf("'%-8s'", escaped)), comment)
	}
	var b strings.Builder
	for lead := fmt.Sprintf("%-8s= ", key); escaped != ""; lead = "CONTINUE  " {
		n, more := len(escaped), ""
		if n > cardSize-12 {
			n, more = cardSize-13, "&"
			// An escaped quote stays in one piece: don't cut between its halves.
			if quotes := n - len(strings.TrimRight(escaped[:n], "'")); quotes%2 == 1 {
				n--
			}
		}
		b.WriteString(padCard(lead + "'" + escaped[:n] + more + "'"))
		escaped = escaped[n:]
	}
	return b.String()
}

// padCard fills a card with blanks, or cuts it.
func padCard(s string) string {
	if len(s) >= cardSize {
		return s[:cardSize]
	}
	return s + strings.Repeat(" ", cardSize-len(s))
}
