package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/pkg/version"
	"github.com/cosmostat/constellation/workflows"
)

// execution is how a workflow is run on this machine.
type execution struct {
	launch
	metadata string
	bin      string
	parallel int
	events   string
	cache    string
	again    string // the command that goes on from a run that ended early; empty: the same with --run-id
}

// afresh are what a resumed run does again: a catalogue or directories that were
// there when the run ended may be gone.
var afresh = []string{
	pipeline.ResolveConfig.Declaration().Name, pipeline.CheckCatalog.Declaration().Name, pipeline.FanOutBatches.Declaration().Name, workflows.ShearBatch().Name(), workflows.PreparationBatch().Name(),
	pipeline.AssembleCatalog.Declaration().Name, pipeline.RecordTiles.Declaration().Name, pipeline.RecordRun.Declaration().Name, pipeline.ValidateCatalog.Declaration().Name,
}

// verdicts are the codes of runs that came to their end and were found wanting.
var verdicts = []string{survey.CodeTileFailed, assemble.CodeVerdict}

// cachePolicies are the values of --cache.
var cachePolicies = map[string]local.CachePolicy{"use": local.CacheUse, "overwrite": local.CacheOverwrite, "off": local.CacheOff}

const cacheUse = "results that earlier runs made of the same inputs: use (take them), overwrite (make them again), off (neither take nor keep any)"

func (e *execution) flags(c *cobra.Command, more ...option) {
	e.launch.flags(c, more...)
	f := c.Flags()
	f.StringVar(&e.metadata, "metadata", "", "where the engine keeps inputs, outputs and logs, which resuming needs: a directory or s3://... (default: constellation in the XDG state directory)")
	f.StringVar(&e.bin, "bin", "", "directory of the stages' executables (default: this command's own)")
	f.IntVarP(&e.parallel, "parallel", "j", 0, "processes at once (default: one per CPU)")
	f.StringVar(&e.cache, "cache", "use", cacheUse)
	f.StringVar(&e.events, "events", "", "write the engine's events to this file, one JSON object a line")
}

func runCommand() *cobra.Command {
	e := execution{launch: launch{assembles: true}}
	var r remoteRun
	c := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the whole pipeline on this machine, or on a Flyte cluster",
		Long: `Run executes shear_pipeline on this machine: the same serialized workflow that a
Flyte cluster runs, each task in its own process. Give --run-id of an earlier run
to resume it: what succeeded is kept.

Another run takes from the cache, below --metadata, what earlier runs made of the
same files and settings: its products then lie in the earlier run's directory,
and run.json says where. --cache overwrite makes everything again.

With --remote it launches what was registered on a Flyte cluster, with the same
inputs, and shows it in the same way. Ctrl-C then stops the showing, not the
execution.`,
		Example: `  constellation run --config edfs.yaml
  constellation run --config edfs.yaml --tiles 102018211 --set engine=mock -j 8
  constellation run --config edfs.yaml --remote -p shear -d development`,
		Args: cobra.NoArgs,
	}
	e.flags(c, tileIDs, storage, runID(resumes))
	r.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := r.check(c); err != nil {
			return err
		}
		if r.on {
			return e.runRemote(c.Context(), c, &r)
		}
		var out workflows.ShearOut
		settings, err := runHere(c.Context(), &e, c.OutOrStdout(), workflows.Shear, &out)
		if err != nil {
			return err
		}
		return conclude(c.Context(), c.OutOrStdout(), settings, out)
	}
	return c
}

