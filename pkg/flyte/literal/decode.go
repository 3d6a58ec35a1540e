package literal

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/durationpb"
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
			errs = append(errs, decode(l, rv.FieldByIndex(f.Index), f.hint, f.Name))
		case !f.Optional():
			errs = append(errs, fmt.Errorf("%s: missing (%s)", f.Name, TypeName(f.Type)))
		}
	}
	more := extra(maps.Keys(m.GetLiterals()), fields, func(name string) bool { return known[name] })
	return errors.Join(append(errs, more...)...)
}

// maxExtra is how many variables are named that nobody declares.
const maxExtra = 20

// extra says which variables nobody declares.
func extra(given iter.Seq[string], fields []Field, known func(string) bool) (errs []error) {
	var none []string
	for name := range given {
		if !known(name) {
			none = append(none, name)
		}
	}
	slices.Sort(none)
	for i, name := range none {
		if i == maxExtra {
			return append(errs, fmt.Errorf("and %d more that don't exist", len(none)-i))
		}
		errs = append(errs, fmt.Errorf("%s: no such variable (%s)", name, names(fields)))
	}
	return errs
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
	return decode(l, rv.Elem(), hint{}, "value")
}

// decode follows the Go type, so its depth is bounded whatever the literal holds.
func decode(l *core.Literal, v reflect.Value, h hint, path string) error {
	wrong := func() error {
		t, _ := typeOf(v.Type(), h)
		return fmt.Errorf("%s: want %s, got %s", path, TypeName(t), Describe(l))
	}
	switch p := l.GetScalar().GetPrimitive(); {
	case isReference(v.Type()):
		return decodeReference(l, v, h, path)
	case v.Type() == timeType:
		t, ok := p.GetValue().(*core.Primitive_Datetime)
		if !ok {
			return wrong()
		}
		if err := t.Datetime.CheckValid(); err != nil {
			return fmt.Errorf("%s: the year is not from 1 to 9999: %w", path, err)
		}
		v.Set(reflect.ValueOf(t.Datetime.AsTime()))
	case v.Type() == durationType:
		d, ok := p.GetValue().(*core.Primitive_Duration)
		if !ok {
			return wrong()
		}
		if back := durationpb.New(d.Duration.AsDuration()); d.Duration.CheckValid() != nil || back.Seconds != d.Duration.Seconds {
			return fmt.Errorf("%s: a duration of %d seconds is beyond the 292 years that fit", path, d.Duration.GetSeconds())
		}
		v.SetInt(int64(d.Duration.AsDuration()))
	case isUnion(v.Type()):
		return decodeUnion(l, v, path)
	case v.Kind() == reflect.Pointer:
		return decodeOptional(l, v, h, path)
	case v.Kind() == reflect.Slice:
		if _, ok := l.GetValue().(*core.Literal_Collection); !ok {
			return wrong()
		}
		in := l.GetCollection().GetLiterals()
		out := reflect.MakeSlice(v.Type(), len(in), len(in))
		for i := range in {
			if err := decode(in[i], out.Index(i), h, fmt.Sprintf("%s[%d]", path, i)); err != nil {
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
			if err := decode(value, elem, h, fmt.Sprintf("%s[%q]", path, key)); err != nil {
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
		if values, is, _ := enumValues(v.Type()); is && !slices.Contains(values, s.StringValue) {
			return fmt.Errorf("%s: want one of %q", path, values)
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
