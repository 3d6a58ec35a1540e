package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
)

func indexCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "index",
		Short:   "Say which file holds which product",
		Example: `  constellation index export --config edfs.yaml --output files.csv`,
		Args:    cobra.NoArgs,
	}
	c.AddCommand(indexExport())
	return c
}

// listForms are the formats of index export.
var listForms = map[string]func(io.Writer, []filelist.Row) error{"csv": filelist.WriteCSV, "parquet": filelist.WriteParquet}

func indexExport() *cobra.Command {
	var l launch
	var form, output string
	c := &cobra.Command{
		Use:   "export --config FILE",
		Short: "Write a file list of the sources",
		Long: `Export lists the sources of a configuration as index-observations does, of all
exposures and tiles, and writes a row for every file that counts: its product,
what it is of, its URI, size and entity tag. With that list as data.files another
configuration needs no listing; for a mirror, write the mirror's URIs into it.

What is there and doesn't count is said on standard error.`,
		Example: `  constellation index export --config edfs.yaml --output files.csv
  constellation index export --config edfs.yaml --format parquet --output files.parquet
  constellation run --config mirror.yaml --set data.files=files.csv`,
		Args: cobra.NoArgs,
	}
	l.flags(c)
	c.Flags().StringVarP(&form, "format", "f", "csv", "csv or parquet")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write; default: standard output")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		write, ok := listForms[form]
		if !ok {
			return fault.Input(codeUsage, "there is no format %q", form).At("--format").Fix("use csv or parquet")
		}
		ctx, w := c.Context(), fault.Writer(os.Stderr)
		s, err := l.settings(ctx, "export")
		if err != nil {
			return err
		}
		if err := contact(ctx, w, s); err != nil {
			return err
		}
		entries, notes, err := observations.Inventory(ctx, objstore.Open(ctx, pipeline.Store(s.Source)), s.Source)
		if err != nil {
			return err
		}
		for _, note := range notes {
			fmt.Fprintln(w, note)
		}
		if output == "" {
			return write(c.OutOrStdout(), filelist.Rows(entries))
		}
		f, err := os.Create(output)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := write(f, filelist.Rows(entries)); err != nil {
			return err
		}
		return f.Close()
	}
	return c
}
