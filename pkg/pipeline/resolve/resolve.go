// Package resolve turns the configuration file and the launch inputs into the
// narrow settings that the stages take.
package resolve

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/region"
)

// Config is the body of resolve_config.
func Config(ctx context.Context, in pipeline.ResolveConfigIn) (pipeline.ResolveConfigOut, error) {
	env := task.From(ctx)
	out, warnings, err := Launch(ctx, env.Store(), in, env.Identity().Execution)
	for _, w := range warnings {
		env.Log.Warn(w)
	}
	return out, err
}

// Launch reads the configuration that a launch names, lays the launch's own
// inputs over it and cuts the result into settings. The warnings are for the log.
func Launch(ctx context.Context, r objstore.Reader, in pipeline.ResolveConfigIn, execution string) (pipeline.ResolveConfigOut, []string, error) {
	name, text, err := Text(ctx, r, in.ConfigYAML)
	if err != nil {
		return pipeline.ResolveConfigOut{}, nil, err
	}
	c, err := config.Load(name, text)
	if err != nil {
		return pipeline.ResolveConfigOut{}, nil, err
	}
	if err := overlay(c, in); err != nil {
		return pipeline.ResolveConfigOut{}, c.Warnings, err
	}
	out, err := settings(c, runID(c, in.RunID, execution))
	if err == nil && in.Assembles {
		err = checkCatalog(out.Catalog)
	}
	return out, c.Warnings, err
}

// Text is the configuration's text and the name to call it by in messages: the
// input is a path or URI, or the YAML itself if it has a newline.
func Text(ctx context.Context, r objstore.Reader, input string) (name string, text []byte, err error) {
	switch {
	case strings.Contains(input, "\n"):
		return "config_yaml", []byte(input), nil
	case strings.TrimSpace(input) == "":
		return "", nil, fault.Input("ConfigInvalid", "config_yaml is empty").Fix("give a path, a URI, or the YAML itself")
	}
	text, err = objstore.ReadFile(ctx, r, input)
	if fault.CodeOf(err) == objstore.NotFound {
		return "", nil, fault.Input("ConfigInvalid", "there is no such configuration file").On(input).Fix("give its path or URI, or the YAML itself")
	}
	if err != nil {
		return "", nil, fmt.Errorf("read the configuration: %w", err)
	}
	return input, text, nil
}

