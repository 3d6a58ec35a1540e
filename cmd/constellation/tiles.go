package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/region"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// tileForms are what the tiles can be written as.
var tileForms = map[string]func(io.Writer, []tileRow) error{
	"table": tileTable, "csv": tileCSV,
	"geojson": func(w io.Writer, rows []tileRow) error { return region.WriteGeoJSON(w, squares(rows)) },
	"ds9":     func(w io.Writer, rows []tileRow) error { return region.WriteDS9(w, squares(rows)) },
}

func tilesCommand() *cobra.Command {
	var l launch
	var form, output string
	var subTiles, neighbours bool
	c := &cobra.Command{
		Use:   "tiles --config FILE",
		Short: "Print or export the tiles that a configuration asks for",
		Long: `Tiles finds the tiles of a configuration (its list of ids, its region, or all) as
index-observations does, and writes them as a table, as CSV with the columns of a
tile table (tiling.source: tile_table), as GeoJSON or as a DS9 region file.

A tile is drawn as the square that its sub-tiles divide, a sub-tile as its core.
The longitude of GeoJSON is the right ascension, from -180 to 180 degrees. A
region selects the tiles whose cores, of tiling.mer_core_size_arcmin, it touches.`,
		Example: `  constellation tiles --config edfs.yaml
  constellation tiles --config edfs.yaml --set tile_ids=all --format csv --output tiles.csv
  constellation tiles --config edfs.yaml --set 'region={cone: [58, -51, 1]}' --sub-tiles --format ds9 -o edfs.reg`,
		Args: cobra.NoArgs,
	}
	l.flags(c, tileIDs)
	c.Flags().StringVarP(&form, "format", "f", "table", "table, csv, geojson or ds9")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write; default: standard output")
	c.Flags().BoolVar(&subTiles, "sub-tiles", false, "show sub-tiles, too (csv: instead)")
	c.Flags().BoolVar(&neighbours, "neighbours", false, "show tiles, too, that only lend sources to margins")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		write, ok := tileForms[form]
		if !ok {
			return fault.Input(codeUsage, "there is no format %q", form).At("--format").Fix("use table, csv, geojson or ds9")
		}
		rows, err := tileRows(c.Context(), &l, subTiles, neighbours)
		if err != nil {
			return err
		}
		if output == "" {
			return write(c.OutOrStdout(), rows)
		}
		f, err := os.Create(output)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := write(f, rows); err != nil {
			return err
		}
		return f.Close()
	}
	return c
}

// indexInputs are what index-observations takes of the settings.
func indexInputs(s pipeline.ResolveConfigOut) pipeline.IndexObservationsIn {
	return pipeline.IndexObservationsIn{
		Source: s.Source, Tiling: s.Tiling, TileIDs: s.TileIDs, Region: s.Region, FilesPerTask: s.FilesPerTask, Destination: s.Destination,
	}
}

// findTiles finds the tiles that settings ask for, and says on w which can't be placed.
func findTiles(ctx context.Context, w io.Writer, source euclid.TileStore, s pipeline.ResolveConfigOut) (*survey.Tiles, error) {
	files, _, err := observations.Files(ctx, source, s.Source)
	if err != nil {
		return nil, err
	}
	return observations.Tiles(ctx, files, indexInputs(s), nil, func(why error) { fmt.Fprintln(w, "a tile is left out:", why) })
}

// tileRow is a tile, or one of its sub-tiles.
type tileRow struct {
	tile     sky.Tile
	subTile  *sky.SubTile // nil: the tile itself
	grid     sky.Grid
	wanted   bool
	catalogs int
}

