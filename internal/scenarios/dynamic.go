package scenarios

import (
	"github.com/cosmostat/constellation/internal/scenarios/stages"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

type list struct {
	Y []int64 `flyte:"y"`
}

// tile is split in two pieces of work, and adds up.
func tile() *spec.Workflow[stages.TileIn, value] {
	w := spec.New[stages.TileIn, value]("scenario_tile", "A tile: two pieces of work and their sum.")
	split := spec.Add(w, stages.Split, spec.ID("split"))
	spec.Connect(w, &split.In.X, &w.In.X)
	spec.Connect(w, &split.In.Do, &w.In.Do)
	m := spec.Map(w, stages.Work, spec.ID("m"), spec.Concurrency(1))
	spec.Each(w, &m.In.Do, &split.Out.Dos)
	spec.Each(w, &m.In.X, &split.Out.Xs)
	spec.Connect(w, &m.In.Place, &w.In.Place)
	s := spec.Add(w, stages.Sum, spec.ID("sum"))
	spec.GatherSome(w, &s.In.Xs, &m.Out.Y)
	spec.Connect(w, &w.Out.Y, &s.Out.Y)
	return w
}

// fanned sends the inputs' tiles through a dynamic task.
func fanned(name string) *spec.Workflow[In, list] {
	w := spec.New[In, list](name, "A dynamic task over tiles.")
	f := spec.Fan(w, stages.Fan, spec.ID("fan"), spec.Branch("tile", tile()))
	spec.Connect(w, &f.In.Xs, &w.In.Xs)
	spec.Connect(w, &f.In.Dos, &w.In.Dos)
	spec.Connect(w, &f.In.Place, &w.In.Place)
	spec.Const(w, &f.In.Branch, "tile")
	spec.Connect(w, &w.Out.Y, &f.Out.Y)
	return w
}

// batch fans out its tiles and adds up.
func batch() *spec.Workflow[stages.FanIn, stages.BatchOut] {
	w := spec.New[stages.FanIn, stages.BatchOut]("scenario_batch", "A batch of tiles.")
	f := spec.Fan(w, stages.Fan, spec.ID("fan"), spec.Branch("tile", tile()))
	spec.Connect(w, &f.In.Xs, &w.In.Xs)
	spec.Connect(w, &f.In.Dos, &w.In.Dos)
	spec.Connect(w, &f.In.Place, &w.In.Place)
	spec.Const(w, &f.In.Branch, "tile")
	s := spec.Add(w, stages.Sum, spec.ID("sum"))
	spec.Widen(w, &s.In.Xs, &f.Out.Y)
	spec.Connect(w, &w.Out.Total, &s.Out.Y)
	return w
}

// batches multiplies a batch, inside the execution or by its launch plan.
func batches(name, branch string) *spec.Workflow[In, stages.BatchesOut] {
	w := spec.New[In, stages.BatchesOut](name, "A dynamic task over batches of tiles.")
	b := spec.Fan(w, stages.Batches, spec.ID("batches"),
		spec.Branch("nested", batch()), spec.PlanBranch("launched", batch()))
	spec.Connect(w, &b.In.Xs, &w.In.Xs)
	spec.Connect(w, &b.In.Dos, &w.In.Dos)
	spec.Connect(w, &b.In.Place, &w.In.Place)
	spec.Const(w, &b.In.Size, 2)
	spec.Const(w, &b.In.Branch, branch)
	spec.Connect(w, &w.Out.Total, &b.Out.Total)
	return w
}

func dynamics() []Scenario {
	children := []Builder{batch()}
	five := []int64{1, 2, 3, 4, 5}
	return []Scenario{
		{Name: "dynamic", Doc: "A dynamic task multiplies a workflow with a map.", Workflow: fanned("dynamic"),
			Steps: []Step{{Xs: []int64{1, 5}}}},
		{Name: "zero_tiles", Doc: "A dynamic task without nodes writes its outputs.", Workflow: fanned("zero_tiles"), Steps: []Step{{}}},
		{Name: "tile_fails", Doc: "A failure inside a dynamic task fails it, without retry.", Workflow: fanned("tile_fails"),
			Steps: []Step{{Xs: []int64{1}, Dos: []string{"bad"}}}},
		{Name: "tiles_and_error", Doc: "error.pb beside futures.pb counts when all is done.", Workflow: fanned("tiles_and_error"),
			Steps:  []Step{{Xs: []int64{1}, Dos: []string{"error"}}},
			Except: map[string]string{"step 0: node fan: code": "the real engine tells the execution's error, and none of the node's"}},
		{Name: "nested", Doc: "A dynamic task inside a dynamic task.", Workflow: batches("nested", "nested"), Children: children,
			Steps: []Step{{Xs: five}}},
		{Name: "batches", Doc: "Batches of tiles are executions of their own.", Workflow: batches("batches", "launched"), Children: children,
			Steps: []Step{{Xs: five}}},
		{Name: "batch_fails", Doc: "A child execution fails.", Workflow: batches("batch_fails", "launched"), Children: children,
			Steps: []Step{{Xs: []int64{1}, Dos: []string{"bad"}}}},
	}
}
