package spec

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Graph is a workflow of any type.
type Graph interface{ graph() *graph }

// Ref is a node of any type.
type Ref interface{ ref() *node }

// Workflow is a graph of nodes that takes In and gives Out. Edges start at the
// fields of In and end at those of Out.
type Workflow[In, Out any] struct {
	In  In
	Out Out
	g   *graph
}

// Node is a use of a task or workflow. Edges end at the fields of In and start
// at those of Out.
type Node[In, Out any] struct {
	In  In
	Out Out
	n   *node
}

func (w *Workflow[In, Out]) graph() *graph { return w.g }

// Name is the workflow's.
func (w *Workflow[In, Out]) Name() string { return w.g.name }

func (n *Node[In, Out]) ref() *node { return n.n }

// graph is a workflow without its types.
type graph struct {
	name, doc       string
	inputs, outputs []literal.Field
	nodes           []*node
	slots           map[uintptr]slot // by the address of the field
	results         map[string]*core.BindingData
	defaults        map[string]*core.Literal
	plans           []*plan
	finishOthers    bool
	errs            []error
}

// kind is what a node uses.
type kind uint8

const (
	single   kind = iota // a task
	mapped               // a task over lists: an array node
	fan                  // a dynamic task with its closure
	nested               // a workflow, inside this execution
	launched             // a workflow, as an execution of its own by its launch plan
)

// node is a use without its types.
type node struct {
	id, at          string
	kind            kind
	task            definition // of single, mapped and fan
	sub             *graph     // of nested and launched
	branches        []branch   // of fan
	item            reflect.Type
	inputs, outputs []literal.Field
	bindings        map[string]*core.BindingData
	upstream        []*node // by data
	after           []*node // by order only

	variant       string
	interruptible *bool
	timeout       *time.Duration
	concurrency   *uint32
	minSuccess    *float32
}

// definition is a declared task of any type.
type definition interface {
	Name() string
	Declaration() task.Declaration
	Mappable() bool
	ImageRole(variant string) (string, error)
	Template(task.TemplateOptions) (*core.TaskTemplate, error)
}

// branch is a workflow that a dynamic task may multiply.
type branch struct {
	name string
	g    *graph
	item reflect.Type
	plan bool // each copy is an execution of its own
}

// slot is a field that edges can touch. A nil node is the workflow itself.
type slot struct {
	node   *node
	source bool
	field  literal.Field
}

var workflowRE = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// New starts a workflow; the name is snake_case.
func New[In, Out any](name, doc string, options ...WorkflowOption) *Workflow[In, Out] {
	w := &Workflow[In, Out]{g: &graph{
		name: name, doc: doc,
		slots:    map[uintptr]slot{},
		results:  map[string]*core.BindingData{},
		defaults: map[string]*core.Literal{},
	}}
	if !workflowRE.MatchString(name) {
		w.g.bad(caller(), "workflow name %q is not snake_case", name)
	}
	w.g.inputs = w.g.register(nil, true, &w.In)
	w.g.outputs = w.g.register(nil, false, &w.Out)
	for _, o := range options {
		o(w.g)
	}
	return w
}

// WorkflowOption changes a workflow.
type WorkflowOption func(*graph)

// FinishOthers lets nodes that can still run do so after one has failed; the
// default stops everything at the first failure.
func FinishOthers() WorkflowOption { return func(g *graph) { g.finishOthers = true } }

// register makes the fields of a struct known by their addresses.
func (g *graph) register(n *node, source bool, ptr any) []literal.Field {
	v := reflect.ValueOf(ptr).Elem()
	fields, err := literal.Fields(v.Type())
	if err != nil {
		g.bad(caller(), "%w", err)
	}
	for _, f := range fields {
		if f.Go.Size() == 0 {
			g.bad(caller(), "%v.%s has no size, so its address names no field: give it a member", v.Type(), f.Name)
			continue
		}
		g.slots[v.FieldByIndex(f.Index).Addr().Pointer()] = slot{n, source, f}
	}
	return fields
}

func (g *graph) bad(at, format string, a ...any) {
	g.errs = append(g.errs, fmt.Errorf("%s: %w", at, fmt.Errorf(format, a...)))
}

// caller is the line outside of this package that is being run.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !inPackage(f.Function) || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
	}
}

var packagePath = reflect.TypeFor[graph]().PkgPath()

func inPackage(function string) bool {
	return len(function) > len(packagePath) && function[:len(packagePath)] == packagePath && function[len(packagePath)] == '.'
}

// name of a slot for messages: list.Out.files or In.prefix.
func (s slot) String() string {
	side := "In."
	if s.source == (s.node != nil) {
		side = "Out."
	}
	if s.node != nil {
		return s.node.id + "." + side + s.field.Name
	}
	return side + s.field.Name
}

// over tells whether the slot is an input that its map runs over.
func (s slot) over() bool {
	return s.node != nil && !s.source && s.node.kind == mapped && slices.Contains(s.node.task.Declaration().Over, s.field.Name)
}

// gathered tells whether the slot is an output of a map.
func (s slot) gathered() bool { return s.node != nil && s.source && s.node.kind == mapped }

// literalType is the slot's type on the wire: a map's are lists.
func (s slot) literalType() *core.LiteralType {
	if s.over() || s.gathered() {
		return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: s.field.Type}}
	}
	return s.field.Type
}

var errNotHere = errors.New("no field of this workflow or its nodes")

// slot finds the field at an address.
func (g *graph) slot(ptr any) (slot, error) {
	v := reflect.ValueOf(ptr)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return slot{}, fmt.Errorf("a %T, nil or no pointer, is %w", ptr, errNotHere)
	}
	s, ok := g.slots[v.Pointer()]
	if !ok || s.field.Go != v.Type().Elem() {
		return slot{}, fmt.Errorf("a *%v is %w: give the address of a whole field, such as &node.In.Name", v.Type().Elem(), errNotHere)
	}
	return s, nil
}
