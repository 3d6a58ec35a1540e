package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// fromRun gathers what a run left in its directories.
func (p *picture) fromRun(ctx context.Context) (*plot.Scene, error) {
	store := objstore.Open(ctx, objstore.Config{})
	record := absolutePath(p.run)
	if !strings.HasSuffix(record, "/"+survey.RunFile) {
		record = objstore.Join(record, survey.RunFile)
	}
	run, err := survey.LoadRun(ctx, store, record)
	if err != nil {
		return nil, err
	}
	if len(p.tiles) > 0 {
		run.Tiles = slices.DeleteFunc(run.Tiles, func(t survey.RunTile) bool { return !slices.Contains(p.tiles, t.TileID) })
	}
	ids := make([]int64, len(run.Tiles))
	for i, t := range run.Tiles {
		ids[i] = t.TileID
	}
	if err := p.single(ids); err != nil {
		return nil, err
	}
	scene := &plot.Scene{Title: "Run " + run.RunID}
	if p.what == "tile" {
		scene.Title, scene.Note = plot.TileTitle("", ids[0]), "run "+run.RunID
	}
	tiles := make([]*runTile, len(run.Tiles))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(plotReads)
	for i, t := range run.Tiles {
		g.Go(func() (err error) {
			tiles[i], err = p.readTile(gctx, store, t)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var quadrants []euclid.Quadrant
	known := map[int64]int{} // where a source is in the list
	for _, t := range tiles {
		scene.Tiles = append(scene.Tiles, t.drawn)
		quadrants = append(quadrants, t.quadrants...)
		for _, s := range t.sources {
			i, ok := known[s.id]
			if !ok {
				i = len(scene.Sources)
				known[s.id] = i
				scene.Sources = append(scene.Sources, s.Source)
			}
			scene.Sources[i].Core = scene.Sources[i].Core || s.Core
		}
	}
	scene.Footprints = report.Footprints(distinctQuadrants(quadrants))
	return scene, nil
}

// runTile is what a run left of one tile.
type runTile struct {
	drawn     plot.Tile
	quadrants []euclid.Quadrant
	sources   []runSource
}

// runSource is a source of one sub-tile; others may have it too, and at most
// one of them in its core.
type runSource struct {
	plot.Source
	id int64
}

func (p *picture) readTile(ctx context.Context, r objstore.Reader, t survey.RunTile) (*runTile, error) {
	at, rows, cols := runCentre(t)
	out := &runTile{}
	manifests := make([]*manifest.Manifest, len(t.SubTiles))
	if p.what != "sky" && t.Failure == "" {
		for i, s := range t.SubTiles {
			m, err := readLocalManifest(ctx, r, s.Directory)
			if fault.CodeOf(err) == objstore.NotFound {
				continue // a sub-tile that failed may have none
			} else if err != nil {
				return nil, err
			}
			manifests[i] = m
			if p.shows(showSources) {
				if err := out.addSources(ctx, r, s.Directory, m); err != nil {
					return nil, err
				}
			}
			if p.shows(showQuadrants) {
				if err := out.addQuadrants(ctx, r, s.Directory, m); err != nil {
					return nil, err
				}
			}
		}
	}
	out.drawn = layOut(at, rows, cols, t, manifests)
	return out, nil
}

// runCentre finds a tile's centre by those of its sub-tiles. They lie evenly
// round it in its tangent plane, so it is exactly the direction of their sum.
func runCentre(t survey.RunTile) (at sky.Tile, rows, cols int) {
	var x, y, z float64
	for _, s := range t.SubTiles {
		sa, ca := math.Sincos(s.RA * math.Pi / 180)
		sd, cd := math.Sincos(s.Dec * math.Pi / 180)
		x, y, z = x+cd*ca, y+cd*sa, z+sd
		rows, cols = max(rows, s.Row+1), max(cols, s.Col+1)
	}
	centre := sky.Coord{RA: math.Atan2(y, x) * 180 / math.Pi, Dec: math.Atan2(z, math.Hypot(x, y)) * 180 / math.Pi}
	return sky.Tile{ID: t.TileID, Centre: sky.Normalize(centre)}, rows, cols
}

// layOut makes the tile's squares: by a manifest, or by the distances between
// the sub-tiles' centres, which say nothing of margins.
func layOut(at sky.Tile, rows, cols int, t survey.RunTile, manifests []*manifest.Manifest) plot.Tile {
	plane := at.Plane()
	width, height, border := 0.5/float64(cols), 0.5/float64(rows), 0.0 // a lone sub-tile without a manifest: a MER tile's core
	for _, s := range t.SubTiles {
		o, ok := plane.Project(sky.Coord{RA: s.RA, Dec: s.Dec})
		if !ok {
			continue // not in this half of the sky: not one of the tile
		}
		if n := float64(2*s.Col - cols + 1); n != 0 {
			width = math.Abs(2 * o.Xi / n)
		}
		if n := float64(2*s.Row - rows + 1); n != 0 {
			height = math.Abs(2 * o.Eta / n)
		}
	}
	for _, m := range manifests {
		if m != nil && len(m.CorePolygon) == 4 && len(m.ExtendedPolygon) == 4 {
			core, extended := span(plane, m.CorePolygon), span(plane, m.ExtendedPolygon)
			width, height = core.XiMax-core.XiMin, core.EtaMax-core.EtaMin
			border = (extended.XiMax - extended.XiMin - width) / 2
			break
		}
	}
	out := plot.Tile{Tile: at, Box: sky.Box{
		XiMin: -width * float64(cols) / 2, XiMax: width * float64(cols) / 2,
		EtaMin: -height * float64(rows) / 2, EtaMax: height * float64(rows) / 2,
	}}
	for i, s := range t.SubTiles {
		core := sky.Box{XiMin: out.Box.XiMin + float64(s.Col)*width, EtaMin: out.Box.EtaMin + float64(s.Row)*height}
		core.XiMax, core.EtaMax = core.XiMin+width, core.EtaMin+height
		sub := plot.SubTile{Name: s.Name(), Core: core, Extended: core.Grow(border), Status: s.Status}
		if m := manifests[i]; m != nil {
			sub.Sources, sub.Counted = len(m.Core), true
		}
		out.SubTiles = append(out.SubTiles, sub)
	}
	return out
}

// span is the box around corners, which are its own as a manifest has them.
func span(plane sky.Tangent, corners [][2]float64) sky.Box {
	b := sky.Box{XiMin: math.Inf(1), XiMax: math.Inf(-1), EtaMin: math.Inf(1), EtaMax: math.Inf(-1)}
	for _, c := range corners {
		o, ok := plane.Project(sky.Coord{RA: c[0], Dec: c[1]})
		if !ok {
			continue
		}
		b.XiMin, b.XiMax = math.Min(b.XiMin, o.Xi), math.Max(b.XiMax, o.Xi)
		b.EtaMin, b.EtaMax = math.Min(b.EtaMin, o.Eta), math.Max(b.EtaMax, o.Eta)
	}
	return b
}

func readLocalManifest(ctx context.Context, r objstore.Reader, dir string) (*manifest.Manifest, error) {
	body, err := r.Get(ctx, objstore.Join(dir, survey.LocalManifestFile), "", objstore.Whole)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	m, err := manifest.Read(body)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of %s: %w", dir, err)
	}
	return m, nil
}

// addSources reads the sub-tile's catalogue.
func (t *runTile) addSources(ctx context.Context, r objstore.Reader, dir string, m *manifest.Manifest) error {
	f, err := fileAt(ctx, r, objstore.Join(dir, m.Catalog))
	if err != nil {
		return err
	}
	c, err := euclid.OpenCatalog(ctx, r, f)
	if err != nil {
		return err
	}
	defer c.Close()
	cores := make(map[int64]bool, len(m.Core))
	for _, id := range m.Core {
		cores[id] = true
	}
	return c.Rows(ctx, func(row euclid.Row) error {
		t.sources = append(t.sources, runSource{plot.Source{At: row.Pos, Core: cores[row.ID]}, row.ID})
		return nil
	})
}

// addQuadrants reads the headers of the sub-tile's exposures. Those that the
// run has dropped, as output.retention says, are not drawn.
func (t *runTile) addQuadrants(ctx context.Context, r objstore.Reader, dir string, m *manifest.Manifest) error {
	last := ""
	for _, q := range m.Quadrants { // in the order of the exposures
		if q.SCI == last {
			continue
		}
		last = q.SCI
		f, err := fileAt(ctx, r, objstore.Join(dir, q.SCI))
		if fault.CodeOf(err) == objstore.NotFound {
			fmt.Fprintln(fault.Writer(os.Stderr), "not drawn, the file is gone:", objstore.Join(dir, q.SCI))
			continue
		} else if err != nil {
			return err
		}
		qs, err := euclid.ReadOutlines(ctx, r, euclid.Exposure{
			ExposureID: euclid.ExposureID{Obs: q.Obs, Dither: q.Dither, Number: q.CCD}, DET: f,
		})
		if err != nil {
			return fmt.Errorf("read quadrants of %s: %w", f.URI, err)
		}
		t.quadrants = append(t.quadrants, qs...)
	}
	return nil
}

func fileAt(ctx context.Context, r objstore.Reader, uri string) (euclid.File, error) {
	info, err := r.Stat(ctx, uri)
	return euclid.File{URI: uri, Size: info.Size, ETag: info.ETag}, err
}
