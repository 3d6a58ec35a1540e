package literal

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Blob is one file, by reference. The engine moves the URI, never the bytes.
type Blob struct {
	URI string
	// Format is the file's format, e.g. "parquet". Encoding fills an empty one from the
	// field's tag; where the tag names a format, a blob of another one is refused.
	Format string
}

// choices ends every refusal of a type.
const choices = "use string, bool, float64, a signed integer, literal.Blob, a struct, " +
	"or a slice, map[string] or pointer (optional) of these"

var (
	blobType    = reflect.TypeFor[Blob]()
	variableRE  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	none        = &core.LiteralType{Type: &core.LiteralType_Simple{Simple: core.SimpleType_NONE}}
	simpleTypes = map[reflect.Kind]core.SimpleType{
		reflect.String: core.SimpleType_STRING, reflect.Bool: core.SimpleType_BOOLEAN, reflect.Float64: core.SimpleType_FLOAT,
		reflect.Int: core.SimpleType_INTEGER, reflect.Int8: core.SimpleType_INTEGER, reflect.Int16: core.SimpleType_INTEGER,
		reflect.Int32: core.SimpleType_INTEGER, reflect.Int64: core.SimpleType_INTEGER,
	}
)

// Field is one variable of an interface: a field of a Go struct with its Flyte name and type.
type Field struct {
	Name, Doc string
	Index     int // of the struct's field
	Go        reflect.Type
	Type      *core.LiteralType
	format    string
}

// Optional tells whether the variable may be left out.
func (f Field) Optional() bool { return f.Go.Kind() == reflect.Pointer }

// Fields returns the variables that a struct type declares, in the order of its fields.
func Fields(t reflect.Type) ([]Field, error) {
	if t == nil || t.Kind() != reflect.Struct || t == blobType {
		return nil, fmt.Errorf("%v does not declare variables: use a struct whose fields have flyte tags", t)
	}
	var fields []Field
	seen := map[string]string{}
	for i := range t.NumField() {
		f, err := field(t.Field(i))
		if err != nil {
			return nil, fmt.Errorf("%v.%s: %w", t, t.Field(i).Name, err)
		}
		if other, twice := seen[f.Name]; twice {
			return nil, fmt.Errorf("%v.%s: variable %q is already the name of field %s", t, t.Field(i).Name, f.Name, other)
		}
		seen[f.Name] = t.Field(i).Name
		f.Index = i
		fields = append(fields, f)
	}
	return fields, nil
}

func field(sf reflect.StructField) (Field, error) {
	f := Field{Doc: sf.Tag.Get("doc"), Go: sf.Type}
	tag, tagged := sf.Tag.Lookup("flyte")
	switch {
	case sf.Anonymous:
		return f, fmt.Errorf("embedded fields can't be variables: name the field")
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
			f.format = value
		default:
			return f, fmt.Errorf("tag option %q is unknown: the only one is format=F", option)
		}
	}
	var err error
	if f.Type, err = typeOf(sf.Type, f.format); err != nil {
		return f, err
	}
	if f.format != "" && !holdsBlob(sf.Type) {
		return f, fmt.Errorf("tag option format=%s belongs to a literal.Blob, and %v holds none", f.format, sf.Type)
	}
	return f, nil
}

// TypeOf returns the literal type of a Go type. Blobs are of any format.
func TypeOf(t reflect.Type) (*core.LiteralType, error) {
	if t == nil {
		return nil, fmt.Errorf("an untyped nil has no literal type: %s", choices)
	}
	return typeOf(t, "")
}

func typeOf(t reflect.Type, format string) (*core.LiteralType, error) {
	if t == blobType {
		return &core.LiteralType{Type: &core.LiteralType_Blob{Blob: &core.BlobType{Format: format}}}, nil
	}
	if simple, ok := simpleTypes[t.Kind()]; ok {
		return &core.LiteralType{Type: &core.LiteralType_Simple{Simple: simple}}, nil
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, fmt.Errorf("%v: bytes don't travel in literals: write a file and pass a literal.Blob", t)
		}
		elem, err := typeOf(t.Elem(), format)
		return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: elem}}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%v: Flyte's maps have string keys: use map[string]%v", t, t.Elem())
		}
		elem, err := typeOf(t.Elem(), format)
		return &core.LiteralType{Type: &core.LiteralType_MapValueType{MapValueType: elem}}, err
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Pointer {
			return nil, fmt.Errorf("%v: an optional of an optional can't be told apart: use one *", t)
		}
		elem, err := typeOf(t.Elem(), format)
		return &core.LiteralType{Type: &core.LiteralType_UnionType{
			UnionType: &core.UnionType{Variants: []*core.LiteralType{elem, none}},
		}}, err
	case reflect.Struct:
		if err := checkJSON(t, t.String(), map[reflect.Type]bool{}); err != nil {
			return nil, err
		}
		return &core.LiteralType{Type: &core.LiteralType_Simple{Simple: core.SimpleType_STRUCT}}, nil
	}
	return nil, fmt.Errorf("%v has no Flyte literal: %s", t, choices)
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

func holdsBlob(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return holdsBlob(t.Elem())
	}
	return t == blobType
}
