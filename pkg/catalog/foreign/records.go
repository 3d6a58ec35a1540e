package foreign

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cosmostat/constellation/pkg/bounds"
)

const (
	// maxParts is how many blocks a list in a record is in at most: writers make
	// one, and the library copies all that it has for each.
	maxParts = 100
	// maxElements is what the lists of a record have at most: five figures of each column.
	maxElements = 100_000
	// maxTotal is what those of a file may have whatever its length, and
	// perElement how many there may be for each byte of it.
	maxTotal, perElement = 500_000, 1
	// maxWithin is how deep a record nests.
	maxWithin = 32
)

// avroType is what a schema says that comes next.
type avroType struct {
	kind  string
	size  int
	parts []*avroType // fields, or what a union or a list has
	once  bool        // of texts: the same one stands in a file once
}

// manifestPath is the field of a manifest list that says which manifest it is: the
// library reads each as often as it is listed.
const manifestPath = "manifest_path"

// schemaOf compiles a schema.
func schemaOf(text []byte) (*avroType, error) {
	if err := bounds.JSON(text); err != nil {
		return nil, err
	}
	var raw any
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	return compile(raw, "", map[string]*avroType{}, 0)
}

func compile(raw any, space string, named map[string]*avroType, depth int) (*avroType, error) {
	if depth > maxWithin {
		return nil, fmt.Errorf("its schema nests deeper than %d times", maxWithin)
	}
	switch raw := raw.(type) {
	case string:
		for _, name := range []string{raw, space + "." + raw} {
			if t, ok := named[name]; ok {
				return t, nil
			}
		}
		return &avroType{kind: raw}, nil
	case []any:
		t := &avroType{kind: "union"}
		return t, t.add(raw, space, named, depth)
	case map[string]any:
		kind, ok := raw["type"].(string)
		if !ok {
			return compile(raw["type"], space, named, depth+1)
		}
		t := &avroType{kind: kind}
		if name, ok := raw["name"].(string); ok {
			if s, ok := raw["namespace"].(string); ok {
				space = s
			}
			named[name], named[space+"."+name] = t, t
		}
		switch kind {
		case "record", "error":
			fields, _ := raw["fields"].([]any)
			return t, t.add(fields, space, named, depth)
		case "array":
			return t, t.add([]any{raw["items"]}, space, named, depth)
		case "map":
			return t, t.add([]any{raw["values"]}, space, named, depth)
		case "fixed":
			size, _ := raw["size"].(float64)
			t.size = int(max(size, 0))
		case "enum":
		default:
			return compile(kind, space, named, depth+1)
		}
		return t, nil
	}
	return nil, errors.New("its schema is none of Avro's")
}

func (t *avroType) add(parts []any, space string, named map[string]*avroType, depth int) error {
	names := map[string]bool{}
	for _, raw := range parts {
		once := false
		if field, ok := raw.(map[string]any); ok && (t.kind == "record" || t.kind == "error") {
			name := fmt.Sprint(field["name"])
			if names[name] {
				return fmt.Errorf("its schema has a record with two fields %q", name)
			}
			names[name] = true
			raw, once = field["type"], name == manifestPath && depth == 0
		}
		part, err := compile(raw, space, named, depth+1)
		if err != nil {
			return err
		}
		if once && part.kind == "string" {
			part = &avroType{kind: part.kind, once: true}
		}
		t.parts = append(t.parts, part)
	}
	return nil
}

// walk is how far the records of a block were looked at.
type walk struct {
	rest     []byte
	elements int // of the lists in a record
	seen     map[string]bool
}

var errShort = errors.New("a record ends before its values do")

func (w *walk) number() (int64, error) {
	v, n := binary.Varint(w.rest)
	if n <= 0 {
		return 0, errShort
	}
	w.rest = w.rest[n:]
	return v, nil
}

func (w *walk) skip(n int64) error {
	if n < 0 || n > int64(len(w.rest)) {
		return errShort
	}
	w.rest = w.rest[n:]
	return nil
}

// value walks over a value of a type.
func (w *walk) value(t *avroType, depth int) error {
	if depth > maxWithin {
		return fmt.Errorf("a record nests deeper than %d times", maxWithin)
	}
	switch t.kind {
	case "null":
		return nil
	case "boolean":
		return w.skip(1)
	case "int", "long", "enum":
		_, err := w.number()
		return err
	case "float":
		return w.skip(4)
	case "double":
		return w.skip(8)
	case "fixed":
		return w.skip(int64(t.size))
	case "bytes", "string":
		n, err := w.number()
		if err != nil {
			return err
		}
		was := w.rest
		if err := w.skip(n); err != nil || !t.once {
			return err
		}
		text := string(was[:n])
		if w.seen[text] {
			return fmt.Errorf("it lists %q twice", text)
		}
		w.seen[text] = true
		return nil
	case "union":
		i, err := w.number()
		if err != nil || i < 0 || i >= int64(len(t.parts)) {
			return errors.Join(err, errShort)
		}
		return w.value(t.parts[i], depth+1)
	case "record", "error":
		for _, part := range t.parts {
			if err := w.value(part, depth+1); err != nil {
				return err
			}
		}
		return nil
	case "array", "map":
		return w.list(t, depth)
	}
	return fmt.Errorf("its schema has a type %q, which Avro has not", t.kind)
}

// list walks over an array or a map.
func (w *walk) list(t *avroType, depth int) error {
	for range maxParts {
		n, err := w.number()
		if err == nil && n < 0 {
			n = -n
			_, err = w.number() // of bytes
		}
		if err != nil || n == 0 {
			return err
		}
		if n < 0 || n > int64(maxElements-w.elements) {
			return fmt.Errorf("the lists of a record have more than %d elements", maxElements)
		}
		w.elements += int(n)
		for range n {
			if t.kind == "map" {
				size, err := w.number()
				if err = errors.Join(err, w.skip(size)); err != nil {
					return err
				}
			}
			if err := w.value(t.parts[0], depth+1); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("a list in a record is in more than %d parts", maxParts)
}
