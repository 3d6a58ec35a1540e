package literal

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// OneOf marks a struct as a union. It stands embedded; the other fields are
// pointers, one per variant, of which exactly one is set:
//
//	type Source struct {
//		literal.OneOf
//		Table *literal.Blob `flyte:"table,format=parquet"`
//		Query *string       `flyte:"query"`
//	}
//
// Flyte tells variants apart by their types, so these differ; the names are
// for people, who by hand write {"query": "..."}. A union that may be absent is
// a pointer to the struct.
type OneOf struct{}

var oneOfType = reflect.TypeFor[OneOf]()

func isUnion(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Anonymous && t.Field(i).Type == oneOfType {
			return true
		}
	}
	return false
}

// variants are the fields of a union. A field's type is the variant's, tagged.
func variants(t reflect.Type) ([]Field, error) {
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type == oneOfType {
			continue
		}
		if sf.Type.Kind() != reflect.Pointer {
			return nil, fmt.Errorf("%v.%s: a union's variants are pointers: use *%v", t, sf.Name, sf.Type)
		}
		if holds(sf.Type, isUnion) {
			return nil, fmt.Errorf("%v.%s: a union inside a union: make its variants those of %v", t, sf.Name, t)
		}
		f, err := field(sf)
		if err != nil {
			return nil, fmt.Errorf("%v.%s: %w", t, sf.Name, err)
		}
		f.Index, f.Type = sf.Index, f.Type.GetUnionType().GetVariants()[0]
		for _, other := range fields {
			if other.Name == f.Name || alike(other.Type, f.Type) {
				return nil, fmt.Errorf("%v: variants %s (%s) and %s (%s) can't be told apart", t, other.Name, TypeName(other.Type), f.Name, TypeName(f.Type))
			}
		}
		fields = append(fields, f)
	}
	if len(fields) < 2 {
		return nil, fmt.Errorf("%v: a union has at least two variants", t)
	}
	return fields, nil
}

// alike tells whether a value could be of both types. All structs are alike,
// whatever their schemas.
func alike(a, b *core.LiteralType) bool {
	a, b = proto.Clone(a).(*core.LiteralType), proto.Clone(b).(*core.LiteralType)
	a.Metadata, b.Metadata = nil, nil
	if a.GetBlob() != nil && b.GetBlob() != nil { // the engine's compiler takes a directory for a file
		a.GetBlob().Dimensionality, b.GetBlob().Dimensionality = 0, 0
	}
	if a.GetCollectionType() != nil && b.GetCollectionType() != nil || a.GetMapValueType() != nil && b.GetMapValueType() != nil {
		return true // an empty one is of both
	}
	return Accepts(a, b) || Accepts(b, a)
}

func unionOf(t reflect.Type) (*core.LiteralType, error) {
	fields, err := variants(t)
	if err != nil {
		return nil, err
	}
	var types []*core.LiteralType
	for _, f := range fields {
		types = append(types, f.Type)
	}
	return union(types), nil
}

// encodeUnion writes a union that names the variant it holds, as flytekit does.
func encodeUnion(v reflect.Value, path string) (*core.Literal, error) {
	fields, err := variants(v.Type())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	set := slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return v.FieldByIndex(f.Index).IsNil() })
	if len(set) != 1 {
		return nil, fmt.Errorf("%s: %d variants are set: set one of %s", path, len(set), variantNames(fields))
	}
	l, err := encode(v.FieldByIndex(set[0].Index).Elem(), set[0].hint, path+"."+set[0].Name)
	if err != nil {
		return nil, err
	}
	return unionLiteral(l, set[0].Type), nil
}

// encodeOptional writes a union of the value and none; of a union, the union that it is.
func encodeOptional(v reflect.Value, h hint, path string) (*core.Literal, error) {
	if v.IsNil() {
		return unionLiteral(None(), none), nil
	}
	l, err := encode(v.Elem(), h, path)
	if err != nil || isUnion(v.Type().Elem()) {
		return l, err
	}
	t, err := typeOf(v.Type().Elem(), h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return unionLiteral(l, tagged(t)), nil
}

func unionLiteral(l *core.Literal, t *core.LiteralType) *core.Literal {
	if t.GetMetadata() != nil { // a list of a thousand structs would hold its schema a thousand times
		t = &core.LiteralType{Type: t.GetType(), Structure: t.GetStructure()}
	}
	u := scalar(&core.Scalar{Value: &core.Scalar_Union{Union: &core.Union{Value: l, Type: t}}})
	// The engine's cache key looks for a hash in lists and maps, and not inside a union.
	u.Hash, l.Hash = l.GetHash(), ""
	return u
}

// unwrap takes a union off a value. The hash that stood outside goes to the
// value, in a copy: the literal is the caller's.
func unwrap(l *core.Literal) (*core.Literal, *core.LiteralType) {
	u, ok := l.GetScalar().GetValue().(*core.Scalar_Union)
	if !ok {
		return l, nil
	}
	value := u.Union.GetValue()
	if l.GetHash() != "" && value.GetHash() == "" {
		value = &core.Literal{Value: value.GetValue(), Hash: l.GetHash(), Metadata: value.GetMetadata()}
	}
	return value, u.Union.GetType()
}

// decodeOptional takes all three forms that occur: the union that tasks and
// flytectl write, the bare none that stands in a list for a failed map element,
// and the bare value of a producer that is not optional.
func decodeOptional(l *core.Literal, v reflect.Value, h hint, path string) error {
	value, _ := unwrap(l)
	if _, ok := value.GetScalar().GetValue().(*core.Scalar_NoneType); ok {
		v.SetZero()
		return nil
	}
	if isUnion(v.Type().Elem()) {
		value = l
	}
	elem := reflect.New(v.Type().Elem())
	if err := decode(value, elem.Elem(), h, path); err != nil {
		return err
	}
	v.Set(elem)
	return nil
}

// decodeUnion takes a union, by the type that it says it holds, and the bare
// value of a producer that is none, by what it is.
func decodeUnion(l *core.Literal, v reflect.Value, path string) error {
	fields, err := variants(v.Type())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	value, stored := unwrap(l)
	candidates := fields
	if stored != nil {
		candidates = slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return tagOf(f.Type) != tagOf(stored) })
	}
	var errs []error
	for _, f := range candidates {
		elem := reflect.New(f.Go.Elem())
		if err := decode(value, elem.Elem(), f.hint, path+"."+f.Name); err != nil {
			errs = append(errs, err)
			continue
		}
		out := reflect.New(v.Type()).Elem()
		out.FieldByIndex(f.Index).Set(elem)
		v.Set(out)
		return nil
	}
	if len(errs) == 1 {
		return errs[0]
	}
	t, _ := unionOf(v.Type())
	return errors.Join(append(errs, fmt.Errorf("%s: want %s, got %s", path, TypeName(t), Describe(value)))...)
}

func variantNames(fields []Field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}
