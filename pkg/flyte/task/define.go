package task

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Task is a declared stage that takes In and gives Out.
type Task[In, Out any] struct{ contract }

// Dynamic is a declared stage that takes In and multiplies a closure by a list
// of Items; each field of Out is the list of what the copies gave under that name.
type Dynamic[In, Item, Out any] struct {
	contract
	item []literal.Field
}

// Run is the code of a task.
type Run[In, Out any] func(ctx context.Context, in In) (Out, error)

// RunDynamic is the code of a dynamic task.
type RunDynamic[In, Item any] func(ctx context.Context, in In) (FanOut[Item], error)

// FanOut is what a dynamic task decided: which branch of its closure to
// multiply, and by what. No items is an answer too. Where an item is a
// fmt.Stringer, its text becomes the copy's display name.
type FanOut[Item any] struct {
	Branch string // may be empty where the closure has one branch
	// Accelerator, where not empty, is the device that every template of the closure that asks for a GPU
	// gets, in the place of its declaration's: so the device is a matter of inputs. What stands in the
	// closure of a dynamic task inside the branch is left: that task says its own.
	Accelerator string
	Items       []Item
}

// contract is a declaration with its interface.
type contract struct {
	decl            Declaration
	inputs, outputs []literal.Field
	iface           *core.TypedInterface
	dynamic         bool
}

// Define declares a task. A signature or setting that can't work panics, all
// faults at once: declarations are package variables, so that is at program start.
func Define[In, Out any](d Declaration) *Task[In, Out] {
	c, err := define(d, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	if err != nil {
		panic(fmt.Sprintf("task %s: %v", d.Name, err))
	}
	return &Task[In, Out]{c}
}

// DefineDynamic declares a dynamic task; it panics as [Define] does.
func DefineDynamic[In, Item, Out any](d Declaration) *Dynamic[In, Item, Out] {
	c, err := define(d, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	var item []literal.Field
	if err == nil {
		item, err = literal.Fields(reflect.TypeFor[Item]())
	}
	if err == nil && len(d.Over) > 0 {
		err = fmt.Errorf("a dynamic task can't be mapped (the engine hangs on it): leave Over empty")
	}
	for _, f := range c.outputs {
		switch {
		case err != nil:
		case f.Go.Kind() != reflect.Slice:
			err = fmt.Errorf("output %s is %v: a dynamic task gives a list with one element per copy, use []%v", f.Name, f.Go, f.Go)
		case d.CacheVersion != "" && f.Go.Elem().Kind() == reflect.Slice && f.Go.Elem().Elem().Kind() == reflect.Pointer:
			// Of a copy whose elements all failed and one whose elements all
			// succeeded it makes the type "list of none or list of T".
			err = fmt.Errorf("output %s is %v: the engine can't read lists of optionals back from its cache: leave CacheVersion empty", f.Name, f.Go)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("dynamic task %s: %v", d.Name, err))
	}
	c.dynamic = true
	return &Dynamic[In, Item, Out]{c, item}
}

func define(d Declaration, in, out reflect.Type) (contract, error) {
	d.Over, d.CacheIgnore, d.Variants = slices.Clone(d.Over), slices.Clone(d.CacheIgnore), slices.Clone(d.Variants)
	c := contract{decl: d, iface: &core.TypedInterface{}}
	var err error
	if c.inputs, err = literal.Fields(in); err != nil {
		return c, fmt.Errorf("inputs: %w", err)
	}
	if c.outputs, err = literal.Fields(out); err != nil {
		return c, fmt.Errorf("outputs: %w", err)
	}
	c.iface.Inputs, c.iface.Outputs = literal.VariableMap(c.inputs), literal.VariableMap(c.outputs)
	return c, d.check(c.inputs)
}

// Name is the stage's name in Flyte.
func (c *contract) Name() string { return c.decl.Name }

// Declaration is what the stage was declared with.
func (c *contract) Declaration() Declaration { return c.decl }

// Dynamic tells whether the stage multiplies a closure.
func (c *contract) Dynamic() bool { return c.dynamic }

// Mappable tells whether the stage has a list-typed template.
func (c *contract) Mappable() bool { return len(c.decl.Over) > 0 }
