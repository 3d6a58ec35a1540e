package literal

import (
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// Accepts tells whether a variable of type dst may be fed from one of type src,
// by the rules of the engine's compiler: types are equal, a blob without a
// format goes with every blob, an enum goes with a string, a table may have more
// columns than are asked for, and a union takes what exactly one of its variants
// does, inside lists and maps too. Stricter than the compiler, it tells files
// from directories and wants equal schemas of two structs.
func Accepts(dst, src *core.LiteralType) bool {
	switch d := dst.GetType().(type) {
	case *core.LiteralType_UnionType:
		if u := src.GetUnionType(); u != nil {
			return !slices.ContainsFunc(u.GetVariants(), func(v *core.LiteralType) bool { return accepting(d.UnionType.GetVariants(), v) == 0 })
		}
		return accepting(d.UnionType.GetVariants(), src) == 1
	case *core.LiteralType_CollectionType:
		return src.GetCollectionType() != nil && Accepts(d.CollectionType, src.GetCollectionType())
	case *core.LiteralType_MapValueType:
		return src.GetMapValueType() != nil && Accepts(d.MapValueType, src.GetMapValueType())
	case *core.LiteralType_Blob:
		return src.GetBlob() != nil && sameFormat(d.Blob.GetFormat(), src.GetBlob().GetFormat()) &&
			d.Blob.GetDimensionality() == src.GetBlob().GetDimensionality()
	case *core.LiteralType_StructuredDatasetType:
		s := src.GetStructuredDatasetType()
		return s != nil && sameFormat(strings.ToLower(d.StructuredDatasetType.GetFormat()), strings.ToLower(s.GetFormat())) &&
			hasColumns(d.StructuredDatasetType, s)
	case *core.LiteralType_EnumType:
		if e := src.GetEnumType(); e != nil {
			return slices.Equal(e.GetValues(), d.EnumType.GetValues())
		}
		return isSimple(src, core.SimpleType_STRING)
	case *core.LiteralType_Simple:
		if d.Simple == core.SimpleType_STRING && src.GetEnumType() != nil {
			return true
		}
		return isSimple(src, d.Simple) && (dst.GetMetadata() == nil || src.GetMetadata() == nil || proto.Equal(dst.GetMetadata(), src.GetMetadata()))
	}
	return false
}

func accepting(variants []*core.LiteralType, src *core.LiteralType) (n int) {
	for _, v := range variants {
		if Accepts(v, src) {
			n++
		}
	}
	return n
}

func isSimple(t *core.LiteralType, want core.SimpleType) bool {
	s, ok := t.GetType().(*core.LiteralType_Simple)
	return ok && s.Simple == want
}

func sameFormat(a, b string) bool { return a == "" || b == "" || a == b }

func hasColumns(want, has *core.StructuredDatasetType) bool {
	if len(has.GetColumns()) == 0 {
		return true
	}
	for _, c := range want.GetColumns() {
		if t := columnType(has, c.GetName()); t == nil || !Accepts(c.GetLiteralType(), t) {
			return false
		}
	}
	return true
}
