package commits

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
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
// a configuration, or about rows that are deleted of one.
type fact struct {
	file        string // "": rows are deleted of any
	deletes     bool
	first, last int64 // tile
	rows        int64
	failed      bool
	doubt       bool // its rows have to be read: the manifest doesn't say enough
}

// span is a range of tiles, both ends in it.
type span struct{ first, last int64 }

// Rows sums the rows of all tiles that have some. Two columns are read, of the
// files that have more than one tile, or rows that were deleted. Of a file of one
// tile and one configuration, as older versions wrote, the bounds of its columns
// say enough, and whether a row in it failed, since no status sorts before that one.
func (l *Ledger) Rows(ctx context.Context) (map[int64]Rows, error) {
	sum := map[int64]Rows{}
	if l.table == nil || l.table.CurrentSnapshot() == nil {
		return sum, nil
	}
	ctx = l.catalog.With(ctx)
	layout := l.catalog.ShearTable()
	if err := layout.Check(l.table, "TILE_ID", "CONFIG_ID"); err != nil {
		return nil, err
	}
	facts, err := l.facts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read manifests of %s, snapshot %d: %w", l.table.Location(), tables.SnapshotID(l.table), err)
	}
	doubtful, all := doubts(facts)
	read := func(tile int64) bool {
		i, is := slices.BinarySearchFunc(doubtful, tile, func(s span, tile int64) int { return cmp.Compare(s.last, tile) })
		return all || is || i < len(doubtful) && doubtful[i].first <= tile
	}
	for _, f := range facts {
		if !f.deletes && f.first == f.last && !read(f.first) {
			r := sum[f.first]
			sum[f.first] = Rows{r.Count + int(f.rows), r.Failed || f.failed}
		}
	}
	if len(doubtful) == 0 && !all {
		return sum, nil
	}
	filter := reading.Filter{ConfigID: l.configID}
	if !all {
		filter.From, filter.To = doubtful[0].first, doubtful[len(doubtful)-1].last
	}
	for chunk, err := range reading.Scan(ctx, layout, l.table, rows.ShearColumns(), filter, "TILE_ID", "STATUS") {
		if err != nil {
			return nil, err
		}
		for i := range chunk {
			if tile := chunk[i].TileID; read(tile) {
				r := sum[tile]
				sum[tile] = Rows{r.Count + 1, r.Failed || chunk[i].Status == survey.StatusFailed}
			}
		}
	}
	return sum, nil
}

// doubts are the tiles whose rows have to be read, in ranges that don't touch; all
// says that they can't be told.
func doubts(facts []fact) (spans []span, all bool) {
	deleted := map[string]bool{}
	for _, f := range facts {
		if f.deletes {
			deleted[f.file] = true
		}
	}
	for _, f := range facts {
		if !f.deletes && (f.doubt || f.first != f.last || deleted[f.file]) {
			spans = append(spans, span{f.first, f.last})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	joined := spans[:0]
	for _, s := range spans {
		if n := len(joined); n > 0 && s.first <= joined[n-1].last {
			joined[n-1].last = max(joined[n-1].last, s.last)
		} else {
			joined = append(joined, s)
		}
	}
	return joined, deleted[""]
}

// facts gives what the snapshot's manifests say.
func (l *Ledger) facts(ctx context.Context) (facts []fact, err error) {
	fs, err := l.table.FS(ctx)
	if err != nil {
		return nil, err
	}
	list, err := l.table.CurrentSnapshot().Manifests(fs)
	if err != nil {
		return nil, err
	}
	found := make([][]fact, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	for i, m := range list {
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
		return nil, err
	}
	for i, m := range list {
		l.read[m.FilePath()] = found[i]
		facts = append(facts, found[i]...)
	}
	return facts, nil
}

func (l *Ledger) readManifest(fs iceio.IO, m iceberg.ManifestFile) (facts []fact, err error) {
	var ids [3]int
	for i, column := range []string{"TILE_ID", "STATUS", "CONFIG_ID"} {
		field, _ := l.catalog.ShearTable().Field(l.table, column) // 0, which no bound has, where it's gone
		ids[i] = field.ID
	}
	for entry, err := range iceberg.EntriesWithProjection(fs, m, true, iceberg.ManifestEntryProjection{IncludePruningStats: true}) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.FilePath(), err)
		}
		d := entry.DataFile()
		if d.ContentType() != iceberg.EntryContentData {
			facts = append(facts, fact{file: deletedOf(d), deletes: true})
		} else if f, may := factOf(d, l.configID, ids[0], ids[1], ids[2]); may {
			facts = append(facts, f)
		}
	}
	return facts, nil
}

// filePath is the id of the field of position deletes that names a data file.
const filePath = 2147483546

// deletedOf is the one file that rows are deleted of, "" where it may be any.
func deletedOf(d iceberg.DataFile) string {
	if of := d.ReferencedDataFile(); of != nil {
		return *of
	}
	low, high := d.LowerBoundValues()[filePath], d.UpperBoundValues()[filePath]
	if d.ContentType() == iceberg.EntryContentPosDeletes && len(low) > 0 && string(low) == string(high) {
		return string(low) // a bound that was cut short names no file: all are read then
	}
	return ""
}

// factOf reads a data file's bounds; may is false where it has no row of the configuration.
func factOf(d iceberg.DataFile, configID string, tileID, statusID, configField int) (f fact, may bool) {
	low, high := d.LowerBoundValues(), d.UpperBoundValues()
	first, last := low[configField], high[configField]
	if first != nil && string(first) > configID || last != nil && string(last) < configID {
		return f, false
	}
	f = fact{file: d.FilePath(), rows: d.Count(), first: math.MinInt64, last: math.MaxInt64}
	if t := low[tileID]; len(t) == 8 {
		f.first = int64(binary.LittleEndian.Uint64(t))
	}
	if t := high[tileID]; len(t) == 8 {
		f.last = int64(binary.LittleEndian.Uint64(t))
	}
	status := string(low[statusID])
	f.failed = status == survey.StatusFailed
	f.doubt = string(first) != configID || string(last) != configID || status < survey.StatusFailed
	return f, true
}
