package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func catalogEvolve() *cobra.Command {
	var t tended
	var format int
	var yes bool
	c := &cobra.Command{
		Use:   "evolve --config FILE",
		Short: "Bring the tables of an earlier version to today's layout",
		Long: `Evolve adds the columns that tables of an earlier version lack, and has new files
laid out as in a new table: partitioned by ranges of TILE_ID, many tiles to a file.
It changes the tables' metadata alone. Files that are there stay as they are, and
readers go on; constellation catalog compact writes them anew in the new layout.

Without --yes it says what it would change.

Version 3 of Iceberg's format has a row id and the commit of each row in the table
(row lineage). There is no way back from it, and not all software writes to such
tables yet: PyIceberg 0.12 reads them and can't append.`,
		Example: `  constellation catalog evolve --config edfs.yaml
  constellation catalog evolve --config edfs.yaml --yes
  constellation catalog evolve --config edfs.yaml --format-version 3 --yes`,
		Args: cobra.NoArgs,
	}
	t.flags(c)
	c.Flags().IntVar(&format, "format-version", 0, "version of Iceberg's format to raise the tables to, 3 at most (default: theirs)")
	c.Flags().BoolVar(&yes, "yes", false, "change the tables; without it, what would change is shown")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return t.with(c.Context(), yes, func(tables *catalog.Catalog, _ objstore.Store) error {
			changes, err := tables.Evolve(c.Context(), format, !yes)
			if err != nil {
				return err
			}
			if t.asJSON {
				return printJSON(c.OutOrStdout(), changes)
			}
			showEvolution(c.OutOrStdout(), changes, yes)
			return nil
		})
	}
	return c
}

func showEvolution(w io.Writer, changes []catalog.Evolution, done bool) {
	left := false
	for _, e := range changes {
		if e.Empty() {
			fmt.Fprintf(w, "%s: as a new table\n", e.Table)
			continue
		}
		left = true
		fmt.Fprintf(w, "%s:\n", e.Table)
		if len(e.Columns) > 0 {
			fmt.Fprintf(w, "  new columns: %s (null in the rows that are there)\n", strings.Join(e.Columns, ", "))
		}
		if e.To != "" {
			fmt.Fprintf(w, "  new files are partitioned by %s, was %s\n", e.To, e.From)
		}
		if e.Format > 0 {
			fmt.Fprintf(w, "  format version %d\n", e.Format)
		}
		if len(e.Set) > 0 {
			fmt.Fprintf(w, "  properties: %s\n", strings.Join(e.Set, ", "))
		}
	}
	if left && !done {
		fmt.Fprintln(w, "nothing was changed; --yes changes it")
	}
}
