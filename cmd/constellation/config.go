package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration, or print its JSON Schema",
		Example: `  constellation config check --config edfs.yaml
  constellation config schema > schema.json`,
	}
	l := launch{assembles: true}
	check := &cobra.Command{
		Use:     "check --config FILE",
		Short:   "Say whether a configuration is valid, and its id",
		Example: `  constellation config check --config edfs.yaml --set engine=mock`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, err := l.settings(c.Context(), "check")
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is valid, config_id %s\n", l.config, settings.Destination.ConfigID)
			return nil
		},
	}
	l.flags(check, storage)
	c.AddCommand(check, &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema, for editors",
		Example: `  constellation config schema > schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", text)
			return err
		},
	})
	return c
}
