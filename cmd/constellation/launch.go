package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/workflows"
)

// launch is what every verb that reads the configuration takes.
type launch struct {
	config  string
	set     []string
	tiles   []int64
	storage string
	grid    []int64
	runID   string

	assembles bool // the verb ends in the catalogue
}

// Flags that not every verb has a use for.
const (
	flagTiles   = "tiles"
	flagStorage = "storage"
	flagRunID   = "run-id"
)

// unused are the flags that a verb would not look at, and so doesn't have.
var unused = map[string][]string{
	"infer":    {flagTiles, flagStorage, flagRunID}, // its arguments say where
	"assemble": {flagTiles},
	"validate": {flagTiles},
	"clean":    {flagTiles},
	"check":    {flagTiles, flagRunID},
	"tiles":    {flagStorage, flagRunID},
	"plot":     {flagStorage, flagRunID},
}

func (l *launch) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&l.config, "config", "c", "", "configuration file: a path or a URI (required)")
	f.StringArrayVar(&l.set, "set", nil, "override a key of the configuration, as key=value; may be repeated")
	f.Int64SliceVar(&l.grid, "grid", nil, "rows and columns of sub-tiles, instead of tiling.sub_tile_grid")
	for name, add := range map[string]func(){
		flagTiles: func() { f.Int64SliceVar(&l.tiles, flagTiles, nil, "MER tile ids, instead of the configured ones") },
		flagStorage: func() {
			f.StringVar(&l.storage, flagStorage, "", "where products go, instead of output.storage_base_uri")
		},
		flagRunID: func() { f.StringVar(&l.runID, flagRunID, "", runIDUse[c.Name()]) },
	} {
		if !slices.Contains(unused[c.Name()], name) {
			add()
		}
	}
	if f.Lookup(flagStorage) == nil {
		l.storage = "." // nothing goes there, and a configuration for looking around need not say where
	}
	cobra.CheckErr(c.MarkFlagRequired("config"))
}

// runIDUse is what verbs do with the name of a run.
var runIDUse = map[string]string{
	"run":      "name of the run in product paths; an earlier one's resumes it (default: field and time)",
	"prepare":  "name of the run in product paths; an earlier one's resumes it (default: field and time)",
	"extract":  "name of the run in product paths (default: extract)",
	"assemble": "the run: the directory's name below the storage (required)",
	"validate": "the run: the directory's name below the storage (required)",
	"clean":    "look at this run alone",
}

// load reads the configuration with its overrides. Paths in it are made
// absolute, because tasks run elsewhere.
func (l *launch) load(ctx context.Context) (string, *config.Config, error) {
	name, text, err := resolve.Text(ctx, objstore.Open(ctx, objstore.Config{}), l.config)
	if err != nil {
		return "", nil, err
	}
	over, err := config.Sets(l.set)
	if err != nil {
		return "", nil, err
	}
	c, err := config.Load(name, text, over...)
	if err != nil {
		return "", nil, err
	}
	paths := c.Paths()
	for _, key := range slices.Sorted(maps.Keys(paths)) { // in order, so that the same file gives the same text
		if path := absolutePath(paths[key]); path != paths[key] {
			over = append(over, config.Overlay{Text: config.Document(key, path)})
		}
	}
	if text = config.Merge(text, over...); !strings.Contains(string(text), "\n") {
		text = append(text, '\n') // what tells YAML from a path
	}
	return string(text), c, nil
}

func (l *launch) inputs(text string) workflows.LaunchIn {
	return workflows.LaunchIn{
		ConfigYAML: text, TileIDs: l.tiles, StorageBase: absolutePath(l.storage), Grid: l.grid, RunID: l.runID,
	}
}

// settings resolves the configuration as the stage resolve-config does.
func (l *launch) settings(ctx context.Context, execution string) (pipeline.ResolveConfigOut, error) {
	text, _, err := l.load(ctx)
	if err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	in := l.inputs(text)
	out, _, err := resolve.Launch(ctx, objstore.NewMemory(), pipeline.ResolveConfigIn{
		ConfigYAML: in.ConfigYAML, TileIDs: in.TileIDs, StorageBase: in.StorageBase, Grid: in.Grid, RunID: in.RunID, Assembles: l.assembles,
	}, execution)
	return out, err
}
