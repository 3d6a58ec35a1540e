package literal

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Unmarshal decodes a literal map into the struct that ptr points to, and
// reports everything that is wrong at once. A variable that the struct does not
// declare is refused: it is a typing error of whoever wired or launched. An
// optional one that is missing is nil.
func Unmarshal(m *core.LiteralMap, ptr any) error {
	rv := reflect.ValueOf(ptr)
	if rv.Kind() != reflect.Pointer || rv.IsNil() || rv.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("can't decode into %T: pass a pointer to a struct", ptr)
	}
	rv = rv.Elem()
	fields, err := Fields(rv.Type())
	if err != nil {
		return err
	}
	var errs []error
	known := make(map[string]bool, len(fields))
	for _, f := range fields {
		known[f.Name] = true
		l, given := m.GetLiterals()[f.Name]
		switch {
		case given:
			errs = append(errs, decode(l, rv.Field(f.Index), f.format, f.Name))
		case !f.Optional():
			errs = append(errs, fmt.Errorf("%s: missing (%s)", f.Name, TypeName(f.Type)))
		}
	}
	var extra []string
	for name := range m.GetLiterals() {
		if !known[name] {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		errs = append(errs, fmt.Errorf("%s: no such variable (%s)", name, names(fields)))
	}
	return errors.Join(errs...)
}

// Decode decodes one literal into the value that ptr points to.
func Decode(l *core.Literal, ptr any) error {
	rv := reflect.ValueOf(ptr)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("can't decode into %T: pass a pointer", ptr)
	}
	if _, err := TypeOf(rv.Type().Elem()); err != nil {
		return err
	}
	return decode(l, rv.Elem(), "", "value")
}

// decode follows the Go type, so its depth is bounded whatever the literal holds.
func decode(l *core.Literal, v reflect.Value, format, path string) error {
	wrong := func() error {
		t, _ := typeOf(v.Type(), format)
		return fmt.Errorf("%s: want %s, got %s", path, TypeName(t), Describe(l))
	}
	switch p := l.GetScalar().GetPrimitive(); {
	case v.Type() == blobType:
		return decodeBlob(l, v, format, path)
	case v.Kind() == reflect.Pointer:
		return decodeOptional(l, v, format, path)
	case v.Kind() == reflect.Slice:
		if _, ok := l.GetValue().(*core.Literal_Collection); !ok {
			return wrong()
		}
		in := l.GetCollection().GetLiterals()
		out := reflect.MakeSlice(v.Type(), len(in), len(in))
		for i := range in {
			if err := decode(in[i], out.Index(i), format, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		v.Set(out)
	case v.Kind() == reflect.Map:
		if _, ok := l.GetValue().(*core.Literal_Map); !ok {
			return wrong()
		}
		in := l.GetMap().GetLiterals()
		out := reflect.MakeMapWithSize(v.Type(), len(in))
		for key, value := range in {
			elem := reflect.New(v.Type().Elem()).Elem()
			if err := decode(value, elem, format, fmt.Sprintf("%s[%q]", path, key)); err != nil {
				return err
			}
			out.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), elem)
		}
		v.Set(out)
	case v.Kind() == reflect.Struct:
		if err := decodeJSON(l, v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	case v.Kind() == reflect.String:
		s, ok := p.GetValue().(*core.Primitive_StringValue)
		if !ok {
			return wrong()
		}
		v.SetString(s.StringValue)
	case v.Kind() == reflect.Bool:
		b, ok := p.GetValue().(*core.Primitive_Boolean)
		if !ok {
			return wrong()
		}
		v.SetBool(b.Boolean)
	case v.Kind() == reflect.Float64:
		f, ok := p.GetValue().(*core.Primitive_FloatValue)
		if !ok {
			return wrong()
		}
		v.SetFloat(f.FloatValue)
	default:
		i, ok := p.GetValue().(*core.Primitive_Integer)
		if !ok {
			return wrong()
		}
		if v.OverflowInt(i.Integer) {
			return fmt.Errorf("%s: %d does not fit %v", path, i.Integer, v.Type())
		}
		v.SetInt(i.Integer)
	}
	return nil
}

// decodeOptional takes all three forms that occur: the union that tasks and
// flytectl write, the bare none that stands in a list for a failed map element,
// and the bare value of a producer that is not optional.
func decodeOptional(l *core.Literal, v reflect.Value, format, path string) error {
	if u, ok := l.GetScalar().GetValue().(*core.Scalar_Union); ok {
		l = u.Union.GetValue()
	}
	if _, ok := l.GetScalar().GetValue().(*core.Scalar_NoneType); ok {
		v.SetZero()
		return nil
	}
	elem := reflect.New(v.Type().Elem())
	if err := decode(l, elem.Elem(), format, path); err != nil {
		return err
	}
	v.Set(elem)
	return nil
}

func decodeBlob(l *core.Literal, v reflect.Value, format, path string) error {
	b, ok := l.GetScalar().GetValue().(*core.Scalar_Blob)
	if !ok {
		return fmt.Errorf("%s: want blob, got %s", path, Describe(l))
	}
	t := b.Blob.GetMetadata().GetType()
	switch {
	case b.Blob.GetUri() == "":
		return fmt.Errorf("%s: the blob has no URI", path)
	case t.GetDimensionality() != core.BlobType_SINGLE:
		return fmt.Errorf("%s: %s is a multi-part blob: give a single file", path, b.Blob.GetUri())
	// People launch with a bare URI, and a producer may leave its format open.
	case format != "" && t.GetFormat() != "" && t.GetFormat() != format:
		return fmt.Errorf("%s: %s has format %q, the variable takes %q", path, b.Blob.GetUri(), t.GetFormat(), format)
	}
	blob := Blob{URI: b.Blob.GetUri(), Format: t.GetFormat()}
	if blob.Format == "" {
		blob.Format = format
	}
	v.Set(reflect.ValueOf(blob))
	return nil
}

func names(fields []Field) string {
	if len(fields) == 0 {
		return "there are none"
	}
	var b strings.Builder
	b.WriteString("there are ")
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name)
	}
	return b.String()
}
