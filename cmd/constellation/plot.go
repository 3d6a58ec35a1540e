package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/plot/raster"
)

// drawings are what a picture can be of, and what it shows besides tiles
// unless it is told.
var drawings = map[string]struct {
	draw func(*plot.Scene) *plot.Page
	show []string
}{
	"tile":  {plot.DrawTile, []string{showQuadrants, showSources}},
	"field": {plot.DrawField, []string{showQuadrants}},
	"sky":   {plot.DrawSky, nil},
}

const (
	showQuadrants = "quadrants"
	showSources   = "sources"
)

// picture is what the verb plot is told.
type picture struct {
	launch
	run, index, what, out string
	show                  []string
	size                  int
}

func plotCommand() *cobra.Command {
	var p picture
	c := &cobra.Command{
		Use:   "plot (--config FILE | --run URI) --out FILE.svg|FILE.png",
		Short: "Draw a tile, a field or the whole sky",
		Long: `Plot draws tiles, sub-tiles, exposures and sources: one tile in its tangent plane,
one field, or the whole sky, as SVG or PNG. North is up and east is left.

With --config it draws what a run would take: tiles are found as by "tiles", and
quadrants by the headers of the DET files, of all of them unless --index names a
quadrant index. With --run it draws what a run left: sub-tiles by their status,
quadrants and sources of the sub-tile directories.`,
		Example: `  constellation plot --config edfs.yaml --tiles 102018211 --out tile.svg
  constellation plot --config edfs.yaml --set tile_ids=all --what field --show "" --out field.png
  constellation plot --run products/edfs_1 --tiles 102018211 --out tile.png --size 2000`,
		Args: cobra.NoArgs,
	}
	p.flags(c, tileIDs)
	f := c.Flags()
	delete(f.Lookup("config").Annotations, cobra.BashCompOneRequiredFlag)
	f.StringVar(&p.run, "run", "", "directory of a run (it holds run.json), instead of --config")
	f.StringVar(&p.index, "index", "", "quadrant index of a run, to read instead of the DET files' headers")
	f.StringVar(&p.what, "what", "tile", "tile, field or sky")
	f.StringVarP(&p.out, "out", "o", "", "file to write: .svg or .png (required)")
	f.StringSliceVar(&p.show, "show", nil, "quadrants and sources, or \"\" for neither (default: both of a tile, quadrants of a field)")
	f.IntVar(&p.size, "size", 1600, "width of a PNG in pixels")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	c.MarkFlagsOneRequired("config", "run")
	c.MarkFlagsMutuallyExclusive("config", "run")
	c.RunE = func(c *cobra.Command, _ []string) error {
		drawing, ok := drawings[p.what]
		if !ok {
			return fault.Input(codeUsage, "there is no picture %q", p.what).At("--what").Fix("use tile, field or sky")
		}
		form := strings.ToLower(filepath.Ext(p.out))
		if form != ".svg" && form != ".png" {
			return fault.Input(codeUsage, "%s is neither .svg nor .png", p.out).At("--out")
		}
		if !c.Flags().Changed("show") {
			p.show = drawing.show
		}
		for _, s := range p.show {
			if s != showQuadrants && s != showSources {
				return fault.Input(codeUsage, "%q cannot be shown", s).At("--show").Fix("use %s, %s or both", showQuadrants, showSources)
			}
		}
		gather := p.fromConfig
		if p.run != "" {
			gather = p.fromRun
		}
		scene, err := gather(c.Context())
		if err != nil {
			return err
		}
		page := drawing.draw(scene)
		var b bytes.Buffer
		if form == ".svg" {
			err = page.WriteSVG(&b)
		} else {
			err = raster.WritePNG(&b, page, p.size)
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(p.out, b.Bytes(), 0o666); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d tiles, %d quadrants, %d sources\n", p.out, len(scene.Tiles), len(scene.Footprints), len(scene.Sources))
		return err
	}
	return c
}

func (p *picture) shows(what string) bool { return slices.Contains(p.show, what) }

// single refuses several tiles where the picture is of one.
func (p *picture) single(ids []int64) error {
	if p.what == "tile" && len(ids) != 1 {
		return fault.Input(codeUsage, "a picture of a tile is of one tile, not of %d", len(ids)).At("--tiles").
			Fix("choose one (%s), or draw --what field", someIDs(ids))
	}
	return nil
}

func someIDs(ids []int64) string {
	text := strings.Trim(fmt.Sprint(ids[:min(5, len(ids))]), "[]")
	if len(ids) > 5 {
		text += " ..."
	}
	return text
}