func tileRows(ctx context.Context, l *launch, subTiles, neighbours bool) ([]tileRow, error) {
	s, err := l.settings(ctx, "tiles")
	if err != nil {
		return nil, err
	}
	if err := contact(ctx, fault.Writer(os.Stderr), s); err != nil {
		return nil, err
	}
	tiles, err := findTiles(ctx, fault.Writer(os.Stderr), objstore.Open(ctx, pipeline.Store(s.Source)), s)
	if err != nil {
		return nil, err
	}
	var rows []tileRow
	for _, t := range tiles.Tiles {
		row := tileRow{
			tile: sky.Tile{ID: t.ID, Centre: t.Centre}, grid: sky.Grid(s.Tiling.Grid),
			wanted: slices.Contains(tiles.Wanted, t.ID), catalogs: len(t.Catalogs),
		}
		if !row.wanted && !neighbours {
			continue
		}
		rows = append(rows, row)
		if !subTiles || !row.wanted {
			continue
		}
		for _, sub := range row.grid.SubTiles(row.tile) {
			part := row
			part.subTile = &sub
			rows = append(rows, part)
		}
	}
	return rows, nil
}

func (r tileRow) centre() sky.Coord {
	if r.subTile != nil {
		return r.subTile.Centre()
	}
	return r.tile.Centre
}

func (r tileRow) id() string { return strconv.FormatInt(r.tile.ID, 10) }

func (r tileRow) role() string {
	switch {
	case r.subTile != nil:
		return "sub-tile"
	case r.wanted:
		return "tile"
	}
	return "neighbour"
}

// name is the tile's, with the sub-tile's directory.
func (r tileRow) name() string {
	if r.subTile != nil {
		return r.id() + "/" + r.subTile.Name()
	}
	return r.id()
}

func tileTable(w io.Writer, rows []tileRow) error {
	t := report.Table{Header: []string{"tile", "what", "ra", "dec", "catalogues"}}
	tiles, others := 0, 0
	for _, r := range rows {
		catalogs := ""
		if r.subTile == nil {
			catalogs = strconv.Itoa(r.catalogs)
			if r.wanted {
				tiles++
			} else {
				others++
			}
		}
		t.Add(r.name(), r.role(), fixed(r.centre().RA), fixed(r.centre().Dec), catalogs)
	}
	lines := strings.Split(t.Text(""), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := fmt.Fprintf(w, "%s%d tiles, %d neighbours\n", strings.Join(lines, "\n"), tiles, others)
	return err
}

// tileCSV is a tile table: it can be read again as one. With sub-tiles it is a list of those.
func tileCSV(w io.Writer, rows []tileRow) error {
	buffered := bufio.NewWriter(w)
	out := csv.NewWriter(buffered)
	parts := slices.ContainsFunc(rows, func(r tileRow) bool { return r.subTile != nil })
	head := []string{"tile_id", "ra", "dec"}
	if parts {
		head = append(head, "sub_tile_row", "sub_tile_col")
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, r := range rows {
		if parts != (r.subTile != nil) {
			continue
		}
		c := r.centre()
		line := []string{r.id(), exact(c.RA), exact(c.Dec)}
		if parts {
			line = append(line, strconv.Itoa(r.subTile.Row), strconv.Itoa(r.subTile.Col))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	return buffered.Flush()
}

func squares(rows []tileRow) []region.Square {
	var out []region.Square
	for _, r := range rows {
		half := r.grid.TileArcmin / 120
		s := region.Square{
			Plane: r.tile.Plane(), Box: sky.Box{XiMin: -half, XiMax: half, EtaMin: -half, EtaMax: half},
			Name: r.name(), Color: "green",
			Properties: map[string]any{"tile_id": r.tile.ID, "what": r.role(), "ra": r.centre().RA, "dec": r.centre().Dec},
		}
		if !r.wanted {
			s.Color, s.Dashed = "gray", true
		}
		if r.subTile != nil {
			s.Box, s.Color = r.subTile.Core, "cyan"
			s.Properties["row"], s.Properties["col"] = r.subTile.Row, r.subTile.Col
		}
		out = append(out, s)
	}
	return out
}

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }

// exact reads back as the same number.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
