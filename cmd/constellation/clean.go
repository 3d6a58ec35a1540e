package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// concluded is what the engine writes last below an execution that succeeds.
const concluded = "end-node/data/0/outputs.pb"

// cleaning is what `clean` was asked for.
type cleaning struct {
	launch
	metadata string
	age      time.Duration
	pixels   bool
	yes      bool

	snapshots bool
	keep      int
	unnamed   bool // the floor under the age of files that nothing names is lifted
}

func cleanCommand() *cobra.Command {
	var l cleaning
	c := &cobra.Command{
		Use:   "clean --config FILE",
		Short: "Remove what dead runs left, and pixels that are measured",
		Long: `Clean shows what can go below the configured storage, or below one run of it:
uploads that nobody finished and sub-tile directories that were never completed;
scratch directories that killed runs left in $TMPDIR on this machine; with
--metadata, what the engine keeps of executions that did not succeed; with
--pixels, the exposures and PSFs of a run's tiles whose results are in the
catalogue and pass its thresholds. It removes nothing unless --yes is given.

A directory that looks like one of these and holds anything that runs don't
write, or a symbolic link, is kept as a whole, and named. Pixels are what the
manifests name; a pixels_dropped.json takes their place. What is younger than
--older-than is left alone: a run may still be at it. Pixels have no age: their
results are checked instead.

With --snapshots it looks after the catalogue instead: it shows the snapshots of
both tables that can expire, the files that no other snapshot names, and those
that commits left which were cut off or lost, once they are 24 hours old: before,
a commit may be about to name them. The newest --keep-snapshots stay, as do those
that a branch or tag names, and all that came or was in use within --older-than,
or since the oldest lease that somebody holds. The tables' rows are the same
before and after; only an expired snapshot can't be read by its id.`,
		Example: `  constellation clean --config edfs.yaml
  constellation clean --config edfs.yaml --run-id EDFS_20261122T101500Z --yes
  constellation clean --config edfs.yaml --run-id EDFS_20261122T101500Z --pixels --yes
  constellation clean --config edfs.yaml --snapshots --keep-snapshots 20`,
		Args: cobra.NoArgs,
	}
	l.flags(c, storage, runID("look at this run alone"))
	f := c.Flags()
	f.StringVar(&l.metadata, "metadata", "", "where the engine keeps executions, to clean there as well: a directory or s3://...")
	f.DurationVar(&l.age, "older-than", 24*time.Hour, "leave alone what is younger; with --snapshots 72h, unless given")
	f.BoolVar(&l.pixels, "pixels", false, "drop the pixels of the run's measured tiles (needs --run-id)")
	f.BoolVar(&l.snapshots, "snapshots", false, "look after the catalogue instead: old snapshots, and files that nothing names")
	f.IntVar(&l.keep, "keep-snapshots", 10, "with --snapshots: so many of them stay, however old")
	f.BoolVar(&l.unnamed, "risk-commits-under-way", false, "with --snapshots: take files that nothing names from --older-than on, also where they are younger than 24h; a commit that is under way loses its files, and the table can't be read then. Refused where one was made within 24h")
	f.BoolVar(&l.yes, "yes", false, "remove it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := l.checkSnapshots(c); err != nil {
			return err
		}
		if l.snapshots {
			return l.runSnapshots(c.Context(), c.OutOrStdout())
		}
		return l.run(c.Context(), c.OutOrStdout())
	}
	return c
}

