package literal

import "github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

// Binding is a literal as a node's input.
func Binding(l *core.Literal) *core.BindingData {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		list := &core.BindingDataCollection{}
		for _, e := range v.Collection.GetLiterals() {
			list.Bindings = append(list.Bindings, Binding(e))
		}
		return &core.BindingData{Value: &core.BindingData_Collection{Collection: list}}
	case *core.Literal_Map:
		m := &core.BindingDataMap{Bindings: map[string]*core.BindingData{}}
		for key, e := range v.Map.GetLiterals() {
			m.Bindings[key] = Binding(e)
		}
		return &core.BindingData{Value: &core.BindingData_Map{Map: m}}
	}
	return &core.BindingData{Value: &core.BindingData_Scalar{Scalar: l.GetScalar()}}
}

// Accepts tells whether a variable of type dst may be fed from one of type src,
// by the rules of the engine's compiler: types are equal, a blob without a
// format goes with every blob, and an optional takes a plain value, inside
// lists and maps too.
func Accepts(dst, src *core.LiteralType) bool {
	switch d := dst.GetType().(type) {
	case *core.LiteralType_UnionType:
		variants := []*core.LiteralType{src}
		if u := src.GetUnionType(); u != nil {
			variants = u.GetVariants()
		}
		for _, v := range variants {
			if !acceptsOne(d.UnionType.GetVariants(), v) {
				return false
			}
		}
		return true
	case *core.LiteralType_CollectionType:
		return src.GetCollectionType() != nil && Accepts(d.CollectionType, src.GetCollectionType())
	case *core.LiteralType_MapValueType:
		return src.GetMapValueType() != nil && Accepts(d.MapValueType, src.GetMapValueType())
	case *core.LiteralType_Blob:
		f, g := d.Blob.GetFormat(), src.GetBlob().GetFormat()
		return src.GetBlob() != nil && (f == "" || g == "" || f == g)
	case *core.LiteralType_Simple:
		s, ok := src.GetType().(*core.LiteralType_Simple)
		return ok && s.Simple == d.Simple
	}
	return false
}

func acceptsOne(variants []*core.LiteralType, src *core.LiteralType) bool {
	for _, v := range variants {
		if Accepts(v, src) {
			return true
		}
	}
	return false
}
