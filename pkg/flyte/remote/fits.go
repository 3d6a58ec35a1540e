package remote

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// fits tells whether a literal is of a type, as FlyteAdmin judges it; else at
// says where inside a list or map it is not.
func fits(t *core.LiteralType, l *core.Literal) (at string, ok bool) {
	if l.GetOffloadedMetadata() != nil {
		return "", true // only who reads it can tell
	}
	switch t := t.GetType().(type) {
	case *core.LiteralType_CollectionType:
		c, ok := l.GetValue().(*core.Literal_Collection)
		if !ok {
			return "", false
		}
		for i, e := range c.Collection.GetLiterals() {
			if at, ok := fits(t.CollectionType, e); !ok {
				return fmt.Sprintf(" (element %d%s)", i, at), false
			}
		}
		return "", true
	case *core.LiteralType_MapValueType:
		m, ok := l.GetValue().(*core.Literal_Map)
		if !ok {
			return "", false
		}
		for _, key := range slices.Sorted(maps.Keys(m.Map.GetLiterals())) {
			if at, ok := fits(t.MapValueType, m.Map.GetLiterals()[key]); !ok {
				return fmt.Sprintf(" (key %q%s)", key, at), false
			}
		}
		return "", true
	case *core.LiteralType_UnionType:
		if u := l.GetScalar().GetUnion(); u != nil {
			l = u.GetValue()
		}
		for _, variant := range t.UnionType.GetVariants() {
			if _, ok := fits(variant, l); ok {
				return "", true
			}
		}
		return "", false
	case *core.LiteralType_Blob:
		b := l.GetScalar().GetBlob().GetMetadata().GetType()
		return "", b != nil && b.GetDimensionality() == t.Blob.GetDimensionality() &&
			(t.Blob.GetFormat() == "" || b.GetFormat() == "" || b.GetFormat() == t.Blob.GetFormat())
	case *core.LiteralType_StructuredDatasetType:
		return "", l.GetScalar().GetStructuredDataset() != nil
	case *core.LiteralType_EnumType:
		v, ok := l.GetScalar().GetPrimitive().GetValue().(*core.Primitive_StringValue)
		return "", ok && slices.Contains(t.EnumType.GetValues(), v.StringValue)
	case *core.LiteralType_Simple:
		return "", fitsSimple(t.Simple, l.GetScalar())
	}
	return "", true // types that this package does not know are the server's to judge
}

func fitsSimple(t core.SimpleType, s *core.Scalar) bool {
	var ok bool
	switch v := s.GetPrimitive().GetValue(); t {
	case core.SimpleType_INTEGER:
		_, ok = v.(*core.Primitive_Integer)
	case core.SimpleType_FLOAT:
		_, ok = v.(*core.Primitive_FloatValue)
	case core.SimpleType_STRING:
		_, ok = v.(*core.Primitive_StringValue)
	case core.SimpleType_BOOLEAN:
		_, ok = v.(*core.Primitive_Boolean)
	case core.SimpleType_DATETIME:
		_, ok = v.(*core.Primitive_Datetime)
	case core.SimpleType_DURATION:
		_, ok = v.(*core.Primitive_Duration)
	case core.SimpleType_NONE:
		ok = s.GetNoneType() != nil
	case core.SimpleType_STRUCT:
		ok = s.GetGeneric() != nil || s.GetBinary() != nil
	default:
		ok = true
	}
	return ok
}
