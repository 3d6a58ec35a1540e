package euclid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// tilesOfMosaics finds the tiles by their mosaics, of whichever release: a
// tile's place is the same in all of them.
func tilesOfMosaics(ctx context.Context, s TileStore, opts TileOptions, listed *Listed, unread map[int64]string) (map[int64]*MERTile, error) {
	mosaics, err := listMER(ctx, s, opts.MERBase, VISMosaic)
	if err != nil {
		return nil, err
	}
	listed.Notes = append(listed.Notes, mosaics.notes()...)
	tiles := map[int64]*MERTile{}
	for id := range mosaics.tiles {
		t, ok := mosaics.any(id, opts.release)
		if ok {
			tiles[id] = &t
		} else {
			unread[id] = t.Lacks
		}
	}
	for id, what := range mosaics.lost {
		if tiles[id] == nil && unread[id] == "" {
			unread[id] = "its mosaic " + what
		}
	}
	err = opts.eachTile(ctx, tiles, func(ctx context.Context, t *MERTile) (err error) {
		if err = completeMosaic(ctx, s, &t.Mosaic); err == nil {
			t.Centre, err = mosaicCentre(ctx, s, t.Mosaic)
		}
		return err
	})
	return tiles, err
}

// mosaicCentre is the direction of the middle of the first image in the file,
// which is in the primary HDU of Euclid's mosaics.
func mosaicCentre(ctx context.Context, r objstore.Reader, f File) (centre sky.Coord, err error) {
	err = eitherWay(f, func(gzipped bool) (err error) {
		at, size := readerAt(ctx, r, f), f.Size
		if gzipped {
			if at, size, err = head(ctx, r, f); err != nil {
				return err
			}
		}
		centre, err = centreIn(at, size, f)
		return err
	})
	if err != nil {
		err = withoutMosaics(err)
	}
	return centre, err
}

func centreIn(at io.ReaderAt, size int64, f File) (centre sky.Coord, err error) {
	found := false
	err = fits.Scan(at, size, func(h *fits.HDU) (bool, error) {
		if err := holdTile(f, h); err != nil {
			return false, err
		}
		if h.Header.Has("ZIMAGE") {
			return false, RequireImage(f.URI, h)
		}
		if h.DataSize == 0 || h.Kind != "PRIMARY" && h.Kind != "IMAGE" {
			return true, nil
		}
		found = true
		var err error
		if centre, err = middle(h); err != nil {
			err = locate(err, f.URI, h)
		}
		return false, err
	})
	if err == nil && !found {
		err = fault.Data("MissingHDU", "there is no image in it")
	}
	if err != nil {
		return sky.Coord{}, locate(err, f.URI, nil)
	}
	return centre, nil
}

// middle is the direction of the middle of an image.
func middle(h *fits.HDU) (sky.Coord, error) {
	nx, err := h.Header.Int("NAXIS1")
	if err != nil {
		return sky.Coord{}, err
	}
	ny, err := h.Header.Int("NAXIS2")
	if err != nil {
		return sky.Coord{}, err
	}
	w, err := wcs.New(h.Header)
	if err != nil {
		return sky.Coord{}, err
	}
	return w.ToSky(float64(nx+1)/2, float64(ny+1)/2), nil
}

// withoutMosaics adds to what is wrong with a mosaic that no mosaics are needed.
func withoutMosaics(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.BadData {
		return err
	}
	g := *f
	g.Remedy = strings.TrimPrefix(g.Remedy+"; or take the centres from elsewhere, by tiling.source "+string(settings.FromTable)+" or "+string(settings.FromCatalog), "; ")
	return &g
}

