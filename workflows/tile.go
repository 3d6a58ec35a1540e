package workflows

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

type tileWorkflow = spec.Workflow[pipeline.TileIn, pipeline.TileOut]

// addPrepare wires the stage that every tile begins with.
func addPrepare(w *tileWorkflow) *spec.Node[pipeline.PrepareTileIn, pipeline.PrepareTileOut] {
	n := spec.Add(w, pipeline.PrepareTile)
	spec.ConnectAll(w, &n.In, &w.In.PrepareTileIn)
	spec.Connect(w, &w.Out.Prepared, &n.Out.Prepared)
	return n
}

// prepareTile is a tile's way through data preparation alone.
func prepareTile() *tileWorkflow {
	w := spec.New[pipeline.TileIn, pipeline.TileOut]("prepare_one_tile", "Prepares one tile.", spec.FinishOthers())
	addPrepare(w)
	spec.Const(w, &w.Out.Outcomes, []*literal.Blob{})
	return w
}

// inferTile is a tile's way through preparation and inference. A sub-tile that
// fails leaves a hole that assembly records; its siblings go on.
func inferTile(name string, options ...spec.Option) *tileWorkflow {
	w := spec.New[pipeline.TileIn, pipeline.TileOut](name, "Prepares one tile and infers shear on its sub-tiles.", spec.FinishOthers())
	n := addPrepare(w)
	schedule := spec.Add(w, pipeline.ScheduleTile)
	spec.Connect(w, &schedule.In.Prepared, &n.Out.Prepared)
	spec.Connect(w, &schedule.In.GPU, &w.In.GPU)
	infer := spec.Map(w, pipeline.InferSubtile, append(options, spec.MinSuccess(0))...)
	spec.Connect(w, &infer.In.Prepared, &n.Out.Prepared)
	spec.Connect(w, &infer.In.Inference, &w.In.Inference)
	spec.Connect(w, &infer.In.InferenceKey, &w.In.InferenceKey)
	spec.Connect(w, &infer.In.Limits, &w.In.Limits)
	spec.Connect(w, &infer.In.Destination, &w.In.Destination)
	spec.Each(w, &infer.In.SubTile, &schedule.Out.SubTiles)
	spec.GatherSome(w, &w.Out.Outcomes, &infer.Out.Outcome)
	return w
}
