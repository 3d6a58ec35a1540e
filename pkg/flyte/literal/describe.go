package literal

import (
	"fmt"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

var simpleNames = map[core.SimpleType]string{
	core.SimpleType_NONE: "none", core.SimpleType_INTEGER: "integer", core.SimpleType_FLOAT: "float", core.SimpleType_STRING: "string",
	core.SimpleType_BOOLEAN: "boolean", core.SimpleType_DATETIME: "datetime", core.SimpleType_DURATION: "duration", core.SimpleType_STRUCT: "struct",
}

// TypeName renders a literal type for a message: integer, list<string>, blob(parquet), optional float.
func TypeName(t *core.LiteralType) string {
	switch t := t.GetType().(type) {
	case *core.LiteralType_Simple:
		return simpleNames[t.Simple]
	case *core.LiteralType_CollectionType:
		return "list<" + TypeName(t.CollectionType) + ">"
	case *core.LiteralType_MapValueType:
		return "map<" + TypeName(t.MapValueType) + ">"
	case *core.LiteralType_EnumType:
		return "one of " + strings.Join(t.EnumType.GetValues(), "|")
	case *core.LiteralType_Blob:
		if t.Blob.GetDimensionality() == core.BlobType_MULTIPART {
			return "directory" + parenthesis(t.Blob.GetFormat())
		}
		return "blob" + parenthesis(t.Blob.GetFormat())
	case *core.LiteralType_StructuredDatasetType:
		var columns []string
		for _, c := range columnsOf(t.StructuredDatasetType) {
			columns = append(columns, c.Name+":"+c.Type)
		}
		return "dataset" + parenthesis(strings.TrimLeft(t.StructuredDatasetType.GetFormat()+" "+strings.Join(columns, " "), " "))
	case *core.LiteralType_UnionType:
		v := t.UnionType.GetVariants()
		optional := ""
		if last := len(v) - 1; last > 0 && tagOf(v[last]) == "none" {
			optional, v = "optional ", v[:last]
		}
		var names []string
		for _, variant := range v {
			names = append(names, TypeName(variant))
		}
		return optional + strings.Join(names, " or ")
	}
	return "unknown type"
}

func parenthesis(text string) string {
	if text = strings.TrimRight(text, " "); text == "" {
		return ""
	}
	return "(" + text + ")"
}

// Describe says what a literal holds, for a message: its shape, never its text,
// which may be long or confidential.
func Describe(l *core.Literal) string {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		return fmt.Sprintf("a list of %d", len(v.Collection.GetLiterals()))
	case *core.Literal_Map:
		return fmt.Sprintf("a map of %d", len(v.Map.GetLiterals()))
	case *core.Literal_OffloadedMetadata:
		return "a literal offloaded to " + v.OffloadedMetadata.GetUri()
	case *core.Literal_Scalar:
		return describeScalar(v.Scalar)
	}
	return "nothing"
}

func describeScalar(s *core.Scalar) string {
	switch v := s.GetValue().(type) {
	case *core.Scalar_Primitive:
		switch v.Primitive.GetValue().(type) {
		case *core.Primitive_Integer:
			return "an integer"
		case *core.Primitive_FloatValue:
			return "a float"
		case *core.Primitive_StringValue:
			return "a string"
		case *core.Primitive_Boolean:
			return "a boolean"
		case *core.Primitive_Datetime:
			return "a date"
		case *core.Primitive_Duration:
			return "a duration"
		}
	case *core.Scalar_Blob:
		if v.Blob.GetMetadata().GetType().GetDimensionality() == core.BlobType_MULTIPART {
			return "a multi-part blob"
		}
		return "a blob"
	case *core.Scalar_Generic:
		return "a struct"
	case *core.Scalar_Binary:
		return fmt.Sprintf("binary %q", v.Binary.GetTag())
	case *core.Scalar_NoneType:
		return "none"
	case *core.Scalar_Union:
		return "a union of " + Describe(v.Union.GetValue())
	case *core.Scalar_Schema:
		return "a schema"
	case *core.Scalar_StructuredDataset:
		return "a structured dataset"
	case *core.Scalar_Error:
		return "an error"
	}
	return "nothing"
}
