package literal

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// choices ends every refusal of a type.
const choices = "use string, an Enum, bool, float64, a signed integer, time.Time, time.Duration, literal.Blob, literal.Directory, " +
	"literal.StructuredDataset, a struct, a union (literal.OneOf), or a slice, map[string] or pointer (optional) of these"

// Enum is a string type with a closed list of values: ENUM in Flyte, a list to
// choose from in the console. It is known by its method alone, so that the type
// can be declared where nothing is imported, Flyte least of all:
//
//	type Engine string
//
//	func (Engine) FlyteEnum() []string { return []string{"shine", "mock"} }
//
// Other values are refused, in both directions. As a variable's an empty one is,
// too; within a STRUCT, whose schema lists the values, it is a key that was left out.
type Enum interface{ FlyteEnum() []string }

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	none         = tagged(simple(core.SimpleType_NONE))
	simpleTypes  = map[reflect.Kind]core.SimpleType{
		reflect.String: core.SimpleType_STRING, reflect.Bool: core.SimpleType_BOOLEAN, reflect.Float64: core.SimpleType_FLOAT,
		reflect.Int: core.SimpleType_INTEGER, reflect.Int8: core.SimpleType_INTEGER, reflect.Int16: core.SimpleType_INTEGER,
		reflect.Int32: core.SimpleType_INTEGER, reflect.Int64: core.SimpleType_INTEGER,
	}
)

// TypeOf returns the literal type of a Go type. Blobs are of any format.
func TypeOf(t reflect.Type) (*core.LiteralType, error) {
	if t == nil {
		return nil, fmt.Errorf("an untyped nil has no literal type: %s", choices)
	}
	return typeOf(t, hint{})
}

func typeOf(t reflect.Type, h hint) (*core.LiteralType, error) {
	switch t {
	case timeType:
		return simple(core.SimpleType_DATETIME), nil
	case durationType:
		return simple(core.SimpleType_DURATION), nil
	case blobType:
		return &core.LiteralType{Type: &core.LiteralType_Blob{Blob: &core.BlobType{Format: h.format}}}, nil
	case directoryType:
		return &core.LiteralType{Type: &core.LiteralType_Blob{Blob: &core.BlobType{Format: h.format, Dimensionality: core.BlobType_MULTIPART}}}, nil
	case datasetType:
		d, err := datasetOf(h.format, h.columns)
		return &core.LiteralType{Type: &core.LiteralType_StructuredDatasetType{StructuredDatasetType: d}}, err
	}
	if values, is, err := enumValues(t); is {
		return &core.LiteralType{Type: &core.LiteralType_EnumType{EnumType: &core.EnumType{Values: values}}}, err
	}
	if s, ok := simpleTypes[t.Kind()]; ok {
		return simple(s), nil
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, fmt.Errorf("%v: bytes don't travel in literals: write a file and pass a literal.Blob", t)
		}
		elem, err := typeOf(t.Elem(), h)
		return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: elem}}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%v: Flyte's maps have string keys: use map[string]%v", t, t.Elem())
		}
		elem, err := typeOf(t.Elem(), h)
		return &core.LiteralType{Type: &core.LiteralType_MapValueType{MapValueType: elem}}, err
	case reflect.Pointer:
		return optionalOf(t, h)
	case reflect.Struct:
		if isUnion(t) {
			return unionOf(t)
		}
		if err := checkJSON(t, t.String(), map[reflect.Type]bool{}); err != nil {
			return nil, err
		}
		s := simple(core.SimpleType_STRUCT)
		s.Metadata = schemaOf(t)
		return s, nil
	}
	return nil, fmt.Errorf("%v has no Flyte literal: %s", t, choices)
}

func simple(s core.SimpleType) *core.LiteralType {
	return &core.LiteralType{Type: &core.LiteralType_Simple{Simple: s}}
}

func optionalOf(t reflect.Type, h hint) (*core.LiteralType, error) {
	if t.Elem().Kind() == reflect.Pointer {
		return nil, fmt.Errorf("%v: an optional of an optional can't be told apart: use one *", t)
	}
	elem, err := typeOf(t.Elem(), h)
	if err != nil {
		return nil, err
	}
	variants := []*core.LiteralType{tagged(elem)}
	if u := elem.GetUnionType(); u != nil { // an optional union is one union, not two
		variants = u.GetVariants()
	}
	return union(append(slices.Clone(variants), none)), nil
}

func union(variants []*core.LiteralType) *core.LiteralType {
	return &core.LiteralType{Type: &core.LiteralType_UnionType{UnionType: &core.UnionType{Variants: variants}}}
}

// enumValues returns the values of a type that is an [Enum].
func enumValues(t reflect.Type) (values []string, is bool, err error) {
	if t.PkgPath() == "" { // string itself, lists, pointers: nothing that has methods
		return nil, false, nil
	}
	e, is := reflect.New(t).Interface().(Enum)
	if !is {
		return nil, false, nil
	}
	if t.Kind() != reflect.String {
		return nil, true, fmt.Errorf("%v has FlyteEnum and is not a string: Flyte's enums are strings", t)
	}
	values = e.FlyteEnum()
	if len(values) == 0 {
		return nil, true, fmt.Errorf("%v: FlyteEnum names no values", t)
	}
	for i, v := range values {
		if v == "" || slices.Contains(values[:i], v) {
			return nil, true, fmt.Errorf("%v: FlyteEnum gives %q: values are not empty and differ", t, strings.Join(values, ", "))
		}
	}
	return values, true, nil
}

// tagged is a type as a variant of a union. The tag is the one that Python's
// SDK, flytekit, gives: it picks a variant by its tag, and the engine lets a
// variant with a tag into none but a variant with the same.
func tagged(t *core.LiteralType) *core.LiteralType {
	t.Structure = &core.TypeStructure{Tag: tagOf(t)}
	return t
}

func tagOf(t *core.LiteralType) string {
	switch v := t.GetType().(type) {
	case *core.LiteralType_Simple:
		return map[core.SimpleType]string{
			core.SimpleType_NONE: "none", core.SimpleType_INTEGER: "int", core.SimpleType_FLOAT: "float", core.SimpleType_STRING: "str",
			core.SimpleType_BOOLEAN: "bool", core.SimpleType_DATETIME: "datetime", core.SimpleType_DURATION: "timedelta",
			core.SimpleType_STRUCT: "Object-Dataclass-Transformer",
		}[v.Simple]
	case *core.LiteralType_EnumType:
		return "DefaultEnumTransformer"
	case *core.LiteralType_Blob:
		if v.Blob.GetDimensionality() == core.BlobType_MULTIPART {
			return "FlyteDirectory"
		}
		return "FlyteFilePath"
	case *core.LiteralType_StructuredDatasetType:
		return "StructuredDataset Transformer"
	case *core.LiteralType_CollectionType:
		return "Typed List"
	case *core.LiteralType_MapValueType:
		return "Typed Dict"
	}
	return ""
}
