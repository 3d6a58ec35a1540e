package literal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/encoding/protojson"
)

// ParseJSON reads literals that a person wrote: an object with one key per
// field and plain values, a blob's being its URI. It also takes a LiteralMap in
// protobuf's JSON form, an object whose one key is "literals".
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
		v := reflect.New(f.Go)
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		err := d.Decode(v.Interface())
		if err == nil {
			m.Literals[f.Name], err = f.Encode(v.Elem().Interface())
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

// UnmarshalJSON takes a bare URI: it is how people write a file down.
func (b *Blob) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &b.URI) }

// List is the field as a list of what it is: what a map's template takes.
func (f Field) List() Field {
	f.Go = reflect.SliceOf(f.Go)
	f.Type = &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: f.Type}}
	return f
}
