package scenarios

import (
	"github.com/cosmostat/constellation/internal/scenarios/stages"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// kept is one piece of cached work, and one that uses it.
func kept(name, do string) flow {
	w := spec.New[In, value](name, "Cached work: "+do+".")
	k := spec.Add(w, stages.Keep, spec.ID("keep"))
	spec.Const(w, &k.In.Do, do)
	spec.Const(w, &k.In.X, 1)
	spec.Connect(w, &k.In.Place, &w.In.Place)
	spec.Connect(w, &k.In.Salt, &w.In.Salt)
	spec.Connect(w, &k.In.Note, &w.In.Note)
	n := spec.Add(w, stages.Work, spec.ID("work"))
	spec.Const(w, &n.In.Do, "ok")
	spec.Connect(w, &n.In.X, &k.Out.Y)
	spec.Connect(w, &n.In.Place, &w.In.Place)
	spec.Connect(w, &w.Out.Y, &n.Out.Y)
	return w
}

// keptMap maps cached work over the inputs.
func keptMap(name string, ratio float64) flow {
	w := spec.New[In, value](name, "Cached elements.")
	m := spec.Map(w, stages.Keep, spec.ID("m"), spec.MinSuccess(ratio), spec.Concurrency(1))
	spec.Each(w, &m.In.Do, &w.In.Dos)
	spec.Each(w, &m.In.X, &w.In.Xs)
	spec.Connect(w, &m.In.Place, &w.In.Place)
	spec.Connect(w, &m.In.Salt, &w.In.Salt)
	spec.Connect(w, &m.In.Note, &w.In.Note)
	s := spec.Add(w, stages.Sum, spec.ID("sum"))
	spec.GatherSome(w, &s.In.Xs, &m.Out.Y)
	spec.Connect(w, &w.Out.Y, &s.Out.Y)
	return w
}

// keptFan caches what a dynamic task gave.
func keptFan() *spec.Workflow[In, list] {
	w := spec.New[In, list]("cache_dynamic", "A cached dynamic task.")
	f := spec.Fan(w, stages.KeepFan, spec.ID("fan"), spec.Branch("tile", tile()))
	spec.Connect(w, &f.In.Xs, &w.In.Xs)
	spec.Connect(w, &f.In.Place, &w.In.Place)
	spec.Connect(w, &f.In.Salt, &w.In.Salt)
	spec.Connect(w, &w.Out.Y, &f.Out.Y)
	return w
}

// keptFile is cached work that leaves a file, and work that reads it.
func keptFile() flow {
	w := spec.New[In, value]("cache_file_gone", "A file that is cached.")
	k := spec.Add(w, stages.Write, spec.ID("write"))
	spec.Connect(w, &k.In.Place, &w.In.Place)
	spec.Connect(w, &k.In.Salt, &w.In.Salt)
	n := spec.Add(w, stages.Read, spec.ID("read"))
	spec.Connect(w, &n.In.File, &k.Out.File)
	spec.Connect(w, &w.Out.Y, &n.Out.Y)
	return w
}

func caches() []Scenario {
	ok := []string{"ok", "ok", "ok"}
	return []Scenario{
		{Name: "cache_hit", Doc: "The same inputs are not worked on twice.", Workflow: kept("cache_hit", "ok"), Steps: []Step{{}, {}}},
		{Name: "cache_ignored", Doc: "An input that plays no part in the key may change.", Workflow: kept("cache_ignored", "ok"),
			Steps: []Step{{Note: "one"}, {Note: "two"}}},
		{Name: "cache_failure", Doc: "A failure is not kept.", Workflow: kept("cache_failure", "switch:cache"),
			Steps: []Step{{}, {Switches: []string{"cache"}}, {}}},
		{Name: "cache_overwrite", Doc: "On request work is done again, and kept.", Workflow: kept("cache_overwrite", "ok"),
			Steps: []Step{{}, {Overwrite: true}, {}}},
		{Name: "cache_retry", Doc: "What an attempt after a failed one gave is kept.", Workflow: kept("cache_retry", "killed:1"),
			Steps: []Step{{}, {}}},
		{Name: "cache_dynamic", Doc: "What a dynamic task gave is kept, and its nodes with it.", Workflow: keptFan(),
			Steps: []Step{{Xs: []int64{1}}, {Xs: []int64{1}}}},
		{Name: "cache_file_gone", Doc: "The engine passes on a file that is not there any more.", Workflow: keptFile(),
			Steps: []Step{{}, {Remove: []string{"file"}}, {Overwrite: true}}},
		{Name: "cache_elements", Doc: "Elements are kept one by one, wherever they stand.", Workflow: keptMap("cache_elements", 1),
			Steps: []Step{{Xs: []int64{1, 2, 3}, Dos: ok}, {Xs: []int64{2, 9, 1}, Dos: ok}}},
		{Name: "cache_failed_elements", Doc: "Elements that failed are worked on again.", Workflow: keptMap("cache_failed_elements", 0),
			Steps: []Step{{Xs: []int64{1, 2}, Dos: []string{"ok", "switch:elements"}},
				{Xs: []int64{1, 2}, Dos: []string{"ok", "switch:elements"}, Switches: []string{"elements"}}}},
	}
}

// recoveries go on where an execution failed.
func recoveries() []Scenario {
	line := func() flow {
		w := spec.New[In, value]("recover", "Work, and work that needs a switch.")
		a := work(w, w, "a", "ok")
		b := spec.Add(w, stages.Work, spec.ID("b"))
		spec.Const(w, &b.In.Do, "switch:recover")
		spec.Connect(w, &b.In.X, &a.Out.Y)
		spec.Connect(w, &b.In.Place, &w.In.Place)
		spec.Connect(w, &w.Out.Y, &b.Out.Y)
		return w
	}
	const resumed = "resuming keeps the elements of an array that succeeded; the real engine starts a failed array anew"
	const whole = "resuming goes on inside a child execution; the real engine launches another, which starts anew"
	except := func(reason string, fields ...string) map[string]string {
		m := map[string]string{}
		for _, f := range fields {
			m["step 1: "+f] = reason
		}
		return m
	}
	return []Scenario{
		{Name: "recover", Doc: "What succeeded is not worked on again.", Workflow: line(),
			Steps: []Step{{}, {Recover: true, Switches: []string{"recover"}}}},
		{Name: "recover_map", Doc: "An array that failed.", Workflow: mapped("recover_map", 1),
			Steps:  []Step{{Xs: []int64{1, 2}, Dos: []string{"ok", "switch:map"}}, {Recover: true, Switches: []string{"map"}}},
			Except: except(resumed, "node m[0]: phase", "node m[0]: attempts", "pods")},
		{Name: "recover_cached_map", Doc: "An array of cached elements that failed.", Workflow: keptMap("recover_cached_map", 1),
			Steps:  []Step{{Xs: []int64{1, 2}, Dos: []string{"ok", "switch:cached-map"}}, {Recover: true, Switches: []string{"cached-map"}}},
			Except: except(resumed, "node m[0]: phase", "node m[0]: cache")},
		{Name: "recover_dynamic", Doc: "A dynamic task of which one tile failed.", Workflow: fanned("recover_dynamic"),
			Steps:  []Step{{Xs: []int64{1}, Dos: []string{"switch:dynamic"}}, {Recover: true, Switches: []string{"dynamic"}}},
			Except: except(resumed, "node fan/n0/m[0]: phase", "node fan/n0/m[0]: attempts", "pods")},
		{Name: "recover_batches", Doc: "A child execution of which one tile failed.", Workflow: batches("recover_batches", "launched"),
			Children: []Builder{batch()},
			Steps:    []Step{{Xs: []int64{1}, Dos: []string{"switch:batch"}}, {Recover: true, Switches: []string{"batch"}}},
			Except: except(whole, "node batches/n0/fan: attempts", "node batches/n0/fan/n0/split: phase", "node batches/n0/fan/n0/split: attempts",
				"node batches/n0/fan/n0/m[0]: phase", "node batches/n0/fan/n0/m[0]: attempts", "pods")},
	}
}

// rogues do what a task must not do.
func rogues() []Scenario {
	used := func(name, do string) flow { // y goes on to another node
		w := spec.New[In, value](name, "One piece of work, wrongly: "+do+".")
		n := work(w, w, "work", do)
		s := spec.Add(w, stages.Work, spec.ID("after"))
		spec.Const(w, &s.In.Do, "ok")
		spec.Connect(w, &s.In.X, &n.Out.Y)
		spec.Connect(w, &s.In.Place, &w.In.Place)
		spec.Connect(w, &w.Out.Y, &s.Out.Y)
		return w
	}
	plain := []Step{{}}
	return []Scenario{
		{Name: "no_outputs", Doc: "Exit 0 without outputs.pb.", Workflow: one("no_outputs", "silent"), Steps: plain},
		{Name: "output_missing", Doc: "outputs.pb lacks a variable.", Workflow: used("output_missing", "partial"), Steps: plain},
		{Name: "output_mistyped", Doc: "outputs.pb has a value of another type.", Workflow: used("output_mistyped", "mistyped"), Steps: plain},
		{Name: "error_and_exit", Doc: "error.pb, and an exit code.", Workflow: one("error_and_exit", "error-exit"), Steps: plain},
		{Name: "error_and_futures", Doc: "error.pb and futures.pb.", Workflow: one("error_and_futures", "error-futures"), Steps: plain},
		{Name: "futures_without_nodes", Doc: "futures.pb asks for nothing.", Workflow: one("futures_without_nodes", "no-nodes"), Steps: plain},
		{Name: "element_without_outputs", Doc: "An element of a map writes nothing.", Workflow: mapped("element_without_outputs", 0.5),
			Steps: []Step{{Xs: []int64{1, 2}, Dos: []string{"ok", "silent"}}}},
	}
}
