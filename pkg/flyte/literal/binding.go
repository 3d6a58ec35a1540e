package literal

import "github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

// Binding is a literal as a node's input. A binding has no place for a blob's
// hash: where a cache key needs it, the blob comes from another node's output.
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