func (l *cleaning) run(ctx context.Context, w io.Writer) error {
	if l.pixels && l.runID == "" {
		return fault.Input(codeUsage, "--pixels needs --run-id: which run's results are in the catalogue")
	}
	s, err := l.settings(ctx, "")
	if err != nil {
		return err
	}
	store := objstore.Open(ctx, objstore.Config{})
	plans, err := l.plans(ctx, store, s)
	if err != nil {
		return err
	}
	left := false
	for _, plan := range plans {
		show(w, plan)
		left = left || !plan.Empty()
	}
	dead, err := l.abandoned(w)
	if err != nil {
		return err
	}
	if !left && len(dead) == 0 {
		return nil
	}
	if !l.yes {
		fmt.Fprintln(w, "\nthis was a dry run: nothing was removed; --yes removes it")
		return nil
	}
	var total int64
	for _, plan := range slices.Backward(plans) { // what names files goes before the files
		if err := plan.Remember(ctx, survey.Redo{Store: store, Base: s.Destination.RedoTiles()}); err != nil {
			return err
		}
		n, err := plan.Remove(ctx, store)
		if total += n; err != nil {
			return fmt.Errorf("%d objects were removed, then: %w", total, err)
		}
	}
	for _, a := range dead {
		if err := os.RemoveAll(a.Directory); err != nil {
			return fmt.Errorf("%d objects were removed, then: %w", total, err)
		}
		total += int64(a.Files)
	}
	fmt.Fprintf(w, "\n%d objects were removed\n", total)
	return nil
}

// plans looks below the storage, or a run of it, and below the metadata.
func (l *cleaning) plans(ctx context.Context, store *objstore.Mux, s pipeline.ResolveConfigOut) ([]*clean.Plan, error) {
	before := time.Now().Add(-l.age)
	base := s.Destination.RunURI
	if l.runID == "" {
		base = strings.TrimSuffix(base, "/"+s.Destination.Run())
	}
	products := clean.NewPlan(base)
	if err := products.FindUploads(ctx, store, before); err != nil {
		return nil, err
	}
	find := products.FindIncomplete
	if l.runID == "" {
		find = products.FindIncompleteOfAll
	}
	if err := find(ctx, store, base, before); err != nil {
		return nil, err
	}
	if l.pixels {
		if err := findPixels(ctx, store, s, products); err != nil {
			return nil, err
		}
	}
	plans := []*clean.Plan{products}
	if l.metadata == "" {
		return plans, nil
	}
	scratch := clean.NewPlan(objstore.Join(absolutePath(l.metadata), l.runID))
	if err := scratch.FindUploads(ctx, store, before); err != nil {
		return nil, err
	}
	if err := scratch.FindScratch(ctx, store, absolutePath(l.metadata), l.runID, concluded, before); err != nil {
		return nil, err
	}
	cached := clean.NewPlan(objstore.Join(absolutePath(l.metadata), clean.CacheDir))
	if err := cached.FindCached(ctx, store, scratch); err != nil {
		return nil, err
	}
	return append(plans, scratch, cached), nil
}

// findPixels adds a run's pixels, if the catalogue holds its results and they pass.
func findPixels(ctx context.Context, store *objstore.Mux, s pipeline.ResolveConfigOut, plan *clean.Plan) error {
	run, err := survey.LoadRun(ctx, store, objstore.Join(s.Destination.RunURI, survey.RunFile))
	if err != nil {
		return fmt.Errorf("the run is not assembled: %w", err)
	}
	verdict, err := assemble.Hold(ctx, s.Catalog, s.Thresholds, run)
	if err != nil {
		return err
	}
	if verdict.Present < verdict.Planned {
		return fmt.Errorf("the pixels are kept: %d of %d sub-tiles are in the catalogue", verdict.Present, verdict.Planned)
	}
	return plan.FindPixels(ctx, store, run)
}

// namedKept are so many of the directories that are kept; of the others the number is told.
const namedKept = 10

func show(w io.Writer, p *clean.Plan) {
	fmt.Fprintf(w, "below %s\n", p.Base)
	if p.Empty() {
		fmt.Fprintln(w, "  nothing to remove")
	}
	for _, k := range clean.Kinds {
		c := p.Count(k)
		if c.Objects == 0 {
			continue
		}
		fmt.Fprintf(w, "  %-32s %6d in %d places, %s, e.g. %s\n", k, c.Objects, c.Places, report.Bytes(c.Bytes), c.Example)
	}
	for i, kept := range p.Kept() {
		switch {
		case i == namedKept:
			fmt.Fprintf(w, "  and %d more are kept\n", len(p.Kept())-i)
			return
		case kept.Foreign != "":
			fmt.Fprintf(w, "  kept: %s holds what no run writes: %s\n", kept.Place, kept.Foreign)
		default:
			fmt.Fprintf(w, "  kept: %s: nothing proves that a run wrote it\n", kept.Place)
		}
	}
}
