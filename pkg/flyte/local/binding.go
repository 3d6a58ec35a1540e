package local

import (
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// values are the literals that bindings of one workflow run can refer to: its
// inputs, and the outputs of the nodes that have succeeded.
type values struct {
	graph  *graph
	inputs *core.LiteralMap
	nodes  []*core.LiteralMap // by index in graph; nil before success and after the last use
}

// bind resolves all bindings of a node, or of the outputs of a workflow.
func (v *values) bind(bindings []*core.Binding) (*core.LiteralMap, error) {
	m := &core.LiteralMap{Literals: make(map[string]*core.Literal, len(bindings))}
	for _, b := range bindings {
		l, err := v.resolve(b.GetBinding())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.GetVar(), err)
		}
		m.Literals[b.GetVar()] = l
	}
	return m, nil
}

func (v *values) resolve(b *core.BindingData) (*core.Literal, error) {
	switch d := b.GetValue().(type) {
	case *core.BindingData_Scalar:
		return &core.Literal{Value: &core.Literal_Scalar{Scalar: d.Scalar}}, nil
	case *core.BindingData_Collection:
		list := make([]*core.Literal, len(d.Collection.GetBindings()))
		for i, e := range d.Collection.GetBindings() {
			l, err := v.resolve(e)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			list[i] = l
		}
		return collection(list), nil
	case *core.BindingData_Map:
		m := make(map[string]*core.Literal, len(d.Map.GetBindings()))
		for k, e := range d.Map.GetBindings() {
			l, err := v.resolve(e)
			if err != nil {
				return nil, fmt.Errorf("[%q]: %w", k, err)
			}
			m[k] = l
		}
		return &core.Literal{Value: &core.Literal_Map{Map: &core.LiteralMap{Literals: m}}}, nil
	case *core.BindingData_Promise:
		return v.promise(d.Promise)
	}
	return nil, fmt.Errorf("the binding is of kind %T, which can't be resolved", b.GetValue())
}

// promise looks a variable up where it was made. That a node succeeded without
// it shows only here, as on the real engine.
func (v *values) promise(p *core.OutputReference) (*core.Literal, error) {
	from, where, name := v.inputs, "the workflow's inputs", p.GetVar()
	if id := p.GetNodeId(); id != "" && id != startNode {
		i := v.graph.index[id]
		from, where = v.nodes[i], "the outputs of node "+id
		for _, a := range v.graph.nodes[i].GetOutputAliases() {
			if a.GetAlias() == name {
				name = a.GetVar()
				break
			}
		}
	}
	l, ok := from.GetLiterals()[name]
	if !ok {
		return nil, fmt.Errorf("%q is not among %s", name, where)
	}
	l, err := descend(l, p.GetAttrPath())
	if err != nil {
		return nil, fmt.Errorf("%q of %s: %w", name, where, err)
	}
	return l, nil
}

// descend follows an attribute path through lists, maps and structs.
func descend(l *core.Literal, path []*core.PromiseAttribute) (*core.Literal, error) {
	for i, a := range path {
		switch v := l.GetValue().(type) {
		case *core.Literal_Collection:
			list := v.Collection.GetLiterals()
			if n := a.GetIntValue(); n < 0 || int(n) >= len(list) {
				return nil, fmt.Errorf("index %d is out of a list of %d", n, len(list))
			}
			l = list[a.GetIntValue()]
		case *core.Literal_Map:
			e, ok := v.Map.GetLiterals()[a.GetStringValue()]
			if !ok {
				return nil, fmt.Errorf("key %q is not in the map", a.GetStringValue())
			}
			l = e
		default:
			if s := l.GetScalar().GetGeneric(); s != nil {
				return descendStruct(structpb.NewStructValue(s), path[i:])
			}
			return nil, fmt.Errorf("attribute path into a %T", l.GetValue())
		}
	}
	return l, nil
}

// descendStruct goes on inside a JSON struct; what it finds becomes a literal,
// in which all numbers are floats.
func descendStruct(v *structpb.Value, path []*core.PromiseAttribute) (*core.Literal, error) {
	for _, a := range path {
		switch k := v.GetKind().(type) {
		case *structpb.Value_StructValue:
			f, ok := k.StructValue.GetFields()[a.GetStringValue()]
			if !ok {
				return nil, fmt.Errorf("field %q is not in the struct", a.GetStringValue())
			}
			v = f
		case *structpb.Value_ListValue:
			if n := a.GetIntValue(); n < 0 || int(n) >= len(k.ListValue.GetValues()) {
				return nil, fmt.Errorf("index %d is out of a list of %d", n, len(k.ListValue.GetValues()))
			}
			v = k.ListValue.GetValues()[a.GetIntValue()]
		default:
			return nil, fmt.Errorf("attribute path into a %T", v.GetKind())
		}
	}
	return structLiteral(v)
}

func structLiteral(v *structpb.Value) (*core.Literal, error) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StructValue:
		return scalar(&core.Scalar{Value: &core.Scalar_Generic{Generic: k.StructValue}}), nil
	case *structpb.Value_ListValue:
		list := make([]*core.Literal, len(k.ListValue.GetValues()))
		for i, e := range k.ListValue.GetValues() {
			l, err := structLiteral(e)
			if err != nil {
				return nil, err
			}
			list[i] = l
		}
		return collection(list), nil
	case *structpb.Value_StringValue:
		return primitive(&core.Primitive{Value: &core.Primitive_StringValue{StringValue: k.StringValue}}), nil
	case *structpb.Value_NumberValue:
		return primitive(&core.Primitive{Value: &core.Primitive_FloatValue{FloatValue: k.NumberValue}}), nil
	case *structpb.Value_BoolValue:
		return primitive(&core.Primitive{Value: &core.Primitive_Boolean{Boolean: k.BoolValue}}), nil
	}
	return nil, fmt.Errorf("a JSON null is not a literal")
}

func scalar(s *core.Scalar) *core.Literal {
	return &core.Literal{Value: &core.Literal_Scalar{Scalar: s}}
}

func primitive(p *core.Primitive) *core.Literal {
	return scalar(&core.Scalar{Value: &core.Scalar_Primitive{Primitive: p}})
}

func collection(list []*core.Literal) *core.Literal {
	return &core.Literal{Value: &core.Literal_Collection{Collection: &core.LiteralCollection{Literals: list}}}
}

// none is what stands in a map's outputs for an element that failed.
func none() *core.Literal {
	return scalar(&core.Scalar{Value: &core.Scalar_NoneType{NoneType: &core.Void{}}})
}
