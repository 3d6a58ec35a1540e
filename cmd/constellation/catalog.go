package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func catalogCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "catalog",
		Short: "Look after the tables of the shear catalogue",
		Long: `Catalog looks after the two Iceberg tables that a configuration names under
output. They stay readable all the while, and writers may be at work. What a run
left in them is judged by constellation validate, and what old commits left is
removed by constellation clean --snapshots.`,
		Example: `  constellation catalog verify --config edfs.yaml
  constellation catalog compact --config edfs.yaml --yes`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(catalogVerify(), catalogRepair(), catalogEvolve(), catalogCompact())
	return c
}

// tended is what the verbs below catalog take.
type tended struct {
	standing
	asJSON bool
	deep   bool
}

func (t *tended) flags(c *cobra.Command) {
	t.standing.flags(c)
	c.Flags().BoolVar(&t.asJSON, "json", false, "write what was found as JSON")
}

// with opens the catalogue, to be read or to be changed, and makes none.
func (t *tended) with(ctx context.Context, change bool, do func(*catalog.Catalog, objstore.Store) error) error {
	s, err := t.settings(ctx, "")
	if err != nil {
		return err
	}
	open := catalog.Reading
	if change {
		open = catalog.OpenExisting
	}
	c, err := open(ctx, s.Catalog)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c, objstore.Open(ctx, objstore.Config{}))
}

// printJSON writes a value with indents.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
