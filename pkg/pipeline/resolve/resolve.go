// Package resolve turns the configuration file and the launch inputs into the
// narrow settings that the stages take.
package resolve

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/region"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// codeLaunch is the code of errors of a launch's own inputs.
const codeLaunch = "LaunchInvalid"

// Config is the body of resolve_config. A run whose directory holds what another
// configuration made is refused, before anything is listed or read.
func Config(ctx context.Context, in pipeline.ResolveConfigIn) (pipeline.ResolveConfigOut, error) {
	env := task.From(ctx)
	out, warnings, err := Launch(ctx, env.Store(), in, env.Identity().Execution)
	for _, w := range warnings {
		env.Log.Warn(w)
	}
	if err != nil {
		return out, err
	}
	return out, out.Identity().Check(ctx, env.Store(), out.Destination.RunURI)
}

// Launch reads the configuration that a launch names, lays the launch's own
// inputs over it and cuts the result into settings. The warnings are for the log.
func Launch(ctx context.Context, r objstore.Reader, in pipeline.ResolveConfigIn, execution string) (pipeline.ResolveConfigOut, []string, error) {
	in.StorageBase, in.RunID = pipeline.Given(in.StorageBase), pipeline.Given(in.RunID)
	name, text, err := Text(ctx, r, in.ConfigYAML)
	if err != nil {
		return pipeline.ResolveConfigOut{}, nil, err
	}
	c, err := config.Load(name, text, overlays(in)...)
	if err != nil {
		return pipeline.ResolveConfigOut{}, nil, err
	}
	warnings := append(c.Warnings, c.Notes...)
	if err := complete(c); err != nil {
		return pipeline.ResolveConfigOut{}, warnings, err
	}
	out, err := cut(c, runID(c, in.RunID, execution))
	if err == nil && in.Assembles {
		err = checkCatalog(out.Catalog)
	}
	return out, warnings, err
}

// overlays are the inputs of a launch as what is laid over its configuration.
func overlays(in pipeline.ResolveConfigIn) []config.Overlay {
	var all []config.Overlay
	lay := func(given bool, input, text string) {
		if given {
			all = append(all, config.Overlay{Name: "launch input " + input, Code: codeLaunch, Text: text})
		}
	}
	lay(len(in.TileIDs) > 0, "tile_ids", config.Document("tile_ids", in.TileIDs)+config.Document("region", nil))
	lay(in.StorageBase != "", "storage_base_uri", config.Document("output.storage_base_uri", in.StorageBase))
	lay(len(in.Grid) > 0, "sub_tile_grid", config.Document("tiling.sub_tile_grid", in.Grid))
	return all
}

// complete holds a configuration to what every launch needs, and fills in
// where the catalogue lies.
func complete(c *config.Config) error {
	switch {
	case c.Output.StorageBase == "":
		return fault.Input("ConfigInvalid", "nothing says where products go").At("output.storage_base_uri").
			Fix("set it in the configuration, or give storage_base_uri at launch")
	case !c.TileIDs.All && len(c.TileIDs.List) == 0 && !c.Region.Given():
		return fault.Input("ConfigInvalid", "no tiles are asked for").At("tile_ids").
			Fix("set tile_ids in the configuration or at launch: a list, or in the configuration the word all, or a region")
	}
	if c.Output.Warehouse == "" {
		c.Output.Warehouse = objstore.Join(c.Output.StorageBase, survey.Warehouse)
	}
	return nil
}

// runID names the run in product paths.
func runID(c *config.Config, given, execution string) string {
	switch {
	case given != "":
		return given
	case execution != "":
		return execution
	}
	return fmt.Sprintf("%s_%s", c.FieldName, time.Now().UTC().Format("20060102T150405.000Z"))
}

