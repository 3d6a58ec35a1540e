package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/report"
)

func catalogCompact() *cobra.Command {
	var t tended
	var o catalog.CompactOptions
	var yes bool
	c := &cobra.Command{
		Use:   "compact --config FILE",
		Short: "Rewrite the tables' small files to few large ones",
		Long: `Compact rewrites data files that are small, that have rows which were replaced or
deleted, or that are of an earlier layout, to few large ones that are sorted by tile.
It changes no row, and writers and readers may be at work: what others commit in the
meantime stays. It can be stopped and run again, and stops by itself where a file
gives another number of rows than the table says.

Tables of an earlier version are first brought to today's layout by constellation
catalog evolve; their rows are given _healpix_29 as they are rewritten.

The files that were rewritten stay for those who read earlier snapshots, until
constellation clean --snapshots takes these.

Without --yes it says what it would rewrite.`,
		Example: `  constellation catalog compact --config edfs.yaml
  constellation catalog compact --config edfs.yaml --yes
  constellation catalog compact --config edfs.yaml --target-bytes 134217728 --yes`,
		Args: cobra.NoArgs,
	}
	t.flags(c)
	c.Flags().Int64Var(&o.TargetBytes, "target-bytes", 0, "how many bytes a file gets, about (default: the tables' write.target-file-size-bytes)")
	c.Flags().BoolVar(&yes, "yes", false, "rewrite files; without it, what would be rewritten is shown")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return t.with(c.Context(), yes, func(tables *catalog.Catalog, _ objstore.Store) error {
			o.Look = !yes
			list, err := tables.Compact(c.Context(), o)
			if !t.asJSON {
				showCompaction(c.OutOrStdout(), list, yes) // also what was done before an error
			} else if err == nil {
				err = printJSON(c.OutOrStdout(), list)
			}
			return err
		})
	}
	return c
}

func showCompaction(w io.Writer, list []catalog.Compaction, done bool) {
	left := false
	for _, t := range list {
		if t.Outdated != "" {
			fmt.Fprintf(w, "%s: partitioned by %s, in which files stay small: run catalog evolve first\n", t.Table, t.Outdated)
		}
		if t.Empty() {
			fmt.Fprintf(w, "%s: %d files, none to rewrite\n", t.Table, t.Files)
			continue
		}
		left = true
		fmt.Fprintf(w, "%s: %d of %d files to rewrite, %s: %d small, %d with deleted rows, %d of an earlier layout\n",
			t.Table, t.Small+t.Deleted+t.Old, t.Files, report.Bytes(t.Bytes), t.Small, t.Deleted, t.Old)
		if t.Dangling > 0 {
			fmt.Fprintf(w, "  %d delete files that delete nothing\n", t.Dangling)
		}
		if done {
			fmt.Fprintf(w, "  %d files became %d, with %d rows, in %d commits\n", t.Taken, t.Written, t.Rows, t.Commits)
		}
		if t.Lost > 0 {
			fmt.Fprintf(w, "  others committed first %d times\n", t.Lost)
		}
		if t.Left > 0 {
			fmt.Fprintf(w, "  %d files stay: their rows are in no order, and too many to be sorted\n", t.Left)
		}
	}
	if left && !done {
		fmt.Fprintln(w, "nothing was changed; --yes rewrites them")
	}
}