// conclude prints what a run of the whole pipeline with these settings left.
func conclude(ctx context.Context, w io.Writer, settings pipeline.ResolveConfigOut, out workflows.ShearOut) error {
	store := objstore.Open(ctx, objstore.Config{})
	verdict, err := survey.Load[catalog.Report](ctx, store, out.Report.URI)
	if err != nil {
		return err
	}
	run, err := survey.LoadRun(ctx, store, out.Run.URI)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nrun %s\n%s", run.RunID, catalogue.Verdict(verdict).Text("  "))
	printListed(w, "  ", run.Listed)
	for _, t := range run.Tiles {
		for _, exposure := range t.LeftOut {
			fmt.Fprintf(w, "  tile %d is without exposure %s\n", t.TileID, exposure)
		}
		if t.Rows.Given() {
			fmt.Fprintf(w, "  tile %d: %s\n", t.TileID, t.Rows)
		}
		for _, hdu := range t.Unverified {
			fmt.Fprintf(w, "  tile %d uses what doesn't match its checksum: %s\n", t.TileID, hdu)
		}
	}
	if n := earlier(run, settings.Destination.RunURI); n > 0 {
		fmt.Fprintf(w, "  %d of %d sub-tiles were made by earlier runs, of the same inputs: %s says where they lie; --cache overwrite makes them again\n", n, verdict.Planned, out.Run.URI)
	}
	fmt.Fprintf(w, "\nproducts   %s\ncatalogue  %s.%s in %s, snapshot %d\n", settings.Destination.RunURI,
		settings.Catalog.Namespace, settings.Catalog.Table, settings.Catalog.Warehouse, out.Snapshot)
	return nil
}

// earlier counts the sub-tiles whose products another run made of the same inputs.
func earlier(run *survey.Run, runURI string) (n int) {
	for _, t := range run.Tiles {
		for _, s := range t.SubTiles {
			if !strings.HasPrefix(s.Directory, runURI+"/") {
				n++
			}
		}
	}
	return n
}

// runHere builds a workflow for the configuration's settings and runs it on this
// machine. It returns what the configuration was resolved to before anything began.
func runHere[Out any](ctx context.Context, e *execution, w io.Writer, build func(workflows.Settings) *spec.Workflow[workflows.LaunchIn, Out], out *Out) (settings pipeline.ResolveConfigOut, err error) {
	c, err := e.load(ctx)
	if err != nil {
		return settings, err
	}
	warn(w, c.config)
	if _, known := cachePolicies[e.cache]; !known {
		return settings, fault.Input(codeUsage, "--cache %q is unknown", e.cache).Fix("use, overwrite or off")
	}
	if e.parallel < 0 {
		return settings, fault.Input(codeUsage, "--parallel %d: at least one process has to run", e.parallel).Fix("leave it out for one per CPU")
	}
	if e.runID == "" {
		e.runID = newRunID(c.config.FieldName)
	}
	if settings, err = c.resolve(ctx, e.runID); err == nil {
		err = reserved(e.runID)
	}
	if err != nil {
		return settings, err // what resolve-config will refuse, before anything is begun
	}
	if err := contact(ctx, w, settings); err != nil {
		return settings, err
	}
	if err := settings.Identity().Check(ctx, objstore.Open(ctx, objstore.Config{}), settings.Destination.RunURI); err != nil {
		return settings, err
	}
	if e.assembles {
		// As check-catalog does, too: here it is told in the first second.
		if _, err := catalog.Usable(ctx, settings.Catalog, objstore.Open(ctx, objstore.Config{})); err != nil {
			return settings, err
		}
	}
	options := spec.Options{Image: "local", Images: map[string]string{"shine": "local"}}
	bundle, err := build(settingsOf(c.config)).Build(options)
	if err != nil {
		return settings, err
	}
	children, err := workflows.Children(options)
	if err != nil {
		return settings, err
	}
	engine, done, err := e.engine(ctx, w)
	if err != nil {
		return settings, err
	}
	inputs, err := literal.Marshal(c.inputs())
	if err == nil {
		var outputs *core.LiteralMap
		if outputs, err = engine.Execute(ctx, local.Register(localBundle(bundle, children), "constellation", "local", version.Version), inputs, e.runID); err == nil {
			err = literal.Unmarshal(outputs, out)
		}
	}
	if err = done(err); err != nil {
		e.resume(w, err)
	}
	return settings, err
}

