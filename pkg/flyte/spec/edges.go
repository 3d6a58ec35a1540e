package spec

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Connect feeds dst from src. dst is an input of a node or an output of the
// workflow, src an output of a node or an input of the workflow.
func Connect[T any](w Graph, dst, src *T) { w.graph().connect(dst, src, plain) }

// ConnectAll feeds each variable of dst, a struct that inputs or outputs embed,
// from the same one of src.
func ConnectAll[T any](w Graph, dst, src *T) {
	g := w.graph()
	fields, err := literal.Fields(reflect.TypeFor[T]())
	if err == nil && (dst == nil || src == nil) {
		err = fmt.Errorf("a nil *%v is %w", reflect.TypeFor[T](), errNotHere)
	}
	if err != nil {
		g.bad(caller(), "%w", err)
		return
	}
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for _, f := range fields {
		g.connect(to.FieldByIndex(f.Index).Addr().Interface(), from.FieldByIndex(f.Index).Addr().Interface(), plain)
	}
}

// Widen is [Connect] where dst takes more than src gives: an optional a plain
// value, or a list of optionals a plain list.
func Widen(w Graph, dst, src any) { w.graph().connect(dst, src, plain) }

// Each feeds a mapped input with one element after the other. Lists of several
// mapped inputs run in step and must have the same length.
func Each[T any](w Graph, dst *T, src *[]T) { w.graph().connect(dst, src, each) }

// Gather feeds a list with what the elements of a map gave, in their order. A
// map that tolerates failures needs [GatherSome].
func Gather[T any](w Graph, dst *[]T, src *T) { w.graph().connect(dst, src, gather) }

// GatherSome feeds a list with what the elements of a map gave, in their order,
// nil where an element failed.
func GatherSome[T any](w Graph, dst *[]*T, src *T) { w.graph().connect(dst, src, gatherSome) }

// Const feeds dst with a value.
func Const[T any](w Graph, dst *T, value T) {
	g, at := w.graph(), caller()
	d, err := g.sink(dst)
	if err == nil && d.over() {
		err = fmt.Errorf("the map runs over %s: feed it by Each", d)
	}
	var l *core.Literal
	if err == nil {
		l, err = d.field.Encode(value)
	}
	if err == nil {
		err = g.bind(d, literal.Binding(l))
	}
	if err != nil {
		g.bad(at, "%w", err)
	}
}

// Default makes an input of the workflow optional at launch.
func Default[T any](w Graph, input *T, value T) {
	g, at := w.graph(), caller()
	s, err := g.slot(input)
	if err == nil && (s.node != nil || !s.source) {
		err = fmt.Errorf("%s is not an input of the workflow: only these have defaults", s)
	}
	var l *core.Literal
	if err == nil {
		l, err = s.field.Encode(value)
	}
	if err == nil && g.defaults[s.field.Name] != nil {
		err = fmt.Errorf("%s has two defaults", s)
	}
	if err != nil {
		g.bad(at, "%w", err)
		return
	}
	g.defaults[s.field.Name] = l
}

// shape is how an edge crosses the border of a map.
type shape uint8

const (
	plain shape = iota
	each
	gather
	gatherSome
)

func (g *graph) connect(dst, src any, how shape) {
	if err := g.edge(dst, src, how); err != nil {
		g.bad(caller(), "%w", err)
	}
}

func (g *graph) edge(dst, src any, how shape) error {
	d, err := g.sink(dst)
	if err != nil {
		return err
	}
	s, err := g.slot(src)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if !s.source {
		return fmt.Errorf("%s is not a source: edges start at inputs of the workflow and outputs of nodes", s)
	}
	tolerant := s.node != nil && s.node.minSuccess != nil && *s.node.minSuccess < 1
	switch {
	case s.gathered() && how != gather && how != gatherSome:
		return fmt.Errorf("%s is an output of a map, a list of what its elements gave: use Gather or GatherSome", s)
	case !s.gathered() && (how == gather || how == gatherSome):
		return fmt.Errorf("%s is not an output of a map: use Connect", s)
	case how == gather && tolerant:
		return fmt.Errorf("%s may have failed elements (MinSuccess below 1), which are none: make %s a list of pointers and use GatherSome", s, d)
	case d.over() && how != each:
		return fmt.Errorf("the map runs over %s: use Each", d)
	case !d.over() && how == each:
		return fmt.Errorf("%s is not an input that a map runs over: use Connect", d)
	case !literal.Accepts(d.literalType(), s.literalType()):
		return fmt.Errorf("%s is %s, which does not go into %s, %s", s, literal.TypeName(s.literalType()), d, literal.TypeName(d.literalType()))
	}
	promise := &core.OutputReference{Var: s.field.Name}
	if s.node != nil {
		promise.NodeId = s.node.id
		if d.node != nil && !slices.Contains(d.node.upstream, s.node) {
			d.node.upstream = append(d.node.upstream, s.node)
		}
	}
	return g.bind(d, &core.BindingData{Value: &core.BindingData_Promise{Promise: promise}})
}

// sink finds the field that an edge ends at.
func (g *graph) sink(ptr any) (slot, error) {
	s, err := g.slot(ptr)
	if err != nil {
		return s, fmt.Errorf("destination: %w", err)
	}
	if s.source {
		return s, fmt.Errorf("%s is not a destination: edges end at inputs of nodes and outputs of the workflow", s)
	}
	return s, nil
}

func (g *graph) bind(d slot, b *core.BindingData) error {
	m := g.results
	if d.node != nil {
		m = d.node.bindings
	}
	if m[d.field.Name] != nil {
		return fmt.Errorf("%s is fed twice", d)
	}
	m[d.field.Name] = b
	return nil
}
