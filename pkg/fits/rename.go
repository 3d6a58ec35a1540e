package fits

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Rename gives an HDU another EXTNAME in its encoded header, in place. Where it has
// a CHECKSUM, that matches the HDU afterwards if it did before, without a look at
// the data: what the card adds to the sum is taken off again.
func Rename(header []byte, name string) error {
	card := findCard(header, "EXTNAME =")
	if card == nil {
		return fault.Data(CodeKeyword, "there is no card EXTNAME to make %s of", name).At("keyword EXTNAME")
	}
	var before, after Sum
	before.Write(header)
	_, comment, _ := cutText(card)
	value := fmt.Sprintf("%-30s", fmt.Sprintf("EXTNAME = '%-8s'", name))
	if comment != "" {
		value += " / " + comment
	}
	copy(card, fmt.Sprintf("%-*.*s", cardSize, cardSize, value))
	sum := findCard(header, "CHECKSUM=")
	if sum == nil {
		return nil
	}
	old, _, fixed := cutText(sum)
	if strings.TrimSpace(old) == "" {
		return nil
	}
	const at = len("CHECKSUM= '")
	if !fixed || len(old) != 16 || sum[at-1] != '\'' {
		return fault.Data(CodeKeyword, "CHECKSUM is not 16 letters in columns 12 to 27, so it can't be kept while EXTNAME becomes %s", name).At("keyword CHECKSUM").
			Fix("%s", fromAuthor)
	}
	copy(sum[at:], strings.Repeat("0", len(old)))
	after.Write(header)
	after.add(^before.Sum32())
	copy(sum[at:], encodeSum(^after.Sum32()))
	return nil
}

// findCard is the first card that begins so, before END.
func findCard(header []byte, begin string) []byte {
	for ; len(header) >= cardSize; header = header[cardSize:] {
		switch card := header[:cardSize]; {
		case bytes.HasPrefix(card, []byte(begin)):
			return card
		case strings.TrimRight(string(card), " ") == "END":
			return nil
		}
	}
	return nil
}

// cutText cuts a card of a text into it and the comment; ok is false where it is none.
func cutText(card []byte) (text, comment string, ok bool) {
	_, rest, ok := strings.Cut(string(card), "'")
	text, rest, closed := strings.Cut(rest, "'")
	if _, after, found := strings.Cut(rest, "/"); found {
		comment = strings.TrimSpace(after)
	}
	return text, comment, ok && closed
}
