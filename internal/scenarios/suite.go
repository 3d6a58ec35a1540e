package scenarios

import (
	"time"

	"github.com/cosmostat/constellation/internal/scenarios/stages"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

type (
	value struct {
		Y int64 `flyte:"y"`
	}
	flow = *spec.Workflow[In, value]
)

// Suite is all scenarios, in the order of their names on the cluster.
func Suite() []Scenario {
	var all []Scenario
	for _, part := range [][]Scenario{singles(), endings(), arrays(), dynamics(), caches(), recoveries(), rogues()} {
		all = append(all, part...)
	}
	return all
}

// one is a workflow of one piece of work.
func one(name, do string, options ...spec.Option) flow {
	w := spec.New[In, value](name, "One piece of work: "+do+".")
	n := work(w, w, "work", do, options...)
	spec.Connect(w, &w.Out.Y, &n.Out.Y)
	return w
}

func work[O any](g spec.Graph, w *spec.Workflow[In, O], id, do string, options ...spec.Option) *spec.Node[stages.WorkIn, stages.WorkOut] {
	n := spec.Add(g, stages.Work, append(options, spec.ID(id))...)
	spec.Const(g, &n.In.Do, do)
	spec.Const(g, &n.In.X, 1)
	spec.Connect(g, &n.In.Place, &w.In.Place)
	return n
}

// singles are one task and how it ends.
func singles() []Scenario {
	chain := func() flow {
		w := spec.New[In, value]("success", "One piece of work after the other.")
		a := work(w, w, "a", "ok")
		b := spec.Add(w, stages.Work, spec.ID("b"))
		spec.Const(w, &b.In.Do, "ok")
		spec.Connect(w, &b.In.X, &a.Out.Y)
		spec.Connect(w, &b.In.Place, &w.In.Place)
		spec.Connect(w, &w.Out.Y, &b.Out.Y)
		return w
	}
	// others: a fails at once, b would go on; c waits for a.
	others := func(name string, o ...spec.WorkflowOption) flow {
		w := spec.New[In, value](name, "One of two branches fails.", o...)
		work(w, w, "a", "bad")
		b := work(w, w, "b", "ok")
		spec.After(w, work(w, w, "c", "ok"), b)
		spec.Connect(w, &w.Out.Y, &b.Out.Y)
		return w
	}
	plain := []Step{{}}
	return []Scenario{
		{Name: "success", Doc: "One task feeds another.", Workflow: chain(), Steps: plain},
		{Name: "user_failure", Doc: "A user's error is not tried again.", Workflow: one("user_failure", "bad"), Steps: plain},
		{Name: "transient_failure", Doc: "A passing error uses the task's retries.", Workflow: one("transient_failure", "busy:2"), Steps: plain},
		{Name: "lasting_failure", Doc: "They run out.", Workflow: one("lasting_failure", "busy:99"), Steps: plain},
		{Name: "bug", Doc: "A panic is a failure of the system, and final.", Workflow: one("bug", "bug"), Steps: plain},
		{Name: "crash", Doc: "Exit codes use the system's retries, whatever the task's are.", Workflow: one("crash", "exit:3"), Steps: plain},
		{Name: "killed_once", Doc: "A process that was killed is tried again.", Workflow: one("killed_once", "killed:1"), Steps: plain},
		{Name: "budgets_apart", Doc: "Two retries of the task's own and three of the system's don't use each other up.", Workflow: one("budgets_apart", "turns:5"), Steps: plain},
		{Name: "system_failure", Doc: "A task may put a failure down to the system.", Workflow: one("system_failure", "system:2"), Steps: plain},
		{Name: "too_slow", Doc: "A time-out of the node bounds one attempt, and twice that bounds all.",
			Workflow: one("too_slow", "hang:99", spec.Timeout(6*time.Second)), Steps: plain, Alone: true},
		{Name: "others_finish", Doc: "Nodes that can run do so after a failure.", Workflow: others("others_finish", spec.FinishOthers()), Steps: plain},
	}
}

const asKilled = "on one machine a process that the kernel killed for memory can't be told from any other that was killed"

// endings are of a process that somebody else ends.
func endings() []Scenario {
	var all []Scenario
	for _, e := range []struct {
		name   string
		action Action
	}{
		{"preempted", Preempted}, {"node_shutdown", Shutdown}, {"evicted", Evicted}, {"sigkill", Killed},
		{"sigterm", Asked}, {"vanished", Vanished}, {"out_of_memory", NoMemory},
	} {
		all = append(all, Scenario{Name: e.name, Doc: "The first attempt ends by " + string(e.action) + ".", Workflow: one(e.name, "hang:1"),
			Steps: []Step{{Faults: []Fault{{Node: "work", Element: -1, Action: e.action}}}}})
	}
	var starved []Fault
	for i := range 4 {
		starved = append(starved, Fault{Node: "work", Element: -1, Attempt: i, Action: NoMemory})
	}
	var thrice []Fault
	for i := range 3 {
		thrice = append(thrice, Fault{Node: "work", Element: -1, Attempt: i, Action: Preempted})
	}
	return append(all,
		Scenario{Name: "out_of_memory_always", Doc: "Running out of memory uses the task's own retries.",
			Workflow: one("out_of_memory_always", "hang:99"), Steps: []Step{{Faults: starved}},
			Except: map[string]string{
				"step 0: error":               asKilled,
				"step 0: node work: attempts": asKilled,
				"step 0: node work: code":     asKilled,
				"step 0: pods":                asKilled,
			}},
		Scenario{Name: "preempted_thrice", Doc: "Preemptions don't use the task's two retries.", Workflow: one("preempted_thrice", "hang:3"),
			Steps: []Step{{Faults: thrice}}},
		Scenario{Name: "element_preempted", Doc: "Of a map, only the element that was preempted runs again.",
			Workflow: mapped("element_preempted", 1),
			Steps: []Step{{Xs: []int64{1, 2, 3}, Dos: []string{"ok", "hang:1", "ok"},
				Faults: []Fault{{Node: "m", Element: 1, Action: Preempted}}}}},
	)
}

// mapped maps over the inputs and adds up.
func mapped(name string, ratio float64) flow {
	w := spec.New[In, value](name, "A map and the sum of what it gave.")
	m := spec.Map(w, stages.Work, spec.ID("m"), spec.MinSuccess(ratio), spec.Concurrency(1))
	spec.Each(w, &m.In.Do, &w.In.Dos)
	spec.Each(w, &m.In.X, &w.In.Xs)
	spec.Connect(w, &m.In.Place, &w.In.Place)
	s := spec.Add(w, stages.Sum, spec.ID("sum"))
	spec.GatherSome(w, &s.In.Xs, &m.Out.Y)
	spec.Connect(w, &w.Out.Y, &s.Out.Y)
	return w
}

func arrays() []Scenario {
	return []Scenario{
		{Name: "map", Doc: "Every element gives a value.", Workflow: mapped("map", 1),
			Steps: []Step{{Xs: []int64{1, 2, 3}, Dos: []string{"ok", "ok", "ok"}}}},
		{Name: "half_map_fails", Doc: "As many as may fail do; none stands in their place.", Workflow: mapped("half_map_fails", 0.5),
			Steps: []Step{{Xs: []int64{1, 2, 3, 4}, Dos: []string{"ok", "bad", "ok", "bad"}}}},
		{Name: "whole_map_fails", Doc: "With a ratio of nothing all may fail.", Workflow: mapped("whole_map_fails", 0),
			Steps: []Step{{Xs: []int64{1, 2}, Dos: []string{"bad", "bad"}}}},
		{Name: "map_fails", Doc: "One more fails than may.", Workflow: mapped("map_fails", 1),
			Steps: []Step{{Xs: []int64{1}, Dos: []string{"bad"}}}},
		{Name: "elements_retry", Doc: "Elements have retries of their own.", Workflow: mapped("elements_retry", 1),
			Steps: []Step{{Xs: []int64{1, 2, 3}, Dos: []string{"ok", "busy:2", "killed:1"}}}},
		{Name: "zero_elements", Doc: "A map over nothing gives nothing.", Workflow: mapped("zero_elements", 1), Steps: []Step{{}}},
	}
}
