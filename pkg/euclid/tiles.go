package euclid

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// tileReads is how many headers are read at the same time.
const tileReads = 32

// TileStore lists and reads.
type TileStore interface {
	objstore.Lister
	objstore.Reader
}

// TileOptions says which tiles are wanted and where they are described.
type TileOptions struct {
	Source      settings.TileSource
	MERBase     string // for mer_mosaic
	CatalogBase string // where the final catalogues are; always listed
	TileTable   string // for tile_table
	IDs         []int64
	// Release is which release of the products counts: newest, or where it is
	// empty, too; else that one alone.
	Release settings.Release
	// Hold, if not nil, is told the newest release that there is where Release
	// leaves the choice, and returns the one that is held to.
	Hold func(newest string) (string, error)
	// NeighbourRadiusDeg adds tiles whose centres are that close to a wanted
	// one's: their catalogues hold the sources of the wanted tiles' margins.
	NeighbourRadiusDeg float64
	// ParquetTable reads a tile table in Parquet (package quadrants has one);
	// nil: such a table is refused.
	ParquetTable func(r io.ReaderAt, size int64) ([]MERTile, error)
	// OnUnreadable is told of a mosaic or catalogue that is bad data and whose
	// tile was not asked for by its id; the tile is left out. nil: it is an error.
	OnUnreadable func(err error)

	release string // that counts
}

// IndexTiles returns the wanted tiles and their neighbours, by id, each with
// its centre and its catalogue (none where there is none), and what else the
// listings held. No ids means all tiles that the source knows.
//
// It lists all of CatalogBase, and:
//   - mer_mosaic lists all of MERBase and reads the header of every tile's
//     mosaic, one request of 35 kB each, 32 at a time, because only the headers
//     say which tiles are neighbours: 352 requests for Q1, about 60,000 for the survey;
//   - mer_catalog reads the first row of every catalogue (a request of 256 kB
//     each), and all rows of the wanted tiles' and of those around them: some
//     100 MB a tile. The centre is the middle of the positions' extent in the
//     tangent plane, so it is good to the mean distance of sources;
//   - tile_table reads the table, and nothing else: what to use for the survey.
//
// An id that the source doesn't know is bad input, code UnknownTile.
func IndexTiles(ctx context.Context, s TileStore, opts TileOptions) ([]MERTile, *Listed, error) {
	catalogs, err := listMER(ctx, s, opts.CatalogBase, FinalCatalog)
	if err != nil {
		return nil, nil, err
	}
	if opts.release, err = opts.resolve(catalogs); err != nil {
		return nil, nil, err
	}
	listed := &Listed{Release: opts.release, Notes: catalogs.notes()}
	taken := map[int64]*MERTile{}
	for id := range catalogs.tiles {
		t := catalogs.choose(id, opts.release, opts.exact())
		taken[id] = &t
	}
	unread := map[int64]string{}
	tiles, where, err := opts.placed(ctx, s, taken, listed, unread)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(unread)) {
		listed.Unread = append(listed.Unread, fmt.Sprintf("tile %d: %s", id, unread[id]))
	}
	if len(tiles) == 0 {
		err := fault.Input("NoTiles", "no tiles").On(where).Fix("check tiling.source and the location it needs")
		if len(listed.Unread) > 0 {
			err.Err = fmt.Errorf("no tiles that can be placed: %s", list(listed.Unread))
		}
		return nil, nil, err
	}
	if err := known(opts.IDs, tiles, where, unread); err != nil {
		return nil, nil, err
	}
	chosen := around(tiles, opts.IDs, opts.NeighbourRadiusDeg)
	if err := completeCatalogs(ctx, s, taken, chosen); err != nil {
		return nil, nil, err
	}
	var out []MERTile
	for _, id := range chosen {
		t := *tiles[id]
		if c := taken[id]; c != nil {
			t.Catalogs, t.Lacks, t.Release, t.Newer = c.Catalogs, c.Lacks, c.Release, c.Newer
		} else {
			t.Lacks = catalogs.lost[id]
		}
		out = append(out, t)
	}
	return out, listed, nil
}

