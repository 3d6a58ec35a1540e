package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// codeInvalid is the code of every error of this package.
const codeInvalid = "ConfigInvalid"

// Load reads a configuration and what is laid over it, the last one on top. The
// name stands in errors: a path, a URI or the name of a launch input.
func Load(name string, text []byte, over ...Overlay) (*Config, error) {
	l := &loader{name: name, places: map[string]place{}}
	c := Default()
	if err := l.read(c, document{name: name, code: codeInvalid}, string(text)); err != nil {
		return nil, err
	}
	for _, o := range over {
		if err := l.read(c, document{name: o.Name, code: or(o.Code, codeInvalid), overlay: true}, o.Text); err != nil {
			return nil, err
		}
	}
	c.Warnings, c.Notes = l.warnings, l.notes()
	c.PlaceAsCatalog = l.moved && c.Output.URI == "" && isRemote(c.Output.Warehouse)
	if err := l.validate(c); err != nil {
		return nil, err
	}
	return c, nil
}

type loader struct {
	name     string // of the text
	at       document
	places   map[string]place // of key paths' values, for messages
	older    []olderEntry     // of the document at hand
	moved    bool             // output.catalog_uri held a place
	warnings []string
}

// document is one of those that make up a configuration.
type document struct {
	number     int
	name, code string // of its errors
	lines      []string
	overlay    bool // nobody wrote its lines
}

type place struct {
	in   document
	node ast.Node
}

// read puts the documents of a text over what is there.
func (l *loader) read(c *Config, d document, text string) error {
	if e := (*bounds.Error)(nil); errors.As(bounds.YAML([]byte(text)), &e) {
		return fault.Input(d.code, "%w", e).On(d.name).At("line %d", e.Line).Fix("write less of it, or check that it is a configuration")
	}
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return d.located(err)
	}
	d.lines = strings.SplitAfter(text, "\n")
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		d.number = l.at.number + 1
		l.at = d
		if err := l.overlay(c, doc.Body); err != nil {
			return err
		}
	}
	return nil
}

// overlay puts one document's keys over what is there.
func (l *loader) overlay(c *Config, body ast.Node) error {
	if err := l.walk(reflect.ValueOf(c).Elem(), body, ""); err != nil {
		return err
	}
	if err := l.takeOlder(c); err != nil {
		return err
	}
	for i, entry := range entries(body) {
		key := keyOf(entry)
		if key != "inference" && key != "gal" {
			continue
		}
		if m, ok := body.(*ast.MappingNode); ok && m.IsFlowStyle { // its lines hold other keys and commas, too
			return l.at.errorAt(entry.Key, "%s is passed to SHINE line by line as it is written, and here it stands in a flow mapping, { ... }", key).
				Fix("write the file's top level in block style: %s and the other keys on lines of their own, without the braces around all", key)
		}
		text := Section(l.at.cut(entries(body), i))
		if key == "inference" {
			c.Inference = text
		} else {
			c.GAL = text
		}
	}
	return nil
}

// walk decodes node into v key by key, so that each complaint can name its
// key, its place and the choices there were.
func (l *loader) walk(v reflect.Value, node ast.Node, path string) error {
	fields := fieldsOf(v.Type())
	if !isMapping(node) {
		return l.at.errorAt(node, "%s is not a mapping (its keys are %s)", or(path, "the file"), strings.Join(names(fields), ", "))
	}
	for _, entry := range entries(node) {
		key := keyOf(entry)
		full := strings.TrimPrefix(path+"."+key, ".")
		if l.isOlder(full, entry) {
			l.older = append(l.older, olderEntry{full, entry})
			continue
		}
		index, known := fields[key]
		if !known {
			return l.at.errorAt(entry.Key, "unknown key %s%s", full, suggest(key, names(fields)))
		}
		l.places[full] = place{l.at, entry.Value}
		field := v.FieldByIndex(index)
		if field.Kind() == reflect.Struct && !isValue(field.Type()) {
			if entry.Value.Type() == ast.NullType {
				continue
			}
			if err := l.walk(field, entry.Value, full); err != nil {
				return err
			}
			continue
		}
		if field.Type() == reflect.TypeFor[Section]() {
			continue
		}
		if err := decode(field, entry.Value); err != nil {
			return l.at.wrong(full, field.Type(), entry.Value, err)
		}
	}
	return nil
}

