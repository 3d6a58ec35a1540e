package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// plan is a way to launch a workflow.
type plan struct {
	name, at string
	settings PlanSettings
	fixed    map[string]*core.Literal // can't be given at launch
	defaults map[string]*core.Literal // beside the workflow's own
}

// PlanInput says something about an input of a launch plan.
type PlanInput func(*graph, *plan) error

// Fix gives an input a value that nobody can change at launch.
func Fix[T any](input *T, value T) PlanInput {
	return func(g *graph, p *plan) error { return g.planInput(p.fixed, input, value) }
}

// Preset gives an input a default in this plan, in place of the workflow's own.
func Preset[T any](input *T, value T) PlanInput {
	return func(g *graph, p *plan) error { return g.planInput(p.defaults, input, value) }
}

func (g *graph) planInput(to map[string]*core.Literal, input, value any) error {
	s, err := g.slot(input)
	if err != nil {
		return err
	}
	if s.node != nil || !s.source {
		return fmt.Errorf("%s is not an input of the workflow", s)
	}
	if to[s.field.Name] != nil {
		return fmt.Errorf("%s is given twice", s)
	}
	to[s.field.Name], err = s.field.Encode(value)
	return err
}

// AddPlan adds a launch plan to a workflow, which has one of its own name
// without being told; AddPlan with that name changes it. A plan that has a
// schedule fires only after it was activated.
func AddPlan[In, Out any](w *Workflow[In, Out], name string, s PlanSettings, inputs ...PlanInput) {
	p := &plan{name: name, at: caller(), settings: s, fixed: map[string]*core.Literal{}, defaults: map[string]*core.Literal{}}
	if !workflowRE.MatchString(name) {
		w.g.bad(p.at, "plan name %q is not snake_case", name)
	}
	for _, other := range w.g.plans {
		if other.name == name {
			w.g.bad(p.at, "plan %s is added twice, here and at %s", name, other.at)
		}
	}
	for _, in := range inputs {
		if err := in(w.g, p); err != nil {
			w.g.bad(p.at, "plan %s: %w", name, err)
		}
	}
	w.g.plans = append(w.g.plans, p)
}

// buildPlans writes the workflow's launch plans, that of its own name first.
func (b *builder) buildPlans(g *graph) []*admin.LaunchPlan {
	own := &plan{name: g.name, at: g.name}
	plans := []*plan{own}
	for _, p := range g.plans {
		if p.name == g.name {
			plans[0] = p
		} else {
			plans = append(plans, p)
		}
	}
	common := b.options.Plan
	if common.MaxParallelism == 0 {
		common.MaxParallelism = b.options.MaxParallelism
	}
	var list []*admin.LaunchPlan
	for _, p := range plans {
		l, err := g.launchPlan(p, p.settings.under(common))
		if err != nil {
			b.bad("%s: plan %s: %w", p.at, p.name, err)
			continue
		}
		list = append(list, l)
	}
	return list
}

func (g *graph) launchPlan(p *plan, s PlanSettings) (*admin.LaunchPlan, error) {
	l := &admin.LaunchPlan{
		Id: &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Name: p.name},
		Spec: &admin.LaunchPlanSpec{
			WorkflowId:     &core.Identifier{ResourceType: core.ResourceType_WORKFLOW, Name: g.name},
			EntityMetadata: &admin.LaunchPlanMetadata{},
			DefaultInputs:  &core.ParameterMap{Parameters: map[string]*core.Parameter{}},
			FixedInputs:    &core.LiteralMap{Literals: p.fixed},
		},
	}
	for _, f := range g.inputs {
		if p.fixed[f.Name] != nil {
			continue
		}
		v := &core.Parameter{Var: &core.Variable{Type: f.Type, Description: f.Doc}}
		switch {
		case p.defaults[f.Name] != nil:
			v.Behavior = &core.Parameter_Default{Default: p.defaults[f.Name]}
		case g.defaults[f.Name] != nil:
			v.Behavior = &core.Parameter_Default{Default: g.defaults[f.Name]}
		case f.Optional():
			none, err := f.Absent()
			if err != nil {
				return nil, err
			}
			v.Behavior = &core.Parameter_Default{Default: none}
		default:
			v.Behavior = &core.Parameter_Required{Required: true}
		}
		l.Spec.DefaultInputs.Parameters[f.Name] = v
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.apply(l.Spec)
	return l, checkSchedule(l)
}

// checkSchedule holds a scheduled plan to FlyteAdmin's rules: there is nobody
// to give an input when it fires, except for the time.
func checkSchedule(l *admin.LaunchPlan) error {
	s := l.GetSpec().GetEntityMetadata().GetSchedule()
	if s == nil {
		return nil
	}
	free := l.GetSpec().GetDefaultInputs().GetParameters()
	var open []string
	for _, v := range slices.Sorted(maps.Keys(free)) {
		if free[v].GetRequired() && v != s.GetKickoffTimeInputArg() {
			open = append(open, v)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("a schedule has nobody to give %s: fix it, or give it a default", strings.Join(open, ", "))
	}
	if name := s.GetKickoffTimeInputArg(); name != "" {
		if p := free[name]; p == nil || p.GetVar().GetType().GetSimple() != core.SimpleType_DATETIME {
			return fmt.Errorf("the kickoff time goes into an input of type DATETIME that is not fixed, and %s is none", name)
		}
	}
	return nil
}

// Reschedule gives a launch plan of these bundles another schedule, as the
// place where it is deployed wants it. The input of the kickoff time stays.
func Reschedule(bundles []*Bundle, name string, s Schedule) error {
	var names []string
	for _, b := range bundles {
		for _, p := range b.Plans {
			if p.GetId().GetName() == name {
				if err := s.check(); err != nil {
					return fmt.Errorf("plan %s: %w", name, err)
				}
				m := p.GetSpec().GetEntityMetadata()
				if s.KickoffTime == "" {
					s.KickoffTime = m.GetSchedule().GetKickoffTimeInputArg()
				}
				m.Schedule = s.proto()
				if err := checkSchedule(p); err != nil {
					return fmt.Errorf("plan %s: %w", name, err)
				}
				return nil
			}
			names = append(names, p.GetId().GetName())
		}
	}
	return fmt.Errorf("there is no launch plan %q (there are %s)", name, strings.Join(names, ", "))
}
