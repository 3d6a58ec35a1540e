package task

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Where the index of a map's element stands: the first names the second.
const (
	indexNameVariable = "BATCH_JOB_ARRAY_INDEX_VAR_NAME"
	indexVariable     = "FLYTE_K8S_ARRAY_INDEX"
)

// readInputs reads the literals of this attempt: whole, with what the engine
// offloaded put back, and, in a map, with its own element of each list.
func (a *attempt) readInputs(ctx context.Context) (*core.LiteralMap, error) {
	m := &core.LiteralMap{}
	if len(a.inputs) == 0 {
		return m, nil // the engine writes no file then
	}
	read := func(uri string) ([]byte, error) { return objstore.ReadAtMost(ctx, a.proc.Store, uri, literal.MaxFile) }
	raw, err := read(a.args.inputs)
	if err != nil {
		return nil, fmt.Errorf("read inputs: %w", err)
	}
	if strings.HasSuffix(a.args.inputs, ".json") {
		m, err = a.parseInputs(raw)
	} else {
		err = literal.FromWire(raw, m)
	}
	if err != nil {
		return nil, fault.Input("InputsUnreadable", "not the inputs of a task: %w", err).On(a.args.inputs).
			Fix("give a serialized LiteralMap, or a .json file with one key per input")
	}
	if err = literal.Resolve(m, read); err != nil {
		return nil, fmt.Errorf("read an offloaded input: %w", err)
	}
	if a.args.element.set {
		return m, a.pickElement(m)
	}
	return m, nil
}

// parseInputs reads inputs that somebody wrote by hand.
func (a *attempt) parseInputs(raw []byte) (*core.LiteralMap, error) {
	fields := a.inputs
	if a.args.element.set { // lists, as the mapped template has them
		fields = slices.Clone(fields)
		for i, f := range fields {
			if slices.Contains(a.decl.Over, f.Name) {
				fields[i] = f.List()
			}
		}
	}
	return literal.ParseJSON(fields, raw)
}

// pickElement puts the element of this process in the place of each list that
// the map runs over.
func (a *attempt) pickElement(m *core.LiteralMap) error {
	i := a.env.id.Element
	if i < 0 && !a.indexed() {
		one := strings.TrimSuffix(a.env.id.Task, "_map")
		return fault.Input("ElementUnknown", "task %s is what a map runs over %s, and here it was launched alone", a.env.id.Task, strings.Join(a.decl.Over, " and ")).
			Fix("launch task %s, which takes one element; by hand give --element=N", one)
	}
	if i < 0 {
		return fault.New(fault.Bug, "ElementUnknown", "this is one element of a map, and the environment does not say which").
			At("%s", indexNameVariable).Fix("set %s, or by hand use --element=N", indexVariable)
	}
	for _, name := range a.decl.Over {
		list, ok := m.GetLiterals()[name].GetValue().(*core.Literal_Collection)
		if !ok {
			return fault.Input("InputsInvalid", "the map runs over %s: want a list, got %s", name, literal.Describe(m.GetLiterals()[name]))
		}
		elements := list.Collection.GetLiterals()
		if i >= len(elements) {
			return fault.Input("InputsInvalid", "element %d of %s: the list has %d", i, name, len(elements)).
				Fix("lists that are mapped over together have the same length")
		}
		m.Literals[name] = elements[i]
	}
	return nil
}

// indexed says whether anything in the environment is there to name an element.
func (a *attempt) indexed() bool {
	name, _ := a.proc.Env(indexNameVariable)
	text, _ := a.proc.Env(indexVariable)
	return name != "" || text != ""
}

// elementIndex is the index of this process in its map; -1 where it is not one
// or nobody says.
func (a *attempt) elementIndex() int {
	if !a.args.element.set {
		return -1
	}
	if a.args.element.index >= 0 {
		return a.args.element.index
	}
	name, ok := a.proc.Env(indexNameVariable)
	if !ok || name == "" {
		name = indexVariable
	}
	text, _ := a.proc.Env(name)
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 {
		return -1
	}
	return i
}
