package literal

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/structpb"
)

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// checkJSON refuses what a STRUCT would change on its way: the engine keeps
// numbers as doubles and nothing but JSON's own kinds.
func checkJSON(t reflect.Type, path string, open map[reflect.Type]bool) error {
	if open[t] {
		return fmt.Errorf("%s: %v holds itself, so its literal has no bound: flatten it", path, t)
	}
	open[t] = true
	defer delete(open, t)
	switch {
	case isReference(t):
		return fmt.Errorf("%s: the engine does not see a %s inside a struct: make it a variable of its own", path, noun(t))
	case isUnion(t):
		return fmt.Errorf("%s: %v is a union, which JSON can't tell apart: make it a variable of its own", path, t)
	case t == timeType, t == durationType:
		return fmt.Errorf("%s: JSON has no %v: make it a variable of its own, a string or a number of seconds", path, t)
	case t.Implements(jsonMarshaler), t.Implements(textMarshaler),
		reflect.PointerTo(t).Implements(jsonMarshaler), reflect.PointerTo(t).Implements(textMarshaler):
		return fmt.Errorf("%s: %v marshals itself, so what arrives can't be checked: use plain fields", path, t)
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float64, reflect.Float32, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint16, reflect.Uint32:
		return nil
	case reflect.Int64, reflect.Uint64, reflect.Uint:
		return fmt.Errorf("%s: 64-bit integers lose digits inside a struct, whose numbers are doubles: "+
			"make it a variable of its own, a string, or an int32", path)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return fmt.Errorf("%s: bytes don't travel in literals: write a file and pass a literal.Blob", path)
		}
		return checkJSON(t.Elem(), path+"[]", open)
	case reflect.Pointer:
		return checkJSON(t.Elem(), path, open)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("%s: maps have string keys in JSON: use map[string]%v", path, t.Elem())
		}
		return checkJSON(t.Elem(), path+"[]", open)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			if tag == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if strings.Contains(tag, ",string") {
				return fmt.Errorf("%s.%s: the json option ,string hides the type: declare a string", path, f.Name)
			}
			if err := checkJSON(f.Type, path+"."+f.Name, open); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s: %v has no place in a struct: use string, bool, float64, int, int32, a struct, or a slice, map[string] or pointer of these", path, t)
}

func encodeJSON(v any) (*structpb.Struct, error) {
	if err := checkEnums(reflect.ValueOf(v)); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	s := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(fields))}
	for key, value := range fields {
		if s.Fields[key], err = structValue(value, key); err != nil {
			return nil, fmt.Errorf("encode %T: %w", v, err)
		}
	}
	return s, nil
}

func structValue(v any, path string) (*structpb.Value, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return structpb.NewNullValue(), nil
	case bool:
		return structpb.NewBoolValue(v), nil
	case string:
		return structpb.NewStringValue(v), nil
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if i, err := v.Int64(); err == nil && (int64(f) != i || i == math.MaxInt64) {
			return nil, fmt.Errorf("%s: %s loses digits as a double: make it a variable of its own or a string", path, v)
		}
		return structpb.NewNumberValue(f), nil
	case []any:
		list := &structpb.ListValue{Values: make([]*structpb.Value, len(v))}
		for i := range v {
			if list.Values[i], err = structValue(v[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		return structpb.NewListValue(list), nil
	case map[string]any:
		s := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(v))}
		for key, value := range v {
			if s.Fields[key], err = structValue(value, path+"."+key); err != nil {
				return nil, err
			}
		}
		return structpb.NewStructValue(s), nil
	}
	return nil, fmt.Errorf("%s: %T is not a JSON value", path, v)
}

// decodeJSON reads the two forms in which STRUCT literals arrive: generic from
// tasks and most clients, binary MessagePack from flytectl (its numbers are
// doubles too). Unknown keys are refused.
func decodeJSON(l *core.Literal, v reflect.Value) error {
	var fields map[string]any
	switch s := l.GetScalar().GetValue().(type) {
	case *core.Scalar_Generic:
		fields = s.Generic.AsMap()
	case *core.Scalar_Binary:
		if s.Binary.GetTag() != "msgpack" {
			return fmt.Errorf("want struct, got %s: the only binary form known is msgpack", Describe(l))
		}
		var err error
		if fields, err = unpack(s.Binary.GetValue()); err != nil {
			return fmt.Errorf("the struct is not a MessagePack map: %w", err)
		}
	default:
		return fmt.Errorf("want struct, got %s", Describe(l))
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("the struct is not JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	into := reflect.New(v.Type())
	if err := d.Decode(into.Interface()); err != nil {
		return fmt.Errorf("%v: %w", v.Type(), err)
	}
	if err := checkEnums(into); err != nil {
		return fmt.Errorf("%v: %w", v.Type(), err)
	}
	v.Set(into.Elem())
	return nil
}

// checkEnums refuses enums inside a struct that hold none of their values; an
// empty one is a key that was left out.
func checkEnums(v reflect.Value) error {
	if values, is, err := enumValues(v.Type()); is {
		if err == nil && v.String() != "" && !slices.Contains(values, v.String()) {
			err = fmt.Errorf("want one of %q", values)
		}
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return checkEnums(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkEnums(v.Index(i)); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := checkEnums(it.Value()); err != nil {
				return fmt.Errorf("[%q]: %w", it.Key().String(), err)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkEnums(v.Field(i)); err != nil {
				return fmt.Errorf("%s: %w", v.Type().Field(i).Name, err)
			}
		}
	}
	return nil
}
