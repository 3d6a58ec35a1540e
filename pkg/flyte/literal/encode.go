package literal

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Marshal encodes the fields of a struct. Every variable is written, also an
// optional one that is nil: a missing output would fail only at its first consumer.
func Marshal(v any) (*core.LiteralMap, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return nil, fmt.Errorf("nil has no variables: pass a struct")
	}
	fields, err := Fields(rv.Type())
	if err != nil {
		return nil, err
	}
	m := &core.LiteralMap{Literals: make(map[string]*core.Literal, len(fields))}
	for _, f := range fields {
		if m.Literals[f.Name], err = encode(rv.FieldByIndex(f.Index), f.hint, f.Name); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Encode encodes one value.
func Encode(v any) (*core.Literal, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return nil, fmt.Errorf("nil has no literal: %s", choices)
	}
	if _, err := TypeOf(rv.Type()); err != nil {
		return nil, err
	}
	return encode(rv, hint{}, "value")
}

func encode(v reflect.Value, h hint, path string) (*core.Literal, error) {
	switch {
	case isReference(v.Type()):
		return encodeReference(v, h, path)
	case v.Type() == timeType:
		t := timestamppb.New(v.Interface().(time.Time))
		if err := t.CheckValid(); err != nil {
			return nil, fmt.Errorf("%s: the year is not from 1 to 9999: %w", path, err)
		}
		return primitive(&core.Primitive{Value: &core.Primitive_Datetime{Datetime: t}}), nil
	case v.Type() == durationType:
		return primitive(&core.Primitive{Value: &core.Primitive_Duration{Duration: durationpb.New(time.Duration(v.Int()))}}), nil
	case isUnion(v.Type()):
		return encodeUnion(v, path)
	}
	switch v.Kind() {
	case reflect.String:
		if values, is, _ := enumValues(v.Type()); is && !slices.Contains(values, v.String()) {
			return nil, fmt.Errorf("%s: %q is no %v: it is one of %q", path, v.String(), v.Type(), values)
		}
		return primitive(&core.Primitive{Value: &core.Primitive_StringValue{StringValue: v.String()}}), nil
	case reflect.Bool:
		return primitive(&core.Primitive{Value: &core.Primitive_Boolean{Boolean: v.Bool()}}), nil
	case reflect.Float64:
		return primitive(&core.Primitive{Value: &core.Primitive_FloatValue{FloatValue: v.Float()}}), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return primitive(&core.Primitive{Value: &core.Primitive_Integer{Integer: v.Int()}}), nil
	case reflect.Slice:
		list := &core.LiteralCollection{} // an empty one holds nil, as it does from the wire: the engine tells the two apart
		for i := range v.Len() {
			l, err := encode(v.Index(i), h, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			list.Literals = append(list.Literals, l)
		}
		return &core.Literal{Value: &core.Literal_Collection{Collection: list}}, nil
	case reflect.Map:
		m := &core.LiteralMap{Literals: make(map[string]*core.Literal, v.Len())}
		for it := v.MapRange(); it.Next(); {
			l, err := encode(it.Value(), h, fmt.Sprintf("%s[%q]", path, it.Key().String()))
			if err != nil {
				return nil, err
			}
			m.Literals[it.Key().String()] = l
		}
		return &core.Literal{Value: &core.Literal_Map{Map: m}}, nil
	case reflect.Pointer:
		return encodeOptional(v, h, path)
	}
	s, err := encodeJSON(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return scalar(&core.Scalar{Value: &core.Scalar_Generic{Generic: s}}), nil
}

// None is the literal of a value that is not there.
func None() *core.Literal {
	return scalar(&core.Scalar{Value: &core.Scalar_NoneType{NoneType: &core.Void{}}})
}

func primitive(p *core.Primitive) *core.Literal {
	return scalar(&core.Scalar{Value: &core.Scalar_Primitive{Primitive: p}})
}

func scalar(s *core.Scalar) *core.Literal {
	return &core.Literal{Value: &core.Literal_Scalar{Scalar: s}}
}

// Encode encodes a value of the field's type.
func (f Field) Encode(v any) (*core.Literal, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Type() != f.Go {
		return nil, fmt.Errorf("%s: want a %v, got a %T", f.Name, f.Go, v)
	}
	return encode(rv, f.hint, f.Name)
}

// Absent is the literal of an optional field that is not given.
func (f Field) Absent() (*core.Literal, error) {
	if !f.Optional() {
		return nil, fmt.Errorf("%s is not optional", f.Name)
	}
	return encode(reflect.Zero(f.Go), f.hint, f.Name)
}
