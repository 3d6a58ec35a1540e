package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/simulate"
)

func simulateCommand() *cobra.Command {
	var preset, parameters, out, config, release string
	var gz []string
	var seed uint64
	c := &cobra.Command{
		Use:   "simulate --out DIR",
		Short: "Write a small Euclid survey in the exact structure of Q1 or Q2",
		Long: `Simulate writes VIS exposures (DET, BKG, WGT, PSF), MER catalogues and MER mosaics
as Euclid delivers them, with galaxies of known shear, and a truth table beside
them. The same parameters give the same bytes.

Presets: tiny (seconds), demo (half a minute), tile (full-size files of one 32'
tile, sparse: headers and catalogues are real, images are holes).

Releases: q1 has a directory for each observation. q2 is the same sky without them,
with dithers past 99, and DET combined, in three files (sci, rms, flg), or both.`,
		Example: `  constellation simulate --preset tiny --out /tmp/survey --config /tmp/survey.yaml
  constellation simulate --preset tiny --release q2 --gz catalogues --out /tmp/q2
  constellation simulate --preset demo --parameters mine.json --out s3://bucket/q1`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&preset, "preset", "demo", "tiny, demo or tile")
	f.StringVar(&parameters, "parameters", "", "JSON file of parameters that replace the preset's (truth/survey.json of a survey has them all)")
	f.StringVarP(&out, "out", "o", "", "directory or s3://... to write to (required)")
	f.Uint64Var(&seed, "seed", 0, "seed of the random numbers, instead of the preset's")
	f.StringVar(&release, "release", "q1", "the form of names and directories: q1 or q2")
	f.StringSliceVar(&gz, "gz", nil, "write these as .fits.gz: catalogues, mosaics, psf")
	f.StringVar(&config, "config", "", "also write a matching configuration to this file")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := simulate.Preset(preset)
		if err != nil {
			return err
		}
		if parameters != "" {
			text, err := os.ReadFile(parameters)
			if err != nil {
				return err
			}
			d := json.NewDecoder(strings.NewReader(string(text)))
			d.DisallowUnknownFields()
			if err := d.Decode(&s); err != nil {
				return fmt.Errorf("%s: %w", parameters, err)
			}
		}
		if c.Flags().Changed("seed") {
			s.Seed = seed
		}
		if c.Flags().Changed("release") {
			s.Release = release
		}
		if c.Flags().Changed("gz") {
			s.Gzip = gz
		}
		if err := runSimulation(c.Context(), c.OutOrStdout(), s, absolutePath(out)); err != nil {
			return err
		}
		if config == "" {
			return nil
		}
		text := s.ConfigYAML(absolutePath(out)) + "output:\n  storage_base_uri: products\nengine: mock\n"
		return os.WriteFile(config, []byte(text), 0o666)
	}
	return c
}

// runSimulation writes a survey and says how far it is.
func runSimulation(ctx context.Context, w io.Writer, s simulate.Survey, out string) error {
	start, last := time.Now(), time.Now()
	summary, err := simulate.Run(ctx, objstore.Open(ctx, objstore.Config{}), out, s, func(done, total int, what string) {
		if time.Since(last) > 2*time.Second {
			last = time.Now()
			fmt.Fprintf(w, "%6s  simulated %d of %d  %s\n", round(time.Since(start)), done, total, what)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%6s  simulated %d exposures of %d tiles: %d files, %s, in %s\n", round(time.Since(start)),
		summary.Exposures, len(summary.Tiles), summary.Files, report.Bytes(summary.Bytes), out)
	return nil
}
