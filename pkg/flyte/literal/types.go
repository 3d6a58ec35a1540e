package literal

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

var variableRE = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Field is one variable of an interface: a field of a Go struct with its Flyte name and type.
type Field struct {
	Name, Doc string
	Index     []int // of the struct's field, as [reflect.Value.FieldByIndex] takes it
	Go        reflect.Type
	Type      *core.LiteralType
	hint      hint
}

// hint is what a field's tag adds to its Go type, down to the references to files in it.
type hint struct {
	format  string
	columns []Column
}

// Optional tells whether the variable may be left out.
func (f Field) Optional() bool { return f.Go.Kind() == reflect.Pointer }

// Fields returns the variables that a struct type declares, in the order of its
// fields. Those of an embedded struct count as its own.
func Fields(t reflect.Type) ([]Field, error) {
	if t == nil || t.Kind() != reflect.Struct || isReference(t) || t == timeType || isUnion(t) {
		return nil, fmt.Errorf("%v does not declare variables: use a struct whose fields have flyte tags", t)
	}
	var fields []Field
	seen := map[string]string{}
	for _, sf := range reflect.VisibleFields(t) {
		if embedded(sf) {
			continue // its fields are visible, too
		}
		f, err := field(sf)
		if err != nil {
			return nil, fmt.Errorf("%v.%s: %w", t, sf.Name, err)
		}
		if other, twice := seen[f.Name]; twice {
			return nil, fmt.Errorf("%v.%s: variable %q is already the name of field %s", t, sf.Name, f.Name, other)
		}
		seen[f.Name] = sf.Name
		f.Index = sf.Index
		fields = append(fields, f)
	}
	return fields, nil
}

// embedded tells whether a field is there for its fields.
func embedded(sf reflect.StructField) bool {
	if _, named := sf.Tag.Lookup("flyte"); named {
		return false
	}
	return sf.Anonymous && sf.IsExported() && sf.Type.Kind() == reflect.Struct && !isReference(sf.Type) && sf.Type != timeType && !isUnion(sf.Type)
}

func field(sf reflect.StructField) (Field, error) {
	f := Field{Doc: sf.Tag.Get("doc"), Go: sf.Type}
	tag, tagged := sf.Tag.Lookup("flyte")
	switch {
	case sf.Anonymous:
		return f, fmt.Errorf("what is embedded has to be an exported struct of variables, without a tag: else name the field")
	case !sf.IsExported():
		return f, fmt.Errorf("unexported fields can't be variables: export it or move it out")
	case !tagged:
		return f, fmt.Errorf("the field has no name for Flyte: add a tag such as `flyte:%q`", "some_name")
	}
	name, options, _ := strings.Cut(tag, ",")
	if !variableRE.MatchString(name) {
		return f, fmt.Errorf("variable name %q is not snake_case (a-z, 0-9, _)", name)
	}
	f.Name = name
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch {
		case option == "":
		case key == "format" && value != "":
			f.hint.format = value
			if !holds(sf.Type, isReference) {
				return f, fmt.Errorf("tag option %s belongs to a literal.Blob, Directory or StructuredDataset, and %v holds none", option, sf.Type)
			}
		case key == "columns" && value != "":
			for column := range strings.SplitSeq(value, ";") {
				name, kind, _ := strings.Cut(column, ":")
				f.hint.columns = append(f.hint.columns, Column{name, kind})
			}
			if !holds(sf.Type, func(t reflect.Type) bool { return t == datasetType }) {
				return f, fmt.Errorf("tag option columns belongs to a literal.StructuredDataset, and %v holds none", sf.Type)
			}
		default:
			return f, fmt.Errorf("tag option %q is unknown: use format=F or columns=name:type;name:type", option)
		}
	}
	var err error
	f.Type, err = typeOf(sf.Type, f.hint)
	return f, err
}

// Variables returns the interface that a struct type declares.
func Variables(t reflect.Type) (*core.VariableMap, error) {
	fields, err := Fields(t)
	if err != nil {
		return nil, err
	}
	return VariableMap(fields), nil
}

// VariableMap is the fields as one side of an interface.
func VariableMap(fields []Field) *core.VariableMap {
	m := &core.VariableMap{Variables: make(map[string]*core.Variable, len(fields))}
	for _, f := range fields {
		m.Variables[f.Name] = &core.Variable{Type: f.Type, Description: f.Doc}
	}
	return m
}

// holds tells whether a type is, or has as its elements, one that match accepts.
func holds(t reflect.Type, match func(reflect.Type) bool) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return holds(t.Elem(), match)
	}
	return match(t)
}
