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

	"github.com/cosmostat/constellation/pkg/fault"
)

// codeInvalid is the code of every error of this package.
const codeInvalid = "ConfigInvalid"

// older names keys of earlier files that are accepted and ignored, with what replaced them.
var older = map[string]string{
	"extraction_dir": "output.storage_base_uri",
	"manifest_dir":   "output.storage_base_uri",
	"result_dir":     "output.storage_base_uri",
}

// Load reads a configuration. The name stands in errors: a path, a URI or the
// name of a launch input.
func Load(name string, text []byte) (*Config, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, located(name, err)
	}
	l := &loader{name: name, lines: strings.SplitAfter(string(text), "\n"), places: map[string]ast.Node{}}
	c := Default()
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if err := l.overlay(c, doc.Body); err != nil {
			return nil, err
		}
	}
	c.Warnings = l.warnings
	if err := l.validate(c); err != nil {
		return nil, err
	}
	return c, nil
}

type loader struct {
	name     string
	lines    []string
	places   map[string]ast.Node // key path -> value, for messages
	warnings []string
}

// overlay puts one document's keys over what is there.
func (l *loader) overlay(c *Config, body ast.Node) error {
	if err := l.walk(reflect.ValueOf(c).Elem(), body, ""); err != nil {
		return err
	}
	for i, entry := range entries(body) {
		key := keyOf(entry)
		if key != "inference" && key != "gal" {
			continue
		}
		if m, ok := body.(*ast.MappingNode); ok && m.IsFlowStyle { // its lines hold other keys and commas, too
			return l.errorAt(entry.Key, "%s is passed to SHINE line by line as it is written, and here it stands in a flow mapping, { ... }", key).
				Fix("write the file's top level in block style: %s and the other keys on lines of their own, without the braces around all", key)
		}
		text := Section(l.cut(entries(body), i))
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
		return l.errorAt(node, "%s is not a mapping (its keys are %s)", or(path, "the file"), strings.Join(names(fields), ", "))
	}
	for _, entry := range entries(node) {
		key := keyOf(entry)
		full := strings.TrimPrefix(path+"."+key, ".")
		index, known := fields[key]
		switch {
		case known:
		case path == "" && older[key] != "":
			l.warnings = append(l.warnings, fmt.Sprintf("%s: %s is a key of older files and is ignored; %s replaces it", l.place(entry.Key), key, older[key]))
			continue
		default:
			return l.errorAt(entry.Key, "unknown key %s%s", full, suggest(key, names(fields)))
		}
		l.places[full] = entry.Value
		field := v.Field(index)
		if field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[IDs]() && field.Type() != reflect.TypeFor[Region]() {
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
			return l.wrong(full, field.Type(), entry.Value, err)
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
	return yaml.NodeToValue(node, field.Addr().Interface(), yaml.Strict())
}

// wrong says what a value should have been.
func (l *loader) wrong(path string, t reflect.Type, value ast.Node, err error) error {
	var own *valueError
	if errors.As(err, &own) {
		return l.errorAt(own.node, "%s: %s", path, own.message)
	}
	want := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Int: "an integer", reflect.Float64: "a number",
		reflect.Array: "two integers, such as [4, 4]", reflect.Slice: "a list of strings", reflect.Pointer: "a number or null",
	}[t.Kind()]
	return l.errorAt(value, "%s must be %s, not %s", path, want, strings.TrimSpace(value.String()))
}

// cut returns the i-th entry of a document as it stands in the file.
func (l *loader) cut(all []*ast.MappingValueNode, i int) string {
	first := all[i].Key.GetToken().Position.Line - 1
	last := len(l.lines)
	if i+1 < len(all) {
		last = all[i+1].Key.GetToken().Position.Line - 1
	}
	for n := first; n < last; n++ { // a document marker ends the entry too
		if n > first && (strings.HasPrefix(l.lines[n], "---") || strings.HasPrefix(l.lines[n], "...")) {
			last = n
		}
	}
	text := strings.TrimRight(strings.Join(l.lines[first:last], ""), "\n \t")
	return text + "\n"
}

func (l *loader) place(n ast.Node) string {
	p := n.GetToken().Position
	return fmt.Sprintf("%s:%d:%d", l.name, p.Line, p.Column)
}

func (l *loader) errorAt(n ast.Node, format string, a ...any) *fault.Error {
	p := n.GetToken().Position
	return fault.Input(codeInvalid, format, a...).On(l.name).At("line %d, column %d", p.Line, p.Column)
}

func located(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) {
		p := y.GetToken().Position
		return fault.Input(codeInvalid, "%s", y.GetMessage()).On(name).At("line %d, column %d", p.Line, p.Column)
	}
	return fault.Input(codeInvalid, "%w", err).On(name)
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

// fieldsOf maps YAML keys to the fields of a struct type.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" {
			fields[key] = i
		}
	}
	return fields
}

func names(fields map[string]int) []string {
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
