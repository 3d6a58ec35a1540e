package files

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Match selects rows: those of some tiles of one configuration.
type Match struct {
	Config string  // empty: of all
	Tiles  []int64 // at least one
	Keep   []sky.SubTileID
}

// Found are rows of a data file of the newest snapshot.
type Found struct {
	File iceberg.DataFile
	Rows *dv.RoaringPositionBitmap // positions of rows that match and are there
	All  bool                      // no other row of the file is there

	deleted *dv.RoaringPositionBitmap // positions that were deleted before
	vector  iceberg.DataFile          // deletion vector of the file; nil: none
}

// Find gives the rows of the newest snapshot that match, by data file. Deletes of
// whoever are counted: what is deleted already isn't found. It reads manifests and
// files whose bounds allow a match, of these the key columns alone, and nothing of
// files whose bounds say it all.
func Find(ctx context.Context, t *table.Table, k Keys, m Match) ([]Found, error) {
	if t.CurrentSnapshot() == nil || len(m.Tiles) == 0 {
		return nil, nil
	}
	s, err := newSearch(ctx, t, k, m)
	if err != nil {
		return nil, err
	}
	tasks, err := plan(ctx, t, table.WithRowFilter(s.filter()))
	if err != nil {
		return nil, err
	}
	gone, err := readDeletes(ctx, s.fs, tasks)
	if err != nil {
		return nil, fmt.Errorf("read deletes of the table at %s: %w", t.Location(), err)
	}
	var list []Found
	for _, task := range tasks {
		f, err := s.file(ctx, task, gone[task.File.FilePath()])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", task.File.FilePath(), err)
		}
		if !f.Rows.IsEmpty() {
			list = append(list, f)
		}
	}
	return list, nil
}

// plan gives the data files that a scan reads, each once and whole: the library parts
// long ones. Rows that are deleted by their values are refused.
func plan(ctx context.Context, t *table.Table, o ...table.ScanOption) ([]table.FileScanTask, error) {
	s := t.Scan(o...)
	defer func() { _ = s.Close() }() // what was planned is known
	parts, err := s.PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("plan the files of the table at %s: %w", t.Location(), err)
	}
	seen := make(map[string]bool, len(parts))
	tasks := make([]table.FileScanTask, 0, len(parts))
	for _, task := range parts {
		path := task.File.FilePath()
		if seen[path] {
			continue
		}
		seen[path] = true
		if len(task.EqualityDeleteFiles) > 0 {
			return nil, fault.Input(tables.CodeDeletes, "somebody deleted rows of the table by their values (equality deletes), which most readers don't know").
				On(t.Location()).At("snapshot %d", t.CurrentSnapshot().SnapshotID).
				Fix("have the deletes worked into the data files: Trino's ALTER TABLE ... EXECUTE optimize, or Spark's rewrite_data_files with delete-file-threshold 1")
		}
		if f := task.File.FileFormat(); f != iceberg.ParquetFile {
			return nil, fault.Input(tables.CodeTable, "a data file of the table is %s, and must be Parquet", f).On(path).
				Fix("write it anew with write.format.default parquet")
		}
		task.Start, task.Length, task.Residual = 0, task.File.FileSizeBytes(), nil
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// search is one run of Find.
type search struct {
	table *table.Table
	fs    iceio.IO
	keys  Keys
	match Match
	tiles map[int64]bool
	low   int64
	high  int64
	keep  map[sky.SubTileID]bool
	kept  map[int64]bool // tiles with sub-tiles to keep
	names map[int]string // of the key columns, in files without ids
}

func newSearch(ctx context.Context, t *table.Table, k Keys, m Match) (*search, error) {
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	s := &search{table: t, fs: fs, keys: k, match: m, tiles: map[int64]bool{}, keep: map[sky.SubTileID]bool{}, kept: map[int64]bool{}, names: map[int]string{}}
	s.low, s.high = slices.Min(m.Tiles), slices.Max(m.Tiles)
	for _, tile := range m.Tiles {
		s.tiles[tile] = true
	}
	for _, sub := range m.Keep {
		s.keep[sub], s.kept[sub.TileID] = true, true
	}
	for _, id := range []int{k.Tile, k.Row, k.Col, k.Config} {
		if id == k.Config && m.Config == "" || (id == k.Row || id == k.Col) && len(m.Keep) == 0 {
			continue
		}
		c, err := column(t, id)
		if err != nil {
			return nil, err
		}
		s.names[id] = c.Name
	}
	return s, nil
}

const (
	fewTiles  = 200 // that a predicate lists: libraries give up above
	fewRanges = 16
)

// filter is the predicate that files and manifests are chosen by: manifests by ranges
// of tiles, since they have no more than bounds.
func (s *search) filter() iceberg.BooleanExpression {
	tile := iceberg.Reference(s.names[s.keys.Tile])
	var expr iceberg.BooleanExpression = iceberg.AlwaysFalse{}
	for _, r := range ranges(s.match.Tiles, fewRanges) {
		expr = iceberg.NewOr(expr, iceberg.NewAnd(iceberg.GreaterThanEqual(tile, r[0]), iceberg.LessThanEqual(tile, r[1])))
	}
	if len(s.match.Tiles) <= fewTiles {
		expr = iceberg.NewAnd(expr, iceberg.IsIn(tile, s.match.Tiles...))
	}
	if s.match.Config != "" {
		expr = iceberg.NewAnd(expr, iceberg.EqualTo(iceberg.Reference(s.names[s.keys.Config]), s.match.Config))
	}
	return expr
}

// ranges are a few that cover all tiles, parted at the widest gaps.
func ranges(tiles []int64, few int) (list [][2]int64) {
	tiles = slices.Clone(tiles)
	slices.Sort(tiles)
	gaps := make([]int, 0, len(tiles)) // tiles that one is before
	for i := range len(tiles) - 1 {
		if tiles[i+1]-tiles[i] > 1 {
			gaps = append(gaps, i+1)
		}
	}
	slices.SortFunc(gaps, func(a, b int) int { return cmp.Compare(tiles[b]-tiles[b-1], tiles[a]-tiles[a-1]) })
	gaps = gaps[:min(len(gaps), few-1)]
	slices.Sort(gaps)
	first := 0
	for _, next := range append(gaps, len(tiles)) {
		list = append(list, [2]int64{tiles[first], tiles[next-1]})
		first = next
	}
	return list
}

// file finds the rows of one data file.
func (s *search) file(ctx context.Context, task table.FileScanTask, gone *dv.RoaringPositionBitmap) (Found, error) {
	f := Found{File: task.File, Rows: dv.NewRoaringPositionBitmap(), deleted: dv.NewRoaringPositionBitmap()}
	if gone != nil {
		f.deleted.Or(gone)
	}
	for _, v := range task.DeletionVectorFiles {
		before, err := dv.ReadDV(s.fs, v)
		if err != nil {
			return f, fmt.Errorf("deletion vector %s: %w", v.FilePath(), err)
		}
		f.deleted.Or(before)
		f.vector = v
	}
	add := func(pos uint64) {
		if !f.deleted.Contains(pos) {
			f.Rows.Set(pos)
		}
	}
	config := s.configOf(task.File)
	if tile, ok := s.tileOf(task.File); ok && s.tiles[tile] && !s.kept[tile] && config == all {
		for pos := range task.File.Count() {
			add(uint64(pos))
		}
	} else if config != none {
		if err := s.read(ctx, task.File, config == all, add); err != nil {
			return f, err
		}
	}
	f.All = f.Rows.Cardinality()+f.deleted.Cardinality() >= task.File.Count()
	return f, nil
}
