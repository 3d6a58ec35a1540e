package local

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

var (
	templates  = regexp.MustCompile(`\{\{\s*[.$]([A-Za-z]+)(?:\.([^}\s]+))?\s*\}\}`)
	notLetters = regexp.MustCompile(`^[^a-zA-Z_]+`)
	notWord    = regexp.MustCompile(`[^a-zA-Z0-9_]+`)
)

// arguments fills in the templates of a command line. Names don't depend on
// case; what is not a template of the engine's stays as it is.
func arguments(line []string, values map[string]string, inputs *core.LiteralMap) ([]string, error) {
	out := make([]string, len(line))
	var failed error
	for i, s := range line {
		out[i] = templates.ReplaceAllStringFunc(s, func(t string) string {
			m := templates.FindStringSubmatch(t)
			name, variable := strings.ToLower(m[1]), m[2]
			if name == "inputs" && variable != "" {
				l, ok := inputs.GetLiterals()[variable]
				text, err := text(l)
				if !ok {
					err = fmt.Errorf("there is no such input")
				}
				if err != nil && failed == nil {
					failed = fmt.Errorf("argument %q: %w", s, err)
				}
				return text
			}
			if v, ok := values[name]; ok && variable == "" {
				return v
			}
			return t
		})
	}
	return out, failed
}

// text is a literal on a command line: primitives, URIs, and lists of them.
func text(l *core.Literal) (string, error) {
	if c := l.GetCollection(); c != nil {
		parts := make([]string, len(c.GetLiterals()))
		for i, e := range c.GetLiterals() {
			s, err := text(e)
			if err != nil {
				return "", err
			}
			parts[i] = s
		}
		return "[" + strings.Join(parts, ",") + "]", nil
	}
	switch s := l.GetScalar().GetValue().(type) {
	case *core.Scalar_Blob:
		return s.Blob.GetUri(), nil
	case *core.Scalar_Schema:
		return s.Schema.GetUri(), nil
	case *core.Scalar_Primitive:
		switch p := s.Primitive.GetValue().(type) {
		case *core.Primitive_Integer:
			return strconv.FormatInt(p.Integer, 10), nil
		case *core.Primitive_FloatValue:
			return fmt.Sprint(p.FloatValue), nil
		case *core.Primitive_StringValue:
			return p.StringValue, nil
		case *core.Primitive_Boolean:
			return strconv.FormatBool(p.Boolean), nil
		case *core.Primitive_Datetime:
			return p.Datetime.AsTime().Format(time.RFC3339Nano), nil
		case *core.Primitive_Duration:
			return p.Duration.String(), nil
		}
	}
	return "", fmt.Errorf("only primitives, URIs and lists of them can stand on a command line")
}

// retryKey is a word that no other attempt has.
func retryKey(ref NodeRef) string {
	key := fmt.Sprintf("%s-%s-%d", ref.Execution, ref, ref.Attempt)
	return notWord.ReplaceAllString(notLetters.ReplaceAllString(key, "a"), "_")
}
