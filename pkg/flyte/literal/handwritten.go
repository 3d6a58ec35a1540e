package literal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/encoding/protojson"
)

// ParseJSON reads literals that a person wrote: an object with one key per
// field and plain values: a blob, directory or table is its URI, a time is
// RFC 3339, a duration such as "1h30m", a union an object whose one key is the
// variant's name. It also takes a LiteralMap in protobuf's JSON form, an object
// whose one key is "literals".
func ParseJSON(fields []Field, text []byte) (*core.LiteralMap, error) {
	if err := bounds.JSON(text); err != nil {
		return nil, err
	}
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
	return m, errors.Join(append(errs, extra(maps.Keys(values), fields, isField)...)...)
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
	case t.Kind() == reflect.Float64 && len(raw) > 0 && raw[0] == '"':
		return parseNoNumber(raw, v)
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

// parseNoNumber reads the floats that JSON has no number for, spelt as in protobuf's JSON.
func parseNoNumber(raw json.RawMessage, v reflect.Value) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	switch text {
	case "NaN", "Infinity", "-Infinity":
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err
	}
	return fmt.Errorf("%q is neither a number nor one of \"NaN\", \"Infinity\", \"-Infinity\"", text)
}

// FormatJSON writes literals in the form that [ParseJSON] reads, indented, one key
// per field in the fields' order. What that form has no place for is left out: the
// hash of a file, a format or columns that its field's tag doesn't name.
func FormatJSON(fields []Field, m *core.LiteralMap) ([]byte, error) {
	values := make([]member, len(fields))
	for i, f := range fields {
		v := reflect.New(f.Go).Elem()
		if err := decode(m.GetLiterals()[f.Name], v, f.hint, f.Name); err != nil {
			return nil, err
		}
		values[i] = member{f.Name, written(v)}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // URIs have ampersands
	e.SetIndent("", "  ")
	err := e.Encode(object(values))
	return text.Bytes(), err
}

// written is a value as encoding/json writes it in the form of [ParseJSON].
func written(v reflect.Value) any {
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case t.Kind() == reflect.Pointer:
		return written(v.Elem())
	case isReference(t):
		return v.FieldByName("URI").String()
	case t == durationType:
		return time.Duration(v.Int()).String()
	case isUnion(t):
		fields, _ := variants(t) // the type had its literal
		for _, f := range fields {
			if variant := v.FieldByIndex(f.Index); !variant.IsNil() {
				return map[string]any{f.Name: written(variant)}
			}
		}
		return nil
	case t.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = written(v.Index(i))
		}
		return list
	case t.Kind() == reflect.Map:
		m := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = written(it.Value())
		}
		return m
	case t.Kind() == reflect.Float64 && math.IsNaN(v.Float()):
		return "NaN"
	case t.Kind() == reflect.Float64 && math.IsInf(v.Float(), 0):
		return map[bool]string{true: "Infinity", false: "-Infinity"}[v.Float() > 0]
	}
	return v.Interface()
}

// object is a JSON object whose keys keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	text.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "%q:", m.name) // a name is snake_case
		if err := e.Encode(m.value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// List is the field as a list of what it is: what a map's template takes.
func (f Field) List() Field {
	f.Go = reflect.SliceOf(f.Go)
	f.Type = &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: f.Type}}
	return f
}
