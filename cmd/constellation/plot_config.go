package main

import (
	"cmp"
	"context"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// plotReads bounds the files that are read at once.
const plotReads = 8

// fromConfig gathers what a run of the configuration would take.
func (p *picture) fromConfig(ctx context.Context) (*plot.Scene, error) {
	c, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.resolve(ctx, "plot")
	if err != nil {
		return nil, err
	}
	source := objstore.Open(ctx, pipeline.Store(s.Source))
	found, err := findTiles(ctx, fault.Writer(os.Stderr), source, s)
	if err != nil {
		return nil, err
	}
	if err := p.single(found.Wanted); err != nil {
		return nil, err
	}
	scene := &plot.Scene{Title: c.config.FieldName}
	if p.what == "tile" {
		scene.Title = plot.TileTitle(c.config.FieldName, found.Wanted[0])
	}
	var wanted []sky.Tile
	for _, aside := range []bool{false, true} { // the wanted ones first
		for _, t := range found.Tiles {
			tile := sky.Tile{ID: t.ID, Centre: t.Centre}
			if slices.Contains(found.Wanted, t.ID) == aside {
				continue
			}
			drawn := plot.NewTile(tile, sky.Grid(s.Tiling.Grid))
			if drawn.Aside = aside; !aside {
				wanted = append(wanted, tile)
			}
			scene.Tiles = append(scene.Tiles, drawn)
		}
	}
	if p.shows(showQuadrants) {
		near, err := p.quadrantsNear(ctx, source, s, wanted)
		if err != nil {
			return nil, err
		}
		scene.Footprints = report.Footprints(near)
	}
	if p.shows(showSources) {
		if scene.Sources, err = catalogSources(ctx, source, found, wanted, sky.Grid(s.Tiling.Grid)); err != nil {
			return nil, err
		}
	}
	return scene, nil
}

// quadrantsNear finds the quadrants that may touch one of the tiles, by an
// index or by all exposures' headers.
func (p *picture) quadrantsNear(ctx context.Context, source *objstore.Mux, s pipeline.ResolveConfigOut, tiles []sky.Tile) ([]euclid.Quadrant, error) {
	reach := sky.Grid(s.Tiling.Grid).Reach()
	var all []euclid.Quadrant
	if p.index != "" {
		x, err := index.Open(ctx, objstore.Open(ctx, objstore.Config{}), absolutePath(p.index))
		if err != nil {
			return nil, err
		}
		for _, t := range tiles {
			near, err := x.Near(ctx, t.Centre, reach)
			if err != nil {
				return nil, err
			}
			all = append(all, near...)
		}
		return distinctQuadrants(all), nil
	}
	files, _, err := observations.Files(ctx, source, s.Source)
	if err != nil {
		return nil, err
	}
	plan, err := euclid.IndexExposures(ctx, files, cmp.Or(s.Source.Files, s.Source.VISBase), s.Source.Exposures)
	if err != nil {
		return nil, err
	}
	read := make([][]euclid.Quadrant, len(plan.Exposures))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(plotReads)
	for i, e := range plan.Exposures {
		g.Go(func() error {
			qs, err := euclid.ReadOutlines(gctx, source, e)
			for _, t := range tiles {
				read[i] = append(read[i], euclid.Overlapping(qs, t.Centre, reach)...)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return distinctQuadrants(slices.Concat(read...)), nil
}

// distinctQuadrants keeps one of the quadrants that are the same, in their order.
func distinctQuadrants(qs []euclid.Quadrant) []euclid.Quadrant {
	type key struct {
		euclid.ExposureID
		name string
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(qs, func(q euclid.Quadrant) bool {
		k := key{q.Exposure, q.Name}
		defer func() { seen[k] = true }()
		return seen[k]
	})
}

// catalogSources reads the positions of the tiles' own sources, and of the
// neighbours' sources in the tiles' margins.
func catalogSources(ctx context.Context, r objstore.Reader, found *survey.Tiles, wanted []sky.Tile, grid sky.Grid) ([]plot.Source, error) {
	half := grid.TileArcmin / 120
	square := sky.Box{XiMin: -half, XiMax: half, EtaMin: -half, EtaMax: half}
	extended := square.Grow(grid.MarginArcmin / 60)
	planes := map[int64]sky.Tangent{}
	for _, t := range wanted {
		planes[t.ID] = t.Plane()
	}
	var out []plot.Source
	for _, t := range found.Tiles {
		for _, f := range t.Catalogs {
			c, err := euclid.OpenCatalog(ctx, r, f)
			if err != nil {
				return nil, err
			}
			defer c.Close()
			err = c.Rows(ctx, func(row euclid.Row) error {
				source, ok := plot.Source{At: row.Pos}, false
				for _, w := range wanted {
					o, visible := planes[w.ID].Project(row.Pos)
					if !visible || !extended.Contains(o) {
						continue
					}
					ok = true
					source.Core = source.Core || w.ID == t.ID && square.Contains(o)
				}
				if ok {
					out = append(out, source)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
