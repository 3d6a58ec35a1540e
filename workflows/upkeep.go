package workflows

import (
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// UpkeepIn is what people give where nothing is computed.
type UpkeepIn struct {
	ConfigYAML string `flyte:"config_yaml" doc:"URI or path of the configuration file, or the YAML itself, with its line breaks or in braces on one line"`
}

// Upkeep looks after the catalogue's tables, beside runs and campaigns. Its plans run
// on demand or by a schedule.
func Upkeep(s Settings) *spec.Workflow[UpkeepIn, pipeline.CompactCatalogOut] {
	w := spec.New[UpkeepIn, pipeline.CompactCatalogOut]("catalog_upkeep", "Rewrites the small files of the shear catalogue to few large ones, and keeps its metadata small.")
	resolve := spec.Add(w, pipeline.ResolveConfig)
	spec.Connect(w, &resolve.In.ConfigYAML, &w.In.ConfigYAML)
	spec.Const(w, &resolve.In.TileIDs, []int64{})
	spec.Const(w, &resolve.In.StorageBase, pipeline.None)
	spec.Const(w, &resolve.In.Grid, []int64{})
	spec.Const(w, &resolve.In.RunID, pipeline.None)
	spec.Const(w, &resolve.In.Assembles, true)
	compact := spec.Add(w, pipeline.CompactCatalog)
	spec.Connect(w, &compact.In.Catalog, &resolve.Out.Catalog)
	spec.Connect(w, &w.Out.Rewritten, &compact.Out.Rewritten)
	spec.Connect(w, &w.Out.Written, &compact.Out.Written)
	spec.Connect(w, &w.Out.Rows, &compact.Out.Rows)
	if s.ConfigYAML != "" {
		spec.AddPlan(w, "catalog_upkeep", spec.PlanSettings{}, spec.Preset(&w.In.ConfigYAML, s.ConfigYAML))
		// After the nightly campaign began, and in the hours that people don't read.
		spec.AddPlan(w, "catalog_upkeep_nightly", spec.PlanSettings{Schedule: spec.Schedule{Cron: "0 4 * * *"}}, spec.Preset(&w.In.ConfigYAML, s.ConfigYAML))
	}
	return w
}
