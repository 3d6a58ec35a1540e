package main

import "github.com/spf13/cobra"

func catalogCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "catalog",
		Short: "Look after the tables of the shear catalogue",
		Long: `Catalog looks after the two Iceberg tables that a configuration names under
output. They stay readable all the while, and writers may be at work.`,
	}
	c.AddCommand(catalogEvolve(), catalogCompact())
	return c
}