// tilesOfCatalogs finds first where each tile roughly is, by one of its
// sources, and then the centres of those that can matter.
func tilesOfCatalogs(ctx context.Context, s TileStore, opts TileOptions, catalogs map[int64]*MERTile, unread map[int64]string) (map[int64]*MERTile, error) {
	tiles := map[int64]*MERTile{}
	for id, t := range catalogs {
		if len(t.Catalogs) > 0 {
			tiles[id] = &MERTile{ID: id, Catalogs: t.Catalogs}
		} else {
			unread[id] = t.Lacks
		}
	}
	if len(opts.IDs) > 0 {
		err := opts.eachTile(ctx, tiles, func(ctx context.Context, t *MERTile) error {
			c, err := OpenCatalog(ctx, s, t.Catalogs[0])
			if err != nil {
				return err
			}
			defer c.Close()
			row, err := c.first()
			t.Centre = row.Pos
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := known(opts.IDs, tiles, opts.CatalogBase, unread); err != nil {
			return nil, err
		}
		// A source lies up to half a diagonal of its tile from the centre, for both tiles.
		const halfDiagonal = 16. / 60 * math.Sqrt2
		near := around(tiles, opts.IDs, opts.NeighbourRadiusDeg+2*halfDiagonal)
		kept := map[int64]*MERTile{}
		for _, id := range near {
			kept[id] = tiles[id]
		}
		tiles = kept
	}
	err := opts.eachTile(ctx, tiles, func(ctx context.Context, t *MERTile) (err error) {
		t.Centre, err = extentCentre(ctx, s, t.Catalogs)
		return err
	})
	return tiles, err
}

// extentCentre is the middle of the extent of all positions, in the plane that
// touches the sky there.
func extentCentre(ctx context.Context, r objstore.Reader, files []File) (sky.Coord, error) {
	var all []sky.Coord
	for _, f := range files {
		c, err := OpenCatalog(ctx, r, f)
		if err != nil {
			return sky.Coord{}, err
		}
		err = c.Rows(ctx, func(row Row) error { all = append(all, row.Pos); return nil })
		c.Close()
		if err != nil {
			return sky.Coord{}, err
		}
	}
	if len(all) == 0 {
		return sky.Coord{}, noSources(files[0])
	}
	centre := mean(all)
	for range 3 { // converges at once: the planes differ by minutes of arc
		plane := sky.NewTangent(centre)
		box := sky.Box{XiMin: math.Inf(1), XiMax: math.Inf(-1), EtaMin: math.Inf(1), EtaMax: math.Inf(-1)}
		for _, p := range all {
			o, ok := plane.Project(p)
			if !ok || math.Hypot(o.Xi, o.Eta) > 5 {
				return sky.Coord{}, fault.Data("CatalogExtent", "sources at %v and at %v are not of one tile", centre, p).
					On(files[0].URI).Fix("use tiling.source %s or %s", settings.FromMosaic, settings.FromTable)
			}
			box.XiMin, box.XiMax = min(box.XiMin, o.Xi), max(box.XiMax, o.Xi)
			box.EtaMin, box.EtaMax = min(box.EtaMin, o.Eta), max(box.EtaMax, o.Eta)
		}
		centre = plane.Deproject(sky.Offset{Xi: (box.XiMin + box.XiMax) / 2, Eta: (box.EtaMin + box.EtaMax) / 2})
	}
	return centre, nil
}

func noSources(f File) error {
	return fault.Data("CatalogExtent", "no source has a position").On(f.URI).
		Fix("use tiling.source %s or %s", settings.FromMosaic, settings.FromTable)
}

func tilesOfTable(ctx context.Context, s TileStore, opts TileOptions) (map[int64]*MERTile, error) {
	list, err := readTable(ctx, s, opts)
	if err != nil {
		return nil, fmt.Errorf("read tile table: %w", err)
	}
	tiles := map[int64]*MERTile{}
	for i := range list {
		t := &list[i]
		if tiles[t.ID] != nil {
			return nil, fault.Input("TileTable", "tile %d stands twice", t.ID).On(opts.TileTable).Fix("leave one row of it")
		}
		if !onSky(t.Centre) {
			return nil, fault.Input("TileTable", "tile %d has ra %v, dec %v", t.ID, t.Centre.RA, t.Centre.Dec).On(opts.TileTable).
				Fix("ra and dec are degrees")
		}
		t.Centre = sky.Normalize(t.Centre)
		tiles[t.ID] = t
	}
	return tiles, nil
}

// onSky is false for NaN.
func onSky(c sky.Coord) bool { return math.Abs(c.RA) <= 360 && math.Abs(c.Dec) <= 90 }