// overlay lays what was given at launch over the file.
func overlay(c *config.Config, in pipeline.ResolveConfigIn) error {
	if len(in.TileIDs) > 0 {
		for _, id := range in.TileIDs {
			if id <= 0 {
				return fault.Input("LaunchInvalid", "%d is not a tile id", id).At("tile_ids").Fix("tile ids are positive; leave the list empty to take the configured ones")
			}
		}
		c.TileIDs, c.Region = config.IDs{List: in.TileIDs}, config.Region{}
	}
	if in.StorageBase != "" {
		c.Output.StorageBase = strings.TrimRight(in.StorageBase, "/")
	}
	if len(in.Grid) > 0 {
		if len(in.Grid) != 2 || in.Grid[0] < 1 || in.Grid[1] < 1 || in.Grid[0] > 64 || in.Grid[1] > 64 {
			return fault.Input("LaunchInvalid", "%v is not a grid", in.Grid).At("sub_tile_grid").Fix("give rows and columns, each from 1 to 64, such as [4, 4]")
		}
		c.Tiling.Grid = config.Grid{int(in.Grid[0]), int(in.Grid[1])}
	}
	switch {
	case c.Output.StorageBase == "":
		return fault.Input("ConfigInvalid", "nothing says where products go").At("output.storage_base_uri").
			Fix("set it in the configuration, or give storage_base_uri at launch")
	case !c.TileIDs.All && len(c.TileIDs.List) == 0 && !c.Region.Given():
		return fault.Input("ConfigInvalid", "no tiles are asked for").At("tile_ids").
			Fix("set tile_ids in the configuration or at launch: a list, or in the configuration the word all, or a region")
	}
	if err := checkPlaces(c); err != nil { // before places are made of places
		return err
	}
	if c.Output.Warehouse == "" {
		c.Output.Warehouse = objstore.Join(c.Output.StorageBase, "warehouse")
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

func settings(c *config.Config, run string) (pipeline.ResolveConfigOut, error) {
	if err := checkName(run); err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	id := c.ID()
	out := pipeline.ResolveConfigOut{
		TileSettings: pipeline.TileSettings{
			Source: pipeline.Source{
				VISBase: c.Data.VISBase, MERBase: c.Data.MERBase, CatalogBase: c.Data.CatalogBase,
				Region: c.Data.Region, Endpoint: c.Data.Endpoint, Anonymous: c.Data.NoSign, Exposures: c.Data.Exposures,
			},
			Tiling: pipeline.Tiling{
				Source: c.Tiling.Source, TileTable: c.Tiling.TileTable, Rows: c.Tiling.Grid[0], Cols: c.Tiling.Grid[1],
				MarginArcmin: c.Tiling.MarginArcmin, TileArcmin: c.Tiling.TileArcmin, CoreArcmin: c.Tiling.CoreArcmin,
			},
			Products: pipeline.Products{Base: c.Output.StorageBase, StorageClass: c.Output.StorageClass, Copy: c.Output.Copy},
			Destination: pipeline.Destination{
				RunURI: objstore.Join(c.Output.StorageBase, run), ConfigID: id, Redo: objstore.Join(c.Output.StorageBase, redoDir),
			},
			Inference: pipeline.Inference{
				Engine: c.Engine, Command: c.Shine.Command,
				Inference: string(c.Inference), GAL: string(c.GAL), ConfigID: id,
			},
			Limits: pipeline.Limits{TimeoutSeconds: int(math.Ceil(c.Timeout().Seconds()))},
		},
		Catalog:    pipeline.Catalog{Warehouse: c.Output.Warehouse, URI: c.Output.CatalogURI, Namespace: c.Output.Namespace, Table: c.Output.Table},
		Thresholds: pipeline.Thresholds(c.Validation),
		Campaign: pipeline.Campaign{
			Tiles: c.Campaign.Tiles, ExpirySeconds: int(c.Campaign.Expiry().Seconds()), MaxAttempts: c.Campaign.MaxAttempts,
			Endpoint: c.Campaign.Endpoint, Insecure: c.Campaign.Insecure,
		},
		TileIDs:      c.TileIDs.List,
		Region:       region.Spec(c.Region),
		FilesPerTask: int64(c.Data.FilesPerTask),
		MaxMissing:   string(c.Data.MaxMissing),
		Retention:    c.Output.Retention,
		Compute:      pipeline.BranchCPU,
		MaxTiles:     int64(c.MaxTilesPerDynamic),
		RunID:        run,
	}
	out.Access = out.Source.Access()
	if c.Engine == "shine" {
		out.Compute = pipeline.BranchGPU
		out.GPU = pipeline.GPU{Accelerator: c.Shine.Accelerator, MemoryGB: c.Shine.AcceleratorMemoryGB}
	}
	if _, err := region.New(out.Region); err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	return out, out.Tiling.Grid().Validate()
}

// redoDir is where items are marked that have to be done again, beside the runs.
const redoDir = "redo"

// checkName keeps a run's name from being anything but one element of a path.
func checkName(run string) error {
	for _, r := range run {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return fault.Input("LaunchInvalid", "%q can't name a run", run).At("run_id").Fix("use letters, digits, '.', '_' and '-'")
		}
	}
	if run == redoDir {
		return fault.Input("LaunchInvalid", "%q names what all runs share", run).At("run_id").Fix("choose another name")
	}
	if strings.HasPrefix(run, ".") || len(run) > 128 {
		return fault.Input("LaunchInvalid", "%q can't name a run", run).At("run_id").Fix("use at most 128 characters, the first not a dot")
	}
	return nil
}

// checkCatalog refuses tables that can't be opened before anything is paid
// for, as package catalog would once everything is.
func checkCatalog(c pipeline.Catalog) error {
	const choices = "set output.catalog_uri to sqlite:///path/to/catalog.db, postgres://user@host/database, or http(s)://host/... of a REST catalogue; or output.catalog_warehouse to a directory"
	remote := strings.Contains(c.Warehouse, "://") && !strings.HasPrefix(c.Warehouse, "file://")
	scheme, _, has := strings.Cut(c.URI, "://")
	switch scheme {
	case "sqlite", "postgres", "postgresql", "http", "https":
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

// checkPlaces refuses URIs that no store takes: a mistyped scheme would
// otherwise be a directory of that name.
func checkPlaces(c *config.Config) error {
	places := c.Paths()
	for _, key := range slices.Sorted(maps.Keys(places)) {
		scheme, _, isURI := strings.Cut(places[key], "://")
		head, _, colon := strings.Cut(places[key], ":/")
		switch {
		case isURI && scheme != "s3" && scheme != "file" && scheme != "mem", !isURI && colon && !strings.Contains(head, "/"):
			return fault.Input("ConfigInvalid", "%q is neither s3://..., file://... nor a path", places[key]).At("%s", key).Fix("write s3://bucket/prefix, or a directory")
		}
	}
	if e := c.Data.Endpoint; e != "" && !strings.HasPrefix(e, "http://") && !strings.HasPrefix(e, "https://") {
		return fault.Input("ConfigInvalid", "%q is not the URL of a server", e).At("data.s3_endpoint_url").Fix("write http://host:port or https://host")
	}
	return nil
}
