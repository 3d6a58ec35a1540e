package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Launches names the launch plans by which a bundle's workflows and dynamic
// tasks launch executions of their own, sorted. Each has to be registered under
// the same version: those of fixed nodes before the bundle, since FlyteAdmin
// compiles against them; those of dynamic tasks before the first run.
func (b *Bundle) Launches() []string {
	names := map[string]bool{}
	collect := func(nodes []*core.Node) {
		for _, n := range nodes {
			if id := n.GetWorkflowNode().GetLaunchplanRef(); id != nil {
				names[id.GetName()] = true
			}
		}
	}
	collect(b.Workflow.GetTemplate().GetNodes())
	for _, w := range b.Workflow.GetSubWorkflows() {
		collect(w.GetNodes())
	}
	for _, t := range b.Tasks { // a closure's own dynamic tasks are among them
		c, err := task.ReadClosure(t.GetTemplate().GetCustom())
		if err != nil {
			continue // no dynamic task
		}
		collect(c.Job.GetNodes())
		for _, w := range c.Job.GetSubworkflows() {
			collect(w.GetNodes())
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// InOrder sorts bundles for registration: a workflow that others launch comes
// before these, and otherwise the order stays. A dynamic task may launch the
// workflow that it is part of; fixed nodes can't.
func InOrder(bundles ...*Bundle) ([]*Bundle, error) {
	levels, err := levels(bundles)
	if err != nil {
		return nil, err
	}
	sorted := slices.Clone(bundles)
	slices.SortStableFunc(sorted, func(a, b *Bundle) int { return levels[a] - levels[b] })
	return sorted, nil
}

// levels counts, for each bundle, how many bundles have to stand before it in
// the longest chain of launches.
func levels(bundles []*Bundle) (map[*Bundle]int, error) {
	byPlan := map[string][]*Bundle{}
	for _, b := range bundles {
		for _, p := range b.Plans {
			byPlan[p.GetId().GetName()] = append(byPlan[p.GetId().GetName()], b)
		}
	}
	levels, visiting := map[*Bundle]int{}, map[*Bundle]bool{}
	var missing []string
	var visit func(b *Bundle) int
	visit = func(b *Bundle) int {
		if level, done := levels[b]; done || visiting[b] { // a launch of oneself, perhaps in turns: no order needed
			return level
		}
		visiting[b] = true
		level := 0
		for _, name := range b.Launches() {
			if len(byPlan[name]) == 0 {
				missing = append(missing, fmt.Sprintf("workflow %s launches %s", b.Workflow.GetTemplate().GetId().GetName(), name))
			}
			for _, child := range byPlan[name] {
				if child != b {
					level = max(level, visit(child)+1)
				}
			}
		}
		levels[b] = level
		return level
	}
	for _, b := range bundles {
		visit(b)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("launch plans that no bundle here registers: %s; give their workflows' bundles too", strings.Join(missing, ", "))
	}
	return levels, nil
}