// cut makes the stages' settings of a configuration.
func cut(c *config.Config, run string) (pipeline.ResolveConfigOut, error) {
	if err := checkName(run); err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	id := c.ID()
	out := pipeline.ResolveConfigOut{
		TileSettings: pipeline.TileSettings{
			Source: c.Data.Source, Tiling: c.Tiling,
			Products:  pipeline.Products{Base: c.Output.StorageBase, StorageClass: c.Output.StorageClass, Copy: c.Output.Copy},
			Tolerance: pipeline.Tolerance{MaxMissing: string(c.Data.MaxMissing), Verify: c.Data.Verify},
			Destination: pipeline.Destination{
				RunURI: objstore.Join(c.Output.StorageBase, run), ConfigID: id, Redo: objstore.Join(c.Output.StorageBase, survey.RedoDir),
			},
			Inference: settings.Inference{
				Engine: c.Engine, Command: c.Shine.Command,
				Inference: string(c.Inference), GAL: string(c.GAL), ConfigID: id,
			},
			Limits: settings.Limits{TimeoutSeconds: int(math.Ceil(c.Timeout().Seconds()))},
		},
		Catalog:    c.Output.Catalog,
		Thresholds: c.Validation,
		Campaign: pipeline.Campaign{
			Tiles: c.Campaign.Tiles, ExpirySeconds: int(c.Campaign.Expiry().Seconds()), MaxAttempts: c.Campaign.MaxAttempts,
			Endpoint: c.Campaign.Endpoint, Insecure: c.Campaign.Insecure,
		},
		TileIDs:      c.TileIDs.List,
		Region:       c.Region,
		FilesPerTask: int64(c.Data.FilesPerTask),
		MaxMissing:   string(c.Data.MaxMissing),
		Retention:    c.Output.Retention,
		Compute:      pipeline.BranchCPU,
		MaxTiles:     int64(c.MaxTilesPerDynamic),
	}
	out.Access = out.Source.Access()
	if c.Engine == settings.EngineShine {
		out.Compute = pipeline.BranchGPU
		out.GPU = pipeline.GPU{Accelerator: c.Shine.Accelerator, MemoryGB: c.Shine.AcceleratorMemoryGB}
	}
	if _, err := region.New(out.Region); err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	return out, sky.Grid(out.Tiling.Grid).Validate()
}

// checkName keeps a run's name from being anything but one element of a path.
func checkName(run string) error {
	for _, r := range run {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return fault.Input(codeLaunch, "%q can't name a run", run).At("run_id").Fix("use letters, digits, '.', '_' and '-'")
		}
	}
	if run == survey.RedoDir || run == survey.IndexDir || run == survey.ReleaseDir || run == survey.Warehouse {
		return fault.Input(codeLaunch, "%q names what all runs share", run).At("run_id").Fix("choose another name")
	}
	if strings.HasPrefix(run, ".") || len(run) > 128 {
		return fault.Input(codeLaunch, "%q can't name a run", run).At("run_id").Fix("use at most 128 characters, the first not a dot")
	}
	return nil
}

// checkWarehouse refuses a place that those who read the tables would look for
// under another name. Tables hold whole paths.
func checkWarehouse(place string) error {
	if !strings.Contains(place, "://") {
		whole, err := filepath.Abs(place)
		if err != nil {
			return err
		}
		place = whole
	}
	if err := objstore.CheckSpelling(place); err != nil { // the directory that it is relative to, or below the storage: config has looked at what is written
		return fault.Input("ConfigInvalid", "%w", err).At("output.catalog_warehouse").Fix("or set output.catalog_warehouse to such a path")
	}
	return nil
}

// checkCatalog refuses tables that can't be opened before anything is paid
// for, as package catalog would once everything is.
func checkCatalog(c settings.Catalog) error {
	const choices = "set output.catalog_uri to sqlite:///path/to/catalog.db, postgres://user@host/database, http(s)://host/... of a REST catalogue, or glue://region of AWS Glue; or output.catalog_warehouse to a directory"
	remote := strings.Contains(c.Warehouse, "://") && !strings.HasPrefix(c.Warehouse, "file://")
	if err := checkWarehouse(c.Warehouse); err != nil {
		return err
	}
	scheme, _, has := strings.Cut(c.URI, "://")
	switch scheme {
	case "sqlite", "postgres", "postgresql", "http", "https", "glue":
		return nil
	case "":
		if remote {
			return fault.Input("ConfigInvalid", "a warehouse in an object store, %s, needs a catalogue that points at it", c.Warehouse).At("output.catalog_uri").Fix(choices)
		}
		return nil
	}
	with := "no scheme" // not what it is instead: there may be a password in it
	if has {
		with = scheme + "://"
	}
	return fault.Input("ConfigInvalid", "a catalogue with %s can't be opened", with).At("output.catalog_uri").Fix(choices)
}
