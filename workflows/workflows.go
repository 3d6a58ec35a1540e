// Package workflows wires the stages' contracts into graphs. It holds no
// logic: an edge joins two fields of the same type, and the compiler checks it.
package workflows

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// LaunchIn is what people give at launch; the names are fixed.
type LaunchIn struct {
	ConfigYAML  string  `flyte:"config_yaml" doc:"path or URI of the configuration file, or the YAML itself"`
	TileIDs     []int64 `flyte:"tile_ids" doc:"MER tiles to process; empty: as configured"`
	StorageBase string  `flyte:"storage_base_uri" doc:"where products go; empty: as configured"`
	Grid        []int64 `flyte:"sub_tile_grid" doc:"rows and columns of sub-tiles in a tile; empty: as configured"`
	RunID       string  `flyte:"run_id" doc:"name of the run in product paths; empty: the execution's name"`
}

// Settings are what a specification fixes: how much may run at once.
type Settings struct {
	QuadrantConcurrency int // map elements that read headers at once
}

// DefaultSettings are those of an empty configuration file.
func DefaultSettings() Settings { return Settings{QuadrantConcurrency: 50} }

// prepared is the nodes that both pipelines begin with.
type prepared struct {
	resolve *spec.Node[pipeline.ResolveConfigIn, pipeline.ResolveConfigOut]
	merge   *spec.Node[pipeline.MergeFootprintsIn, pipeline.MergeFootprintsOut]
	fan     *spec.Node[pipeline.FanOutTilesIn, pipeline.FanOutTilesOut]
}

// prepare wires configuration, indexing and the fan-out over tiles. The fan-out
// has the same branches in every workflow, since it is one task with one template.
func prepare[Out any](w *spec.Workflow[LaunchIn, Out], s Settings, assembles bool) prepared {
	resolve := spec.Add(w, pipeline.ResolveConfig)
	spec.Connect(w, &resolve.In.ConfigYAML, &w.In.ConfigYAML)
	spec.Connect(w, &resolve.In.TileIDs, &w.In.TileIDs)
	spec.Connect(w, &resolve.In.StorageBase, &w.In.StorageBase)
	spec.Connect(w, &resolve.In.Grid, &w.In.Grid)
	spec.Connect(w, &resolve.In.RunID, &w.In.RunID)
	spec.Const(w, &resolve.In.Assembles, assembles)
	spec.Default(w, &w.In.TileIDs, []int64{})
	spec.Default(w, &w.In.StorageBase, "")
	spec.Default(w, &w.In.Grid, []int64{})
	spec.Default(w, &w.In.RunID, "")

	index := spec.Add(w, pipeline.IndexObservations)
	spec.Connect(w, &index.In.Source, &resolve.Out.Source)
	spec.Connect(w, &index.In.Tiling, &resolve.Out.Tiling)
	spec.Connect(w, &index.In.TileIDs, &resolve.Out.TileIDs)
	spec.Connect(w, &index.In.Region, &resolve.Out.Region)
	spec.Connect(w, &index.In.FilesPerTask, &resolve.Out.FilesPerTask)

	// A file that can't be read leaves a hole that merge-footprints names and weighs.
	read := spec.Map(w, pipeline.ReadFootprints, spec.Concurrency(s.QuadrantConcurrency), spec.MinSuccess(0))
	spec.Connect(w, &read.In.Source, &resolve.Out.Source)
	spec.Connect(w, &read.In.Observations, &index.Out.Observations)
	spec.Each(w, &read.In.Batch, &index.Out.Batches)

	merge := spec.Add(w, pipeline.MergeFootprints)
	spec.Connect(w, &merge.In.Observations, &index.Out.Observations)
	spec.GatherSome(w, &merge.In.Footprints, &read.Out.Footprints)
	spec.GatherSome(w, &merge.In.Unreadable, &read.Out.Unreadable)
	spec.Connect(w, &merge.In.MaxMissing, &resolve.Out.MaxMissing)

	fan := spec.Fan(w, pipeline.FanOutTiles,
		spec.Branch(pipeline.BranchGPU, inferTile("process_tile")),
		spec.Branch(pipeline.BranchCPU, inferTile("process_tile_cpu", spec.Variant(pipeline.VariantCPU))),
		spec.Branch(pipeline.BranchPrepare, prepareTile()))
	spec.Connect(w, &fan.In.TileIDs, &index.Out.TileIDs)
	spec.Connect(w, &fan.In.Source, &resolve.Out.Source)
	spec.Connect(w, &fan.In.Tiling, &resolve.Out.Tiling)
	spec.Connect(w, &fan.In.Destination, &resolve.Out.Destination)
	spec.Connect(w, &fan.In.Inference, &resolve.Out.Inference)
	spec.Connect(w, &fan.In.Observations, &index.Out.Observations)
	spec.Connect(w, &fan.In.Tiles, &index.Out.Tiles)
	spec.Connect(w, &fan.In.Index, &merge.Out.Index)
	return prepared{resolve, merge, fan}
}

