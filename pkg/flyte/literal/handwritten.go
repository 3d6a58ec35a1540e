package literal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/encoding/protojson"
)

// ParseJSON reads literals that a person wrote: an object with one key per
// field and plain values: a blob, directory or table is its URI, a time is
// RFC 3339, a duration such as "1h30m", a union an object whose one key is the
// variant's name. It also takes a LiteralMap in protobuf's JSON form, an object
// whose one key is "literals".
func ParseJSON(fields []Field, text []byte) (*core.LiteralMap, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("want a JSON object: %w", err)
	}
	m := &core.LiteralMap{Literals: make(map[string]*core.Literal, len(values))}
	isField := func(name string) bool {
		return slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name })
	}
	if _, proto := values["literals"]; proto && len(values) == 1 && !isField("literals") {
		return m, protojson.Unmarshal(text, m)
	}
	var errs []error
	for _, f := range fields {
		raw, given := values[f.Name]
		if !given {
			continue // Unmarshal says which ones are needed
		}
		v := reflect.New(f.Go).Elem()
		err := parse(raw, v)
		if err == nil {
			m.Literals[f.Name], err = f.Encode(v.Interface())
		} else {
			err = fmt.Errorf("%s: want %s: %w", f.Name, TypeName(f.Type), err)
		}
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !isField(name) {
			errs = append(errs, fmt.Errorf("%s: no such variable (%s)", name, names(fields)))
		}
	}
	return m, errors.Join(errs...)
}

// parse reads JSON into a value whose type has a literal.
func parse(raw json.RawMessage, v reflect.Value) error {
	plain := func(into any) error {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		return d.Decode(into)
	}
	null := string(bytes.TrimSpace(raw)) == "null"
	switch t := v.Type(); {
	case null && t.Kind() == reflect.Pointer:
		v.SetZero()
		return nil
	case null:
		return fmt.Errorf("null: only an optional one may be left out")
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return parse(raw, v.Elem())
	case isReference(t):
		return plain(v.FieldByName("URI").Addr().Interface())
	case t == durationType:
		var text string
		if err := plain(&text); err != nil {
			return err
		}
		d, err := time.ParseDuration(text)
		v.SetInt(int64(d))
		return err
	case isUnion(t):
		return parseUnion(raw, v)
	case t.Kind() == reflect.Slice:
		var list []json.RawMessage
		if err := plain(&list); err != nil {
			return err
		}
		v.Set(reflect.MakeSlice(t, len(list), len(list)))
		for i := range list {
			if err := parse(list[i], v.Index(i)); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case t.Kind() == reflect.Map:
		var m map[string]json.RawMessage
		if err := plain(&m); err != nil {
			return err
		}
		v.Set(reflect.MakeMapWithSize(t, len(m)))
		for key, value := range m {
			elem := reflect.New(t.Elem()).Elem()
			if err := parse(value, elem); err != nil {
				return fmt.Errorf("[%q]: %w", key, err)
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), elem)
		}
		return nil
	}
	return plain(v.Addr().Interface())
}

func parseUnion(raw json.RawMessage, v reflect.Value) error {
	fields, err := variants(v.Type())
	if err != nil {
		return err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || len(m) != 1 {
		return fmt.Errorf("a union is an object with one key, one of %s", variantNames(fields))
	}
	for _, f := range fields {
		if value, is := m[f.Name]; is {
			return parse(value, v.FieldByIndex(f.Index))
		}
	}
	return fmt.Errorf("%q is no variant: there are %s", slices.Collect(maps.Keys(m))[0], variantNames(fields))
}

// List is the field as a list of what it is: what a map's template takes.
func (f Field) List() Field {
	f.Go = reflect.SliceOf(f.Go)
	f.Type = &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: f.Type}}
	return f
}
