package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// codeInvalid is the code of every error of this package.
const codeInvalid = "ConfigInvalid"

// Load reads a configuration and what is laid over it, the last one on top. The
// name stands in errors: a path, a URI or the name of a launch input.
func Load(name string, text []byte, over ...Overlay) (*Config, error) {
	l := &loader{name: name, places: map[string]place{}, passed: map[string]place{}}
	c := Default()
	if err := l.read(c, document{name: name, code: codeInvalid}, string(text)); err != nil {
		return nil, err
	}
	for _, o := range over {
		if err := l.read(c, document{name: o.Name, code: or(o.Code, codeInvalid), overlay: true}, o.Text); err != nil {
			return nil, err
		}
	}
	c.PlaceAsCatalog = l.moved && c.Output.URI == "" && isRemote(c.Output.Warehouse)
	if err := l.validate(c); err != nil {
		return nil, err
	}
	c.Warnings, c.Notes = l.warnings, l.notes()
	return c, nil
}

type loader struct {
	name     string // of the text
	at       document
	places   map[string]place // of key paths' values, for messages
	older    []olderEntry     // of the document at hand
	moved    bool             // output.catalog_uri held a place
	passed   map[string]place // the keys of SHINE's sections
	warnings []string
}

type place struct {
	in   document
	node *yaml.Node
}

// read puts the documents of a text over what is there.
func (l *loader) read(c *Config, d document, text string) error {
	roots, err := d.parse(plainBreaks(text))
	if err != nil {
		return err
	}
	for _, root := range roots {
		d.number = l.at.number + 1
		l.at = d
		if err := l.overlay(c, root); err != nil {
			return err
		}
	}
	return nil
}

// overlay puts one document's keys over what is there.
func (l *loader) overlay(c *Config, root *yaml.Node) error {
	if err := l.walk(reflect.ValueOf(c).Elem(), root, ""); err != nil {
		return err
	}
	if err := l.takeOlder(c); err != nil {
		return err
	}
	all, err := entries(root)
	if err != nil {
		return err // walk has looked
	}
	for i, e := range all {
		into := c.passed(e.key.Value)
		if into == nil {
			continue
		}
		if *into, err = l.at.cut(root, all, i); err != nil {
			return err
		}
		l.passed[e.key.Value] = place{l.at, e.key}
	}
	return nil
}

// walk decodes node into v key by key, so that each complaint can name its
// key, its place and the choices there were.
func (l *loader) walk(v reflect.Value, node *yaml.Node, path string) error {
	fields := fieldsOf(v.Type())
	if !isMapping(node) {
		return l.at.errorAt(node, "%s is not a mapping (its keys are %s)", or(path, "the file"), strings.Join(names(fields), ", "))
	}
	all, err := entries(node)
	if err != nil {
		return l.at.wrong(or(path, "the file"), v.Type(), node, err)
	}
	for _, e := range all {
		full := strings.TrimPrefix(path+"."+e.key.Value, ".")
		if l.isOlder(full, e) {
			l.older = append(l.older, olderEntry{full, e})
			continue
		}
		index, known := fields[e.key.Value]
		if !known {
			return l.at.errorAt(e.key, "unknown key %s%s", full, suggest(e.key.Value, names(fields)))
		}
		l.places[full] = place{l.at, e.value}
		field := v.FieldByIndex(index)
		if field.Kind() == reflect.Struct && !isValue(field.Type()) {
			if isNull(e.value) {
				continue
			}
			if err := l.walk(field, e.value, full); err != nil {
				return err
			}
			continue
		}
		if field.Type() == reflect.TypeFor[Section]() {
			continue
		}
		if err := decode(field, e.value, isOptional(full)); err != nil {
			return l.at.wrong(full, field.Type(), e.value, err)
		}
	}
	return nil
}

// isOptional says whether a key may be nothing, as it is by default.
func isOptional(key string) bool { return fieldAt(Default(), key).IsZero() }

// fieldAt is the field of a key, by its dotted path.
func fieldAt(c *Config, key string) reflect.Value {
	field := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		field = field.FieldByIndex(fieldsOf(field.Type())[name])
	}
	return field
}

// isValue says of a struct whether it is written as one value, not key by key.
func isValue(t reflect.Type) bool {
	return t == reflect.TypeFor[IDs]() || t == reflect.TypeFor[settings.Region]() || t == reflect.TypeFor[settings.Shape]()
}

// wrong says what a value should have been.
func (d document) wrong(path string, t reflect.Type, value *yaml.Node, err error) error {
	var own *valueError
	if errors.As(err, &own) && own != errType {
		return d.errorAt(own.node, "%s: %s", path, own.message)
	}
	want := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Int: "an integer", reflect.Float64: "a number",
		reflect.Slice: "a list of strings", reflect.Pointer: "a number or null",
	}[t.Kind()]
	return d.errorAt(value, "%s must be %s, not %s", path, want, written(value))
}

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
