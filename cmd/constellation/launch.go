package main

import (
	"context"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
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
	nowhere   bool // it writes no products: its configuration need not say where they go
}

// option adds a flag that not every verb has a use for.
type option func(*launch, *pflag.FlagSet)

const flagRunID = "run-id"

func tileIDs(l *launch, f *pflag.FlagSet) {
	f.Int64SliceVar(&l.tiles, "tiles", nil, "MER tile ids, instead of the configured ones")
}

func storage(l *launch, f *pflag.FlagSet) {
	l.nowhere = false
	f.StringVar(&l.storage, "storage", "", "where products go, instead of output.storage_base_uri")
}

// runID is the name of a run, and what a verb does with it.
func runID(use string) option {
	return func(l *launch, f *pflag.FlagSet) { f.StringVar(&l.runID, flagRunID, "", use) }
}

// resumes is what verbs that run something do with the name of a run.
const resumes = "name of the run in product paths; an earlier one's resumes it (default: field and time)"

// theRun is what verbs that look at a run take it for.
const theRun = "the run: the directory's name below the storage (required)"

func (l *launch) flags(c *cobra.Command, more ...option) {
	f := c.Flags()
	f.StringVarP(&l.config, "config", "c", "", "configuration file: a path or a URI (required)")
	f.StringArrayVar(&l.set, "set", nil, "override a key of the configuration, as key=value; may be repeated")
	f.Int64SliceVar(&l.grid, "grid", nil, "rows and columns of sub-tiles, instead of tiling.sub_tile_grid")
	l.nowhere = true
	for _, add := range more {
		add(l, f)
	}
	cobra.CheckErr(c.MarkFlagRequired("config"))
}

// loaded is the configuration as it was when the command began: what runs and
// what is said of it afterwards are the same, whatever becomes of the file.
type loaded struct {
	text   string // with its overrides, as it is sent; paths are absolute, because tasks run elsewhere
	config *config.Config
	from   *launch
}

// load reads the configuration, once in a command.
func (l *launch) load(ctx context.Context) (*loaded, error) {
	name, text, err := resolve.Text(ctx, objstore.Open(ctx, objstore.Config{}), l.config)
	if err != nil {
		return nil, err
	}
	over, err := config.Sets(l.set)
	if err != nil {
		return nil, err
	}
	c, err := config.Load(name, text, over...)
	if err != nil {
		return nil, err
	}
	paths := c.Paths()
	for _, key := range slices.Sorted(maps.Keys(paths)) { // in order, so that the same file gives the same text
		if path := absolutePath(paths[key]); path != paths[key] {
			over = append(over, config.Overlay{Text: config.Document(key, path)})
		}
	}
	return &loaded{resolve.Sent(string(config.Merge(text, over...))), c, l}, nil
}

// inputs are what a workflow is launched with.
func (c *loaded) inputs() workflows.LaunchIn {
	l, storage := c.from, c.from.storage
	if l.nowhere && c.config.Output.StorageBase == "" {
		storage = "."
	}
	return workflows.LaunchIn{
		ConfigYAML: c.text, TileIDs: l.tiles, StorageBase: absolutePath(storage), Grid: l.grid, RunID: l.runID,
	}
}

// resolve makes the settings as the stage resolve-config does.
func (c *loaded) resolve(ctx context.Context, execution string) (pipeline.ResolveConfigOut, error) {
	in := c.inputs()
	out, _, err := resolve.Launch(ctx, objstore.NewMemory(), pipeline.ResolveConfigIn{
		ConfigYAML: in.ConfigYAML, TileIDs: in.TileIDs, StorageBase: in.StorageBase, Grid: in.Grid, RunID: in.RunID, Assembles: c.from.assembles,
	}, execution)
	return out, err
}

// settings loads and resolves, for verbs that need nothing else of the
// configuration. What should be looked at in it is said beside their output.
func (l *launch) settings(ctx context.Context, execution string) (pipeline.ResolveConfigOut, error) {
	c, err := l.load(ctx)
	if err != nil {
		return pipeline.ResolveConfigOut{}, err
	}
	warn(fault.Writer(os.Stderr), c.config)
	return c.resolve(ctx, execution)
}
