// Package workflows wires the stages' contracts into graphs. It holds no
// logic: an edge joins two fields of the same type, and the compiler checks it.
package workflows

import (
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// LaunchIn is what people give at launch; the names are fixed.
type LaunchIn struct {
	ConfigYAML  string  `flyte:"config_yaml" doc:"URI or path of the configuration file, or the YAML itself, with its line breaks or in braces on one line"`
	TileIDs     []int64 `flyte:"tile_ids" doc:"MER tiles to process; empty: as configured"`
	StorageBase string  `flyte:"storage_base_uri" doc:"where products go; empty or -: as configured"`
	Grid        []int64 `flyte:"sub_tile_grid" doc:"rows and columns of sub-tiles in a tile; empty: as configured"`
	RunID       string  `flyte:"run_id" doc:"name of the run in product paths; empty or -: the execution's name. A relaunch with the same name goes on in the same directory"`
}

// Settings are what a specification fixes.
type Settings struct {
	QuadrantConcurrency int // map elements that read headers at once
	// ConfigYAML is what launches take unless they are given another; empty: each
	// has to be given one. Schedules need it, since they have nobody to ask.
	ConfigYAML string
}

// configured gives the workflow's own plan a configuration.
func configured[Out any](w *spec.Workflow[LaunchIn, Out], name string, s Settings) {
	if s.ConfigYAML != "" {
		spec.AddPlan(w, name, spec.PlanSettings{}, spec.Preset(&w.In.ConfigYAML, s.ConfigYAML))
	}
}

// DefaultSettings are those of an empty configuration file.
func DefaultSettings() Settings { return Settings{QuadrantConcurrency: 50} }

// indexed is the nodes that every pipeline begins with.
type indexed struct {
	resolve *spec.Node[pipeline.ResolveConfigIn, pipeline.ResolveConfigOut]
	index   *spec.Node[pipeline.IndexObservationsIn, pipeline.IndexObservationsOut]
	merge   *spec.Node[pipeline.MergeFootprintsIn, pipeline.MergeFootprintsOut]
	check   *spec.Node[pipeline.CheckCatalogIn, pipeline.CheckCatalogOut] // nil where nothing is assembled
}

// index wires configuration, listing and the quadrant index.
func index[Out any](w *spec.Workflow[LaunchIn, Out], s Settings, assembles bool) indexed {
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

	list := spec.Add(w, pipeline.IndexObservations)
	spec.Connect(w, &list.In.Source, &resolve.Out.Source)
	spec.Connect(w, &list.In.Tiling, &resolve.Out.Tiling)
	spec.Connect(w, &list.In.TileIDs, &resolve.Out.TileIDs)
	spec.Connect(w, &list.In.Region, &resolve.Out.Region)
	spec.Connect(w, &list.In.FilesPerTask, &resolve.Out.FilesPerTask)
	spec.Connect(w, &list.In.Destination, &resolve.Out.Destination)

	// A file that can't be read leaves a hole that merge-footprints names and weighs.
	read := spec.Map(w, pipeline.ReadFootprints, spec.Concurrency(s.QuadrantConcurrency), spec.MinSuccess(0))
	// What can't end in the catalogue isn't begun. It is looked at while files are listed.
	var check *spec.Node[pipeline.CheckCatalogIn, pipeline.CheckCatalogOut]
	if assembles {
		check = spec.Add(w, pipeline.CheckCatalog)
		spec.Connect(w, &check.In.Catalog, &resolve.Out.Catalog)
		spec.After(w, read, check)
	}
	spec.Connect(w, &read.In.Source, &resolve.Out.Source)
	spec.Connect(w, &read.In.Destination, &resolve.Out.Destination)
	spec.Connect(w, &read.In.Access, &resolve.Out.Access)
	spec.Connect(w, &read.In.Plan, &list.Out.Plan)
	spec.Each(w, &read.In.Batch, &list.Out.Batches)

	merge := spec.Add(w, pipeline.MergeFootprints)
	spec.Connect(w, &merge.In.Plan, &list.Out.Plan)
	spec.GatherSome(w, &merge.In.Footprints, &read.Out.Footprints)
	spec.GatherSome(w, &merge.In.Unreadable, &read.Out.Unreadable)
	spec.Connect(w, &merge.In.MaxMissing, &resolve.Out.MaxMissing)
	spec.Connect(w, &merge.In.Destination, &resolve.Out.Destination)
	return indexed{resolve, list, merge, check}
}

// fanOut sends the tiles in batches through what is left to do, and writes the run's record.
func fanOut[Out any](w *spec.Workflow[LaunchIn, Out], x indexed, kind string) (*spec.Node[pipeline.FanOutBatchesIn, pipeline.FanOutBatchesOut], *spec.Node[pipeline.RecordRunIn, pipeline.RecordRunOut]) {
	shear, preparation := ShearBatch(), PreparationBatch()
	fan := spec.Fan(w, pipeline.FanOutBatches,
		spec.Branch(pipeline.BatchShear, shear), spec.PlanBranch(pipeline.BatchShearByExecution, shear),
		spec.Branch(pipeline.BatchPrepare, preparation), spec.PlanBranch(pipeline.BatchPrepareByExecution, preparation))
	spec.Const(w, &fan.In.Kind, kind)
	spec.Connect(w, &fan.In.MaxTiles, &x.resolve.Out.MaxTiles)
	spec.ConnectAll(w, &fan.In.TileSettings, &x.resolve.Out.TileSettings)
	spec.Connect(w, &fan.In.Catalog, &x.resolve.Out.Catalog)
	spec.Connect(w, &fan.In.Release, &x.index.Out.Release)
	spec.Connect(w, &fan.In.Plan, &x.index.Out.Plan)
	spec.Connect(w, &fan.In.Tiles, &x.index.Out.Tiles)
	spec.Connect(w, &fan.In.Index, &x.merge.Out.Index)

	record := spec.Add(w, pipeline.RecordRun)
	spec.Const(w, &record.In.Judges, kind == pipeline.BatchPrepare)
	spec.Connect(w, &record.In.Thresholds, &x.resolve.Out.Thresholds)
	spec.Connect(w, &record.In.Parts, &fan.Out.Part)
	spec.Connect(w, &record.In.Destination, &x.resolve.Out.Destination)
	spec.Connect(w, &record.In.Release, &x.index.Out.Release)
	spec.Connect(w, &record.In.Missing, &x.merge.Out.Reasons)
	spec.Connect(w, &record.In.LeftOut, &x.index.Out.LeftOut)
	spec.Connect(w, &record.In.Notes, &x.index.Out.Notes)
	return fan, record
}

// PreparationOut is what data preparation leaves.
type PreparationOut struct {
	Run     literal.Blob `flyte:"run,format=json" doc:"where each tile's and sub-tile's directory lies, and how each ended"`
	Missing []string     `flyte:"missing" doc:"DET files of exposures that could not be read"`
	LeftOut []string     `flyte:"left_out" doc:"tiles that can't be placed on the sky, and why"`
}

// DataPreparation ends with self-contained sub-tile directories.
func DataPreparation(s Settings) *spec.Workflow[LaunchIn, PreparationOut] {
	w := spec.New[LaunchIn, PreparationOut]("data_preparation_pipeline", "From raw Euclid VIS exposures to one self-contained directory per sub-tile.", spec.FinishOthers())
	x := index(w, s, false)
	fan, record := fanOut(w, x, pipeline.BatchPrepare)
	spec.Connect(w, &fan.In.TileIDs, &x.index.Out.TileIDs)
	spec.Const(w, &fan.In.Branch, pipeline.BranchPrepare)
	spec.Const(w, &fan.In.Leases, pipeline.None)
	spec.Connect(w, &w.Out.Run, &record.Out.Run)
	spec.Connect(w, &w.Out.Missing, &x.merge.Out.Missing)
	spec.Connect(w, &w.Out.LeftOut, &x.index.Out.LeftOut)
	configured(w, "data_preparation_pipeline", s)
	return w
}

// ShearOut is what the whole pipeline leaves.
type ShearOut struct {
	Run      literal.Blob `flyte:"run,format=json" doc:"where each tile's and sub-tile's products lie, and how each ended"`
	Report   literal.Blob `flyte:"report,format=json" doc:"the validation's figures and verdict"`
	Snapshot int64        `flyte:"snapshot" doc:"snapshot id of the shear table"`
	Missing  []string     `flyte:"missing" doc:"DET files of exposures that could not be read"`
	LeftOut  []string     `flyte:"left_out" doc:"tiles that can't be placed on the sky, and why"`
}

// Shear is the whole: a tile goes on to inference as soon as it is prepared,
// and a batch of tiles to the catalogue as soon as it is measured.
func Shear(s Settings) *spec.Workflow[LaunchIn, ShearOut] {
	w := spec.New[LaunchIn, ShearOut]("shear_pipeline", "From raw Euclid VIS exposures to a validated shear catalogue.", spec.FinishOthers())
	x := index(w, s, true)
	fan, record := fanOut(w, x, pipeline.BatchShear)
	spec.Connect(w, &fan.In.TileIDs, &x.index.Out.TileIDs)
	spec.Connect(w, &fan.In.Branch, &x.resolve.Out.Compute)
	spec.Const(w, &fan.In.Leases, pipeline.None)
	validate(w, x, record)
	spec.Connect(w, &w.Out.Missing, &x.merge.Out.Missing)
	spec.Connect(w, &w.Out.LeftOut, &x.index.Out.LeftOut)
	configured(w, "shear_pipeline", s)
	return w
}

// validate reads back what a run committed, and ends the workflow.
func validate(w *spec.Workflow[LaunchIn, ShearOut], x indexed, record *spec.Node[pipeline.RecordRunIn, pipeline.RecordRunOut]) {
	n := spec.Add(w, pipeline.ValidateCatalog)
	spec.Connect(w, &n.In.Run, &record.Out.Run)
	spec.Connect(w, &n.In.Destination, &x.resolve.Out.Destination)
	spec.Connect(w, &n.In.Catalog, &x.resolve.Out.Catalog)
	spec.Connect(w, &n.In.Thresholds, &x.resolve.Out.Thresholds)
	spec.Connect(w, &n.In.Retention, &x.resolve.Out.Retention)
	spec.Connect(w, &w.Out.Run, &record.Out.Run)
	spec.Connect(w, &w.Out.Report, &n.Out.Report)
	spec.Connect(w, &w.Out.Snapshot, &n.Out.Snapshot)
}

// Campaign works a survey off: each execution takes the next tiles that the
// catalogue lacks, and leases them, so that executions may overlap or die.
// Its plans run on demand or by a schedule.
func Campaign(s Settings) *spec.Workflow[LaunchIn, ShearOut] {
	w := spec.New[LaunchIn, ShearOut]("survey_campaign", "The next tiles of a survey that the catalogue lacks, from raw exposures to validated rows.", spec.FinishOthers())
	x := index(w, s, true)
	choose := spec.Add(w, pipeline.SelectTiles)
	spec.After(w, choose, x.check)
	spec.Connect(w, &choose.In.Tiles, &x.index.Out.Tiles)
	spec.Connect(w, &choose.In.Tiling, &x.resolve.Out.Tiling)
	spec.Connect(w, &choose.In.Catalog, &x.resolve.Out.Catalog)
	spec.Connect(w, &choose.In.Destination, &x.resolve.Out.Destination)
	spec.Connect(w, &choose.In.Campaign, &x.resolve.Out.Campaign)
	fan, record := fanOut(w, x, pipeline.BatchShear)
	spec.Connect(w, &fan.In.TileIDs, &choose.Out.TileIDs)
	spec.Connect(w, &fan.In.Leases, &choose.Out.Leases)
	spec.Connect(w, &fan.In.Branch, &x.resolve.Out.Compute)
	validate(w, x, record)
	spec.Connect(w, &w.Out.Missing, &x.merge.Out.Missing)
	spec.Connect(w, &w.Out.LeftOut, &x.index.Out.LeftOut)
	configured(w, "survey_campaign", s)
	if s.ConfigYAML != "" { // they fire once they are activated
		spec.AddPlan(w, "survey_campaign_nightly", spec.PlanSettings{Schedule: spec.Schedule{Cron: "0 2 * * *"}}, spec.Preset(&w.In.ConfigYAML, s.ConfigYAML))
		spec.AddPlan(w, "survey_campaign_every_6h", spec.PlanSettings{Schedule: spec.Schedule{Every: 6 * time.Hour}}, spec.Preset(&w.In.ConfigYAML, s.ConfigYAML))
	}
	return w
}
