package commits

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog/reading"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Rows sums a tile's rows under one configuration.
type Rows struct {
	Count  int  // sub-tiles that have one
	Failed bool // one at least says failed
}

// manifests holds what was read of manifests, by path: they never change.
type manifests map[string][]fact

// fact is what a manifest says about one data file that has or may have rows of
// a configuration.
type fact struct {
	tile   int64
	rows   int64
	failed bool
	doubt  bool // its rows have to be read: the manifest doesn't say enough
}

// Rows sums the rows of all tiles that have some. It reads manifests alone,
// some 100 bytes a tile: a data file that this package wrote is of one tile and
// one configuration, and the bounds of its columns say which, and whether a row
// in it failed, since no status sorts before that one. Where somebody else has
// rewritten files so that this is not so, the rows in question are read.
func (l *Ledger) Rows(ctx context.Context) (map[int64]Rows, error) {
	sum := map[int64]Rows{}
	if l.table == nil || l.table.CurrentSnapshot() == nil {
		return sum, nil
	}
	ctx = l.catalog.With(ctx)
	facts, deletes, err := l.facts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read manifests of %s: %w", l.table.Location(), err)
	}
	var doubtful []int64
	all := deletes
	for _, f := range facts {
		if f.doubt {
			doubtful = append(doubtful, f.tile)
			all = all || f.tile == anyTile
		}
	}
	slices.Sort(doubtful)
	doubtful = slices.Compact(doubtful)
	read := func(tile int64) bool {
		_, is := slices.BinarySearch(doubtful, tile)
		return all || is
	}
	add := func(tile, rows int64, failed bool) {
		r := sum[tile]
		sum[tile] = Rows{r.Count + int(rows), r.Failed || failed}
	}
	for _, f := range facts {
		if !read(f.tile) {
			add(f.tile, f.rows, f.failed)
		}
	}
	if len(doubtful) == 0 && !all {
		return sum, nil
	}
	filter := reading.Filter{ConfigID: l.configID, Tiles: doubtful}
	if all {
		filter.Tiles = nil
	}
	for chunk, err := range reading.Scan(ctx, l.table, rows.ShearColumns(), filter, "TILE_ID", "STATUS") {
		if err != nil {
			return nil, err
		}
		for _, r := range chunk {
			if read(r.TileID) {
				add(r.TileID, 1, r.Status == survey.StatusFailed)
			}
		}
	}
	return sum, nil
}

// anyTile stands for the tiles of a file that has more than one.
const anyTile = -1

// facts gives what the snapshot's manifests say; deletes, whether there are
// files that take rows out of others, which this package doesn't write.
func (l *Ledger) facts(ctx context.Context) (facts []fact, deletes bool, err error) {
	fs, err := l.table.FS(ctx)
	if err != nil {
		return nil, false, err
	}
	list, err := l.table.CurrentSnapshot().Manifests(fs)
	if err != nil {
		return nil, false, err
	}
	found := make([][]fact, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	for i, m := range list {
		if m.ManifestContent() != iceberg.ManifestContentData {
			deletes = deletes || m.HasAddedFiles() || m.HasExistingFiles()
			continue
		}
		if known, ok := l.read[m.FilePath()]; ok {
			found[i] = known
			continue
		}
		g.Go(func() (err error) {
			if err = gctx.Err(); err == nil {
				found[i], err = l.readManifest(fs, m)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, err
	}
	for i, m := range list {
		l.read[m.FilePath()] = found[i]
		facts = append(facts, found[i]...)
	}
	return facts, deletes, nil
}

func (l *Ledger) readManifest(fs iceio.IO, m iceberg.ManifestFile) (facts []fact, err error) {
	schema := l.table.Schema()
	ids := tables.FieldIDs(schema.Fields(), []string{"TILE_ID", "STATUS", "CONFIG_ID"})
	for entry, err := range iceberg.EntriesWithProjection(fs, m, true, iceberg.ManifestEntryProjection{IncludePruningStats: true}) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.FilePath(), err)
		}
		if f, may := factOf(entry.DataFile(), l.configID, ids[0], ids[1], ids[2]); may {
			facts = append(facts, f)
		}
	}
	return facts, nil
}

// factOf reads a data file's bounds; may is false where it has no row of the configuration.
func factOf(d iceberg.DataFile, configID string, tileID, statusID, configField int) (f fact, may bool) {
	low, high := d.LowerBoundValues(), d.UpperBoundValues()
	first, last := low[configField], high[configField]
	if first != nil && string(first) > configID || last != nil && string(last) < configID {
		return f, false
	}
	f = fact{tile: anyTile, rows: d.Count()}
	if t := low[tileID]; len(t) == 8 && string(t) == string(high[tileID]) {
		f.tile = int64(binary.LittleEndian.Uint64(t))
	}
	status := string(low[statusID])
	f.failed = status == survey.StatusFailed
	f.doubt = f.tile == anyTile || string(first) != configID || string(last) != configID || status < survey.StatusFailed
	return f, true
}
