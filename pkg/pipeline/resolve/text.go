package resolve

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// inline is what the text of a configuration is called that has no file.
const inline = "config_yaml"

// waysToGive says what a launch takes.
const waysToGive = "give the file's URI; or YAML with its line breaks, as `constellation run --remote` and flytectl's --execFile send it; " +
	"or one line in braces, {field_name: EDFS, tile_ids: [1]}"

var (
	locatedRE = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://\S|[./~])`)
	pairRE    = regexp.MustCompile(`:(\s|$)`) // a key's end
	blockRE   = regexp.MustCompile(`(?m)[|>][-+0-9]*[ \t]*(#.*)?\r?$`)
)

// Text is the configuration's text and the name to call it by in messages. The
// input is YAML if it has more than one line or begins with a brace, else a path
// or URI, around which blanks don't count.
func Text(ctx context.Context, r objstore.Reader, input string) (name string, text []byte, err error) {
	whole := strings.TrimSpace(input)
	if whole == "" {
		return "", nil, fault.Input("ConfigInvalid", "config_yaml is empty").Fix("%s", waysToGive)
	}
	if isYAML(input, whole) {
		return inline, []byte(input), nil
	}
	text, err = objstore.ReadFile(ctx, r, whole)
	switch {
	case err == nil:
		return whole, text, nil
	case pairRE.MatchString(whole) && !locatedRE.MatchString(whole):
		return "", nil, fault.Input("ConfigInvalid", "this is the name of no file, but YAML that lost its line breaks, as text does that is pasted into a form's single line").
			On(inline).At("%s", begin(whole)).Fix("%s", waysToGive)
	case fault.CodeOf(err) == objstore.NotFound:
		return "", nil, fault.Input("ConfigInvalid", "there is no such configuration file").On(begin(whole)).Fix("%s", waysToGive)
	}
	return "", nil, fmt.Errorf("read the configuration: %w", err)
}

// isYAML tells a configuration from the name of one. A name that was pasted with
// the end of its line is still a name.
func isYAML(input, whole string) bool {
	whole = strings.TrimSpace(strings.TrimPrefix(whole, "\ufeff"))
	switch {
	case strings.HasPrefix(whole, "{"), strings.ContainsAny(whole, "\n\r"):
		return true
	case !strings.ContainsAny(input, "\n\r"):
		return false
	}
	return pairRE.MatchString(whole) && !locatedRE.MatchString(whole) || strings.HasPrefix(whole, "#") || strings.HasPrefix(whole, "---")
}

// begin is the first words of a text.
func begin(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// Sent is a configuration's text as launches and launch plans hold it: the same
// YAML, which FlyteConsole's form takes as it is. The form launches nothing with
// a text that begins or ends in blanks, and what has one line is a file's name.
func Sent(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	for {
		line, rest, more := strings.Cut(text, "\n")
		if !more || strings.Trim(line, " \t\r") != "" {
			break
		}
		text = rest
	}
	whole := strings.TrimRight(text, " \t\r\n")
	if whole == "" {
		return "{}"
	}
	if blockRE.MatchString(whole) || strings.TrimRightFunc(whole, blank) != whole {
		whole = text + "\n---\n{}" // a text in a block ends with its line breaks
	}
	oneLine := !strings.HasPrefix(whole, "{") && !strings.ContainsAny(whole, "\n\r")
	if oneLine || strings.TrimLeftFunc(whole, blank) != whole {
		whole = "# configuration\n" + whole
	}
	return whole
}

// blank is what JavaScript's trim takes away.
func blank(r rune) bool {
	return r == '\ufeff' || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Zs, r) || strings.ContainsRune("\t\n\v\f\r", r)
}
