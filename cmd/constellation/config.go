package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
)

// warn says what was accepted and should be looked at.
func warn(w io.Writer, c *config.Config) {
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}

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
			read, err := l.load(c.Context())
			if err != nil {
				return err
			}
			warn(c.ErrOrStderr(), read.config)
			valid := "valid"
			if l.assembles = !read.config.PlaceAsCatalog; !l.assembles { // and a warning has said so
				valid = "valid for runs that don't end in the catalogue"
			}
			settings, err := read.resolve(c.Context(), "check")
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is %s, config_id %s\n", l.config, valid, settings.Destination.ConfigID)
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