// PreparationOut is what data preparation leaves.
type PreparationOut struct {
	Prepared  []literal.Blob    `flyte:"prepared,format=json" doc:"per tile: its sub-tile directories and what is in them"`
	Manifests [][]*literal.Blob `flyte:"manifests" doc:"per tile and sub-tile: the manifest"`
	Missing   []string          `flyte:"missing" doc:"DET files of exposures that could not be read"`
}

// DataPreparation ends with self-contained sub-tile directories.
func DataPreparation(s Settings) *spec.Workflow[LaunchIn, PreparationOut] {
	w := spec.New[LaunchIn, PreparationOut]("data_preparation_pipeline", "From raw Euclid VIS exposures to one self-contained directory per sub-tile.")
	p := prepare(w, s, false)
	spec.Const(w, &p.fan.In.Branch, pipeline.BranchPrepare)
	spec.Connect(w, &w.Out.Prepared, &p.fan.Out.Prepared)
	spec.Connect(w, &w.Out.Manifests, &p.fan.Out.Outcomes)
	spec.Connect(w, &w.Out.Missing, &p.merge.Out.Missing)
	return w
}

// ShearOut is what the whole pipeline leaves.
type ShearOut struct {
	Run      literal.Blob `flyte:"run,format=json" doc:"where each tile's and sub-tile's products lie, and how each ended"`
	Report   literal.Blob `flyte:"report,format=json" doc:"the validation's figures and verdict"`
	Snapshot int64        `flyte:"snapshot" doc:"snapshot id of the shear table"`
	Missing  []string     `flyte:"missing" doc:"DET files of exposures that could not be read"`
}

// Shear is the whole: a tile goes on to inference as soon as it is prepared.
func Shear(s Settings) *spec.Workflow[LaunchIn, ShearOut] {
	w := spec.New[LaunchIn, ShearOut]("shear_pipeline", "From raw Euclid VIS exposures to a validated shear catalogue.")
	p := prepare(w, s, true)
	spec.Connect(w, &p.fan.In.Branch, &p.resolve.Out.Compute)

	assemble := spec.Add(w, pipeline.AssembleCatalog)
	spec.Connect(w, &assemble.In.Prepared, &p.fan.Out.Prepared)
	spec.Connect(w, &assemble.In.Outcomes, &p.fan.Out.Outcomes)
	spec.Connect(w, &assemble.In.Destination, &p.resolve.Out.Destination)
	spec.Connect(w, &assemble.In.Catalog, &p.resolve.Out.Catalog)
	spec.Connect(w, &assemble.In.RunID, &p.resolve.Out.RunID)

	validate := spec.Add(w, pipeline.ValidateCatalog)
	spec.Connect(w, &validate.In.Run, &assemble.Out.Run)
	spec.Connect(w, &validate.In.Destination, &p.resolve.Out.Destination)
	spec.Connect(w, &validate.In.Catalog, &p.resolve.Out.Catalog)
	spec.Connect(w, &validate.In.Thresholds, &p.resolve.Out.Thresholds)
	spec.Connect(w, &validate.In.Retention, &p.resolve.Out.Retention)

	spec.Connect(w, &w.Out.Run, &assemble.Out.Run)
	spec.Connect(w, &w.Out.Report, &validate.Out.Report)
	spec.Connect(w, &w.Out.Snapshot, &assemble.Out.Snapshot)
	spec.Connect(w, &w.Out.Missing, &p.merge.Out.Missing)
	return w
}
