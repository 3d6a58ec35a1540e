package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/report"
)

// snapshotAge is what snapshots and files of the catalogue are left alone below:
// a commit writes its files first, and may be kept from ending for days.
const snapshotAge = 72 * time.Hour

// checkSnapshots refuses flags that don't go together, and fills in the age.
func (l *cleaning) checkSnapshots(c *cobra.Command) error {
	usage := func(format string, a ...any) error {
		return fault.Input(codeUsage, format, a...).Fix("%s --help says what it takes", c.CommandPath())
	}
	f := c.Flags()
	if l.age < 0 {
		return usage("--older-than %s: nothing is that young", l.age)
	}
	if !l.snapshots {
		if f.Changed("keep-snapshots") {
			return usage("--keep-snapshots has no meaning without --snapshots")
		}
		if f.Changed("risk-commits-under-way") {
			return usage("--risk-commits-under-way has no meaning without --snapshots")
		}
		return nil
	}
	for _, other := range []string{flagRunID, "metadata", "pixels"} {
		if f.Changed(other) {
			return usage("--%s has no meaning with --snapshots, which looks after the whole catalogue and nothing else", other)
		}
	}
	if l.keep < 1 {
		return usage("--keep-snapshots %d: the current snapshot stays", l.keep)
	}
	if !f.Changed("older-than") {
		l.age = snapshotAge
	}
	return nil
}

// runSnapshots looks after the catalogue's tables.
func (l *cleaning) runSnapshots(ctx context.Context, w io.Writer) error {
	l.assembles = true // so that a configuration without a catalogue is refused
	s, err := l.settings(ctx, "")
	if err != nil {
		return err
	}
	tables, err := catalog.OpenExisting(ctx, s.Catalog)
	if err != nil {
		return err
	}
	defer tables.Close()
	store := objstore.Open(ctx, objstore.Config{})
	plan, err := tables.PlanExpiry(ctx, store, catalog.Retention{Before: time.Now().Add(-l.age), Keep: l.keep, Unnamed: l.unnamed})
	if err != nil {
		return err
	}
	if plan.Lease != nil {
		fmt.Fprintf(w, "kept: what was in use since %s: %v\n", minute(plan.Before), plan.Lease)
	}
	for _, t := range plan.Tables {
		showTable(w, t)
	}
	switch {
	case plan.Empty():
		return nil
	case !l.yes:
		fmt.Fprintln(w, "\nthis was a dry run: nothing was removed; --yes removes it")
		return nil
	}
	done, err := tables.Expire(ctx, store, plan)
	if err != nil {
		return fmt.Errorf("%d snapshots and %d files were removed, then: %w", done.Snapshots, done.Files.Count, err)
	}
	fmt.Fprintf(w, "\n%d snapshots and %d files (%s) were removed\n", done.Snapshots, done.Files.Count, report.Bytes(done.Files.Bytes))
	return nil
}

func showTable(w io.Writer, t *catalog.Stale) {
	fmt.Fprintf(w, "table %s, below %s\n", t.Table, t.Location)
	if len(t.Snapshots)+t.Data.Count+t.Metadata.Count == 0 && t.Kept == "" {
		fmt.Fprintln(w, "  nothing to remove")
	}
	if n := len(t.Snapshots); n > 0 {
		fmt.Fprintf(w, "  %-32s %6d from %s to %s; %d stay\n", "old snapshots", n, minute(t.First), minute(t.Last), t.Stay)
	}
	for _, f := range []struct {
		what string
		catalog.Files
	}{{"data files without a use", t.Data}, {"metadata files without a use", t.Metadata}} {
		if f.Count > 0 {
			fmt.Fprintf(w, "  %-32s %6d, %s, e.g. %s\n", f.what, f.Count, report.Bytes(f.Bytes), f.Example)
		}
	}
	if t.Young.Count > 0 {
		fmt.Fprintf(w, "  kept: %d files that nothing names and that are younger than %s: a commit may be about to name them\n", t.Young.Count, catalog.Floor)
	}
	if t.Kept != "" {
		fmt.Fprintf(w, "  kept: %s\n", t.Kept)
	}
	if t.Foreign.Count > 0 {
		fmt.Fprintf(w, "  kept: %d files that no commit writes, e.g. %s\n", t.Foreign.Count, t.Foreign.Example)
	}
}

// minute is a time as people read it.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