// placed finds the tiles with their centres, and says where they were looked for.
func (opts TileOptions) placed(ctx context.Context, s TileStore, taken map[int64]*MERTile, listed *Listed, unread map[int64]string) (tiles map[int64]*MERTile, where string, err error) {
	switch opts.Source {
	case settings.FromMosaic:
		where = opts.MERBase
		tiles, err = tilesOfMosaics(ctx, s, opts, listed, unread)
	case settings.FromCatalog:
		where = opts.CatalogBase
		if err = completeCatalogs(ctx, s, taken, slices.Collect(maps.Keys(taken))); err == nil {
			tiles, err = tilesOfCatalogs(ctx, s, opts, taken, unread)
		}
	case settings.FromTable:
		where = opts.TileTable
		tiles, err = tilesOfTable(ctx, s, opts)
	default:
		err = fault.Input("ConfigInvalid", "tiling.source is %q", opts.Source).Fix("use %s", settings.Choices[settings.TileSource]())
	}
	return tiles, where, err
}

// known refuses wanted ids that are not available, and says why, or names those nearby.
func known(wanted []int64, tiles map[int64]*MERTile, where string, unread map[int64]string) error {
	for _, id := range wanted {
		if tiles[id] != nil {
			continue
		}
		if why := unread[id]; why != "" {
			return fault.Input("UnknownTile", "tile %d can't be placed on the sky: %s", id, why).On(where).
				Fix("mend that, take another tiling.source, or leave the tile out")
		}
		available := slices.Collect(maps.Keys(tiles))
		distance := func(a int64) int64 { return max(a-id, id-a) }
		slices.SortFunc(available, func(a, b int64) int {
			return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b))
		})
		nearest := available[:min(5, len(available))]
		return fault.Input("UnknownTile", "no tile %d among %d", id, len(available)).On(where).
			Fix("the nearest ids there are %s", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(nearest)), ", "), "[]"))
	}
	return nil
}

// around are the ids of the wanted tiles (none: all) and those within the radius, sorted.
func around(tiles map[int64]*MERTile, wanted []int64, radiusDeg float64) []int64 {
	if len(wanted) == 0 {
		return slices.Sorted(maps.Keys(tiles))
	}
	byDec := slices.SortedFunc(maps.Values(tiles), func(a, b *MERTile) int { return cmp.Compare(a.Centre.Dec, b.Centre.Dec) })
	chosen := map[int64]bool{}
	for _, id := range wanted {
		chosen[id] = true
		centre := tiles[id].Centre
		// Separations are at least the differences in Dec, but for rounding.
		low := centre.Dec - radiusDeg - 1e-9
		first, _ := slices.BinarySearchFunc(byDec, low, func(t *MERTile, dec float64) int { return cmp.Compare(t.Centre.Dec, dec) })
		for _, t := range byDec[first:] {
			if t.Centre.Dec > centre.Dec+radiusDeg+1e-9 {
				break
			}
			if sky.Separation(t.Centre, centre) <= radiusDeg {
				chosen[t.ID] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(chosen))
}

// eachTile finds the centres of many tiles at the same time. Tiles that can't
// be read and were not asked for are left out, and reported if somebody listens.
func (opts TileOptions) eachTile(ctx context.Context, tiles map[int64]*MERTile, centre func(ctx context.Context, t *MERTile) error) error {
	ids := slices.Sorted(maps.Keys(tiles))
	errs := make([]error, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(tileReads)
	for i, id := range ids {
		g.Go(func() error {
			err := centre(ctx, tiles[id])
			if fault.KindOf(err) == fault.BadData {
				errs[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, err := range errs { // of several it is the first tile's that is told
		if err != nil && (opts.OnUnreadable == nil || slices.Contains(opts.IDs, ids[i])) {
			return err
		}
	}
	for i, err := range errs {
		if err != nil {
			delete(tiles, ids[i])
			opts.OnUnreadable(err)
		}
	}
	return nil
}
