package literal

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// schemaOf is the JSON schema of a struct, as a STRUCT type's metadata carries
// it, in two forms. The top is what flytekit writes for a dataclass, which the
// engine's compiler compares. Below definitions stands the one definition of
// which FlyteConsole draws a form; the console's form can't do with anyOf, so
// that an optional field is a plain one there that is not required.
func schemaOf(t reflect.Type) *structpb.Struct {
	s := objectSchema(t, false)
	s.Fields["$schema"] = structpb.NewStringValue("http://json-schema.org/draft-07/schema#")
	s.Fields["definitions"] = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
		schemaTitle(t): structpb.NewStructValue(objectSchema(t, true)),
	}})
	return s
}

func schemaTitle(t reflect.Type) string {
	if t.Name() == "" {
		return "Struct"
	}
	return t.Name()
}

func objectSchema(t reflect.Type, form bool) *structpb.Struct {
	properties := map[string]*structpb.Value{}
	var required []*structpb.Value
	addProperties(t, form, properties, &required)
	s := typed("object")
	s.Fields["title"] = structpb.NewStringValue(schemaTitle(t))
	s.Fields["additionalProperties"] = structpb.NewBoolValue(false)
	s.Fields["properties"] = structpb.NewStructValue(&structpb.Struct{Fields: properties})
	if len(required) > 0 {
		slices.SortFunc(required, func(a, b *structpb.Value) int { return strings.Compare(a.GetStringValue(), b.GetStringValue()) })
		s.Fields["required"] = structpb.NewListValue(&structpb.ListValue{Values: required})
	}
	return s
}

// addProperties describes the fields of a struct as encoding/json sees them.
func addProperties(t reflect.Type, form bool, properties map[string]*structpb.Value, required *[]*structpb.Value) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			addProperties(f.Type, form, properties, required)
			continue
		case name == "":
			name = f.Name
		}
		s := propertySchema(f.Type, form)
		if doc := f.Tag.Get("doc"); doc != "" {
			s.Fields["description"] = structpb.NewStringValue(doc)
		}
		properties[name] = structpb.NewStructValue(s)
		if f.Type.Kind() != reflect.Pointer && !strings.Contains(options, "omit") {
			*required = append(*required, structpb.NewStringValue(name))
		}
	}
}

func propertySchema(t reflect.Type, form bool) *structpb.Struct {
	if values, is, _ := enumValues(t); is {
		s := typed("string")
		list := &structpb.ListValue{}
		for _, v := range values {
			list.Values = append(list.Values, structpb.NewStringValue(v))
		}
		s.Fields["enum"] = structpb.NewListValue(list)
		if !form {
			delete(s.Fields, "type") // flytekit's has none, and the comparison wants equal types
		}
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return typed("boolean")
	case reflect.Float32, reflect.Float64:
		return typed("number")
	case reflect.String:
		return typed("string")
	case reflect.Slice:
		s := typed("array")
		s.Fields["items"] = structpb.NewStructValue(propertySchema(t.Elem(), form))
		return s
	case reflect.Map:
		s := typed("object")
		s.Fields["additionalProperties"] = structpb.NewStructValue(propertySchema(t.Elem(), form))
		return s
	case reflect.Pointer:
		s := propertySchema(t.Elem(), form)
		if form {
			return s
		}
		return &structpb.Struct{Fields: map[string]*structpb.Value{"anyOf": structpb.NewListValue(&structpb.ListValue{
			Values: []*structpb.Value{structpb.NewStructValue(s), structpb.NewStructValue(typed("null"))},
		})}}
	case reflect.Struct:
		return objectSchema(t, form)
	}
	return typed("integer")
}

func typed(kind string) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{"type": structpb.NewStringValue(kind)}}
}
