package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/report"
)

func catalogVerify() *cobra.Command {
	var t tended
	c := &cobra.Command{
		Use:   "verify --config FILE",
		Short: "See whether every file of the tables is what it was",
		Long: `Verify looks whether every file that a snapshot of the two tables leads to is there
and has its size: lists of manifests, manifests, data files, delete files and
statistics, of all snapshots that are kept. It reads metadata alone, asks for each
file once, and makes nothing.

With --deep it reads the data files as well, and holds them to what their
manifests say: rows, values, nulls and bounds of each column. Of the newest
snapshot it looks whether each row is there once, whether each sub-tile that has
sources has a shear row, and whether _healpix_29 is the pixel of the position.
The digests that commits leave (constellation.digest) are of what they were made
from, not of rows, and aren't looked at.

What is wrong is told with file, snapshot and remedy; then it fails with
CatalogBroken.`,
		Example: `  constellation catalog verify --config edfs.yaml
  constellation catalog verify --config edfs.yaml --deep --json`,
		Args: cobra.NoArgs,
	}
	t.flags(c)
	c.Flags().BoolVar(&t.deep, "deep", false, "read the data files, too")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, w := c.Context(), c.OutOrStdout()
		return t.with(ctx, false, func(tables *catalog.Catalog, store objstore.Store) error {
			v, err := tables.Verify(ctx, store, t.deep)
			if err != nil {
				return err
			}
			if t.asJSON {
				err = printJSON(w, v)
			} else {
				showVerdict(w, v)
			}
			if err != nil {
				return err
			}
			return v.Err()
		})
	}
	return c
}

// flawsShown are so many of what is wrong; of the others the number is told.
const flawsShown = 20

func showVerdict(w io.Writer, v *catalog.Verdict) {
	for _, t := range v.Tables {
		fmt.Fprintf(w, "table %s, below %s\n", t.Table, t.Location)
		if t.Contents == nil && t.Snapshots == 0 && len(t.Flaws) > 0 {
			continue // its metadata is gone
		}
		fmt.Fprintf(w, "  %d snapshots, %d manifests, %d data files, %d delete files, %d of statistics: %s\n", t.Snapshots, t.Manifests, t.Data, t.Deletes, t.Statistics, report.Bytes(t.Bytes))
		if d := t.Contents; d != nil {
			fmt.Fprintf(w, "  %d files were read; the newest snapshot has %d rows, %d with the right pixel (%d on its edge), %d with none\n", d.Files, d.Rows, d.Pixels, d.EdgePixel, d.NoPixel)
			if d.Skipped > 0 {
				fmt.Fprintf(w, "  %d deletion vectors were not read by themselves\n", d.Skipped)
			}
		}
	}
	if v.UnderWay > 0 {
		fmt.Fprintf(w, "%d sub-tiles have sources and no shear yet: a commit is under way\n", v.UnderWay)
	}
	all := v.Flaws()
	if len(all) == 0 {
		fmt.Fprintln(w, "nothing is wrong")
		return
	}
	fmt.Fprintf(w, "\n%d things are wrong:\n", len(all))
	for i, f := range all {
		if i == flawsShown {
			fmt.Fprintf(w, "  and %d more (--json has all)\n", len(all)-i)
			break
		}
		newest := ""
		if f.Current {
			newest = " (the newest snapshot's, too)"
		}
		fmt.Fprintf(w, "  %v%s\n", f, newest)
	}
}