// decode sets one value; a pointer is nil for null.
func decode(field reflect.Value, node ast.Node) error {
	field.SetZero()
	if field.Kind() == reflect.Pointer {
		if node.Type() == ast.NullType {
			return nil
		}
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch into := field.Addr().Interface().(type) {
	case *settings.Region:
		return region(into, node)
	case *settings.Shape:
		return shape(into, node)
	case *settings.Release: // 01.00 is a number to YAML, and no number to us
		*into = settings.Release(node.GetToken().Value)
		return nil
	default:
		return yaml.NodeToValue(node, into, yaml.Strict())
	}
}

// isValue says of a struct whether it is written as one value, not key by key.
func isValue(t reflect.Type) bool {
	return t == reflect.TypeFor[IDs]() || t == reflect.TypeFor[settings.Region]() || t == reflect.TypeFor[settings.Shape]()
}

// wrong says what a value should have been.
func (d document) wrong(path string, t reflect.Type, value ast.Node, err error) error {
	var own *valueError
	if errors.As(err, &own) {
		return d.errorAt(own.node, "%s: %s", path, own.message)
	}
	want := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Int: "an integer", reflect.Float64: "a number",
		reflect.Array: "two integers, such as [4, 4]", reflect.Slice: "a list of strings", reflect.Pointer: "a number or null",
	}[t.Kind()]
	return d.errorAt(value, "%s must be %s, not %s", path, want, strings.TrimSpace(value.String()))
}

// cut returns the i-th entry of a document as it stands in the file.
func (d document) cut(all []*ast.MappingValueNode, i int) string {
	first := all[i].Key.GetToken().Position.Line - 1
	last := len(d.lines)
	if i+1 < len(all) {
		last = all[i+1].Key.GetToken().Position.Line - 1
	}
	for n := first; n < last; n++ { // a document marker ends the entry too
		if n > first && (strings.HasPrefix(d.lines[n], "---") || strings.HasPrefix(d.lines[n], "...")) {
			last = n
		}
	}
	text := strings.TrimRight(strings.Join(d.lines[first:last], ""), "\n \t")
	return text + "\n"
}

func (d document) errorAt(n ast.Node, format string, a ...any) *fault.Error {
	err := fault.Input(d.code, format, a...).On(d.name)
	if d.overlay {
		return err
	}
	p := n.GetToken().Position
	return err.At("line %d, column %d", p.Line, p.Column)
}

// located says where a text is no YAML.
func (d document) located(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return fault.Input(d.code, "%w", err).On(d.name)
	}
	bad := fault.Input(d.code, "%s", y.GetMessage()).On(d.name)
	if d.overlay {
		return bad
	}
	p := y.GetToken().Position
	return bad.At("line %d, column %d", p.Line, p.Column)
}

func isMapping(n ast.Node) bool {
	return n.Type() == ast.MappingType || n.Type() == ast.MappingValueType
}

// entries returns a mapping's entries; a mapping of one entry is a node of its own in the parser.
func entries(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// keyOf is an entry's key without the quotes that it may be written in.
func keyOf(entry *ast.MappingValueNode) string { return entry.Key.GetToken().Value }

// fieldsOf maps YAML keys to the fields of a struct type, those of its inline structs too.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for i := range t.NumField() {
		switch key := t.Field(i).Tag.Get("yaml"); key {
		case "-":
		case ",inline":
			for key, inner := range fieldsOf(t.Field(i).Type) {
				fields[key] = append([]int{i}, inner...)
			}
		default:
			fields[key] = []int{i}
		}
	}
	return fields
}

func names(fields map[string][]int) []string {
	var out []string
	for name := range fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// suggest ends a message with the nearest valid key and the whole choice.
func suggest(key string, valid []string) string {
	best := fault.Nearest(key, valid)
	if best != "" {
		return fmt.Sprintf(" (did you mean %s? valid keys: %s)", best, strings.Join(valid, ", "))
	}
	return fmt.Sprintf(" (valid keys: %s)", strings.Join(valid, ", "))
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
