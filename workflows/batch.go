package workflows

import (
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

type batchWorkflow = spec.Workflow[pipeline.BatchIn, pipeline.BatchOut]

// addFan wires the fan-out over a batch's tiles. It has the same branches in
// every workflow, since it is one task with one template.
func addFan(w *batchWorkflow) *spec.Node[pipeline.FanOutTilesIn, pipeline.FanOutTilesOut] {
	fan := spec.Fan(w, pipeline.FanOutTiles,
		spec.Branch(pipeline.BranchGPU, inferTile("process_tile")),
		spec.Branch(pipeline.BranchCPU, inferTile("process_tile_cpu", spec.Variant(pipeline.VariantCPU))),
		spec.Branch(pipeline.BranchPrepare, prepareTile()))
	spec.ConnectAll(w, &fan.In, &w.In.FanOutTilesIn)
	return fan
}

// ShearBatch takes a batch of tiles to committed rows. It is a part of
// shear_pipeline, or an execution of its own where there are many tiles.
func ShearBatch() *batchWorkflow {
	w := spec.New[pipeline.BatchIn, pipeline.BatchOut]("shear_batch", "Prepares and infers a batch of tiles, and commits their results.", spec.FinishOthers())
	fan := addFan(w)
	assemble := spec.Add(w, pipeline.AssembleCatalog)
	spec.Connect(w, &assemble.In.Part, &w.In.Part)
	spec.Connect(w, &assemble.In.Prepared, &fan.Out.Prepared)
	spec.Connect(w, &assemble.In.Outcomes, &fan.Out.Outcomes)
	spec.Connect(w, &assemble.In.Destination, &w.In.Destination)
	spec.Connect(w, &assemble.In.GPU, &w.In.GPU)
	spec.Connect(w, &assemble.In.Inference, &w.In.Inference)
	spec.ConnectAll(w, &assemble.In.CommitSettings, &w.In.CommitSettings)
	spec.Connect(w, &w.Out.Part, &assemble.Out.Part)
	return w
}

// PreparationBatch takes a batch of tiles to their sub-tile directories.
func PreparationBatch() *batchWorkflow {
	w := spec.New[pipeline.BatchIn, pipeline.BatchOut]("preparation_batch", "Prepares a batch of tiles.", spec.FinishOthers())
	fan := addFan(w)
	record := spec.Add(w, pipeline.RecordTiles)
	spec.Connect(w, &record.In.Part, &w.In.Part)
	spec.Connect(w, &record.In.Prepared, &fan.Out.Prepared)
	spec.Connect(w, &record.In.Destination, &w.In.Destination)
	spec.Connect(w, &w.Out.Part, &record.Out.Part)
	return w
}