// resume says how to go on from a run that ended early. One that came to its end
// and was found wanting would find the same again: what failed is another run's to make.
func (e *execution) resume(w io.Writer, err error) {
	var f *local.Failure
	if errors.As(err, &f) && slices.Contains(verdicts, f.Code) && e.again == "" {
		fmt.Fprintf(w, "\nonce the causes are mended, the same command under another run id takes what succeeded from the cache, and makes what failed again\n")
		return
	}
	when := "once the cause is mended, "
	if fault.KindOf(err) == fault.Canceled {
		when = ""
	}
	how := e.again
	if how == "" {
		how = fmt.Sprintf("the same command with --run-id %s --metadata %s", e.runID, e.metadata)
	}
	fmt.Fprintf(w, "\nwhat succeeded is kept: %s%s goes on from here\n", when, how)
}

// newRunID names a run that nobody named.
func newRunID(field string) string {
	// To the millisecond: runs that begin in the same second are not one.
	return fmt.Sprintf("%s_%s", field, time.Now().UTC().Format("20060102T150405.000Z"))
}

// settingsOf is what the configuration says about the specs themselves.
func settingsOf(c *config.Config) workflows.Settings {
	s := workflows.DefaultSettings()
	s.QuadrantConcurrency = c.QuadrantConcurrency
	return s
}

// localBundle is a workflow with those that it launches.
func localBundle(main *spec.Bundle, children []*spec.Bundle) *local.Bundle {
	l := &local.Bundle{Workflow: main.Workflow.GetTemplate()}
	tasks, workflows := map[string]bool{}, map[string]bool{}
	for _, b := range append([]*spec.Bundle{main}, children...) {
		l.Plans = append(l.Plans, b.Plans...)
		for _, w := range append(b.Workflow.GetSubWorkflows(), b.Workflow.GetTemplate()) {
			if name := w.GetId().GetName(); !workflows[name] && w != l.Workflow {
				workflows[name] = true
				l.SubWorkflows = append(l.SubWorkflows, w)
			}
		}
		for _, t := range b.Tasks {
			if name := t.GetTemplate().GetId().GetName(); !tasks[name] {
				tasks[name] = true
				l.Tasks = append(l.Tasks, t.GetTemplate())
			}
		}
	}
	return l
}

// engine sets the local engine up; done ends its view and completes its error.
func (e *execution) engine(ctx context.Context, w io.Writer) (_ *local.Engine, done func(error) error, _ error) {
	var err error
	if e.bin == "" {
		if e.bin, err = programs(); err != nil {
			return nil, nil, err
		}
	}
	if e.metadata == "" {
		if e.metadata, err = stateDir(); err != nil {
			return nil, nil, err
		}
	}
	logs := e.metadata
	if strings.Contains(logs, "://") {
		if logs, err = stateDir(); err != nil {
			return nil, nil, err
		}
	}
	if err := os.MkdirAll(logs, 0o777); err != nil {
		return nil, nil, fault.Input("DirectoryUnusable", "the engine can't keep inputs, outputs and logs there: %w", err).At("--metadata").Fix("give another --metadata")
	}
	logs = filepath.Join(logs, logsDir)
	v, err := newView(w, e.runID, e.events)
	if err != nil {
		return nil, nil, err
	}
	store := objstore.Open(ctx, objstore.Config{})
	v.hint = hints()
	fmt.Fprintf(w, "run %s (logs in %s)\n", e.runID, filepath.Join(logs, e.runID))
	return &local.Engine{
		Store:    store,
		Prefix:   e.metadata,
		Program:  local.Directory(e.bin),
		Parallel: e.parallel,
		Cache:    cachePolicies[e.cache],
		Observe:  v.observe,
		Afresh:   func(name string) bool { return slices.Contains(afresh, name) },
		// How much tasks say and how long they wait is as for this command.
		Environment: forTasks(os.Environ()),
		Log:         local.Logs(logs),
	}, v.done, nil
}
