package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/version"
	"github.com/cosmostat/constellation/workflows"
)

func packageCommand() *cobra.Command {
	var image, shine, out, file string
	c := &cobra.Command{
		Use:   "package --image IMAGE --shine-image IMAGE",
		Short: "Write the archive that flytectl registers",
		Long: `Package writes every task, workflow and launch plan into the archive that
"flytectl register files --archive" takes. The same specs, version and settings
give the same bytes.`,
		Example: `  constellation package --image registry.example/constellation:v1 --shine-image registry.example/shine:v1
  flytectl register files constellation.tgz --archive -p shear -d development --version v1`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&image, "image", "", "container image of the CPU stages (required)")
	f.StringVar(&shine, "shine-image", "", "container image of infer-subtile: SHINE and the executable (required)")
	f.StringVarP(&out, "output", "o", "constellation.tgz", "file to write")
	f.StringVarP(&file, "config", "c", "", "take quadrant_concurrency, max_parallelism and shine.accelerator from this configuration")
	cobra.CheckErr(c.MarkFlagRequired("image"))
	cobra.CheckErr(c.MarkFlagRequired("shine-image"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		settings := config.Default()
		if file != "" {
			var err error
			if _, settings, err = (&launch{config: file}).load(c.Context()); err != nil {
				return err
			}
		}
		bundles, err := workflows.Build(settingsOf(settings), spec.Options{
			Image: image, Images: map[string]string{"shine": shine},
			Accelerator: settings.Shine.Accelerator, MaxParallelism: settings.MaxParallelism,
		})
		if err != nil {
			return err
		}
		up, err := objstore.Open(c.Context(), objstore.Config{}).Create(c.Context(), out)
		if err != nil {
			return err
		}
		defer up.Abort()
		if err := spec.WriteArchive(up, bundles...); err != nil {
			return err
		}
		if _, err := up.Commit(); err != nil {
			return err
		}
		var names []string
		for _, b := range bundles {
			names = append(names, b.Workflow.GetTemplate().GetId().GetName())
		}
		fmt.Fprintf(c.OutOrStdout(), "%s holds %s\nregister it with: flytectl register files %s --archive -p PROJECT -d DOMAIN --version %s\n",
			out, strings.Join(names, ", "), out, version.Version)
		return nil
	}
	return c
}
