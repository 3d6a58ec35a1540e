package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/sky"
)

// span is what a manifest says of one data file of the newest snapshot.
type span struct {
	Tiles
	rows int64
}

// window is a range of tiles whose rows are held against each other at a time.
type window struct {
	first, end int64 // the last one's end is math.MaxInt64, and within it
	rows       int64 // at most
}

// KeysAtOnce bounds the keys in memory, of 16 bytes each; a test may have fewer.
var KeysAtOnce int64 = 4 << 20

// windows cuts the files between tiles, so that none has many more rows than fit;
// where the files' ranges don't allow that, it is gone through several times.
func windows(spans []span) (all []window) {
	spans = slices.Clone(spans)
	for i, s := range spans {
		if !s.Known {
			spans[i].First, spans[i].Last = math.MinInt64, math.MaxInt64
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.First, b.First) })
	now := window{first: math.MinInt64}
	from := int64(math.MinInt64) // where the window's first file begins
	var open []span              // files that reach beyond what was passed
	for i, s := range spans {
		if i == 0 {
			from = s.First
		}
		if now.rows+s.rows > KeysAtOnce && s.First > from {
			now.end = s.First
			all = append(all, now)
			open = slices.DeleteFunc(open, func(o span) bool { return o.Last < s.First })
			now, from = window{first: s.First}, s.First
			for _, o := range open {
				now.rows += o.rows
			}
		}
		now.rows += s.rows
		open = append(open, s)
	}
	now.end = math.MaxInt64
	return append(all, now)
}

// key is what makes a row of either table one.
type key struct {
	config   uint32
	tile     int64
	row, col int32
	object   int64
}

func (k key) String() string {
	sub := sky.ID(k.tile, int(k.row), int(k.col))
	if k.object == 0 {
		return sub.String()
	}
	return fmt.Sprintf("object %d of %s", k.object, sub)
}

// keys reads rows of the newest snapshots.
type keys struct {
	configs map[string]uint32
	seeds   [2]maphash.Seed
	seen    [][2]uint64
}

// across holds the rows of the tables against each other, a range of tiles at a time.
func (v *Verdict) across(ctx context.Context) error {
	var spans []span
	for _, t := range v.Tables {
		if t.table == nil || !t.whole[t.Snapshot] && t.Snapshot != 0 {
			return nil // its rows can't all be read, which is told
		}
		spans = append(spans, t.spans...)
	}
	k := &keys{configs: map[string]uint32{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	orphans, underWay, example := 0, v.underWay(), key{}
	for _, w := range windows(spans) {
		subs := make([]map[key]bool, len(v.Tables))
		for i, t := range v.Tables {
			subs[i] = map[key]bool{}
			if err := k.once(ctx, t, w, subs[i]); err != nil {
				return err
			}
		}
		if len(subs) < 2 {
			continue
		}
		for sub := range subs[1] {
			if subs[0][sub] {
				continue
			}
			if underWay[sub.tile] {
				v.UnderWay++
			} else {
				if orphans++; orphans == 1 || sub.tile < example.tile {
					example = sub
				}
			}
		}
	}
	for _, t := range v.Tables {
		if t.misplaced > 0 {
			t.flaw(Flaw{
				Kind: RowsOf, Snapshots: []int64{t.Snapshot}, tiles: Tiles{t.misplacedAt.tile, t.misplacedAt.tile, true},
				What: fmt.Sprintf("%d rows have a %s that is not the pixel of their position, such as %v", t.misplaced, healpixColumn, t.misplacedAt),
			})
		}
	}
	if orphans > 0 {
		v.Across = append(v.Across, Flaw{
			Table: v.Tables[1].Table, Kind: RowsOf, Snapshots: []int64{v.Tables[1].Snapshot}, Current: true, Remedy: remedyRows,
			What:  fmt.Sprintf("%d sub-tiles have sources and no row in table %s, such as %v", orphans, v.Tables[0].Table, example),
			tiles: Tiles{example.tile, example.tile, true},
		})
	}
	return nil
}

// underWay are tiles whose sources were committed a short time ago, and whose shear
// was not: by somebody who is about to, since sources go first.
func (v *Verdict) underWay() map[int64]bool {
	tiles := map[int64]bool{}
	if len(v.Tables) < 2 {
		return tiles
	}
	shear, sources := &repairing{Verified: v.Tables[0]}, &repairing{Verified: v.Tables[1]}
	newest := map[int64]int64{}
	for _, s := range shear.line() {
		for _, tile := range tilesOfSnapshot(s) {
			newest[tile] = max(newest[tile], s.TimestampMs)
		}
	}
	since := time.Now().Add(-tables.LongCommit).UnixMilli()
	for _, s := range sources.line() {
		for _, tile := range tilesOfSnapshot(s) {
			if s.TimestampMs > since && s.TimestampMs > newest[tile] {
				tiles[tile] = true
			}
		}
	}
	return tiles
}

// once looks whether each row of a window is there once, and adds its sub-tiles.
func (k *keys) once(ctx context.Context, t *Verified, w window, subs map[key]bool) error {
	passes := max(1, uint64((w.rows+KeysAtOnce-1)/KeysAtOnce))
	for pass := range passes {
		seen := slices.Grow(k.seen[:0], int(w.rows/int64(passes))+1) // one piece of memory for all windows
		err := k.scan(ctx, t, w, pass == 0, func(r key) {
			if pass == 0 {
				subs[key{r.config, r.tile, r.row, r.col, 0}] = true
			}
			if h := k.hash(r); h[0]%passes == pass {
				seen = append(seen, h)
			}
		})
		if err != nil {
			return err
		}
		k.seen = seen
		slices.SortFunc(seen, func(a, b [2]uint64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
		twice := map[[2]uint64]int{}
		for i := 1; i < len(seen); i++ {
			if seen[i] == seen[i-1] {
				twice[seen[i]]++
			}
		}
		if len(twice) > 0 {
			if err := k.double(ctx, t, w, twice); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *keys) hash(r key) [2]uint64 {
	return [2]uint64{maphash.Comparable(k.seeds[0], r), maphash.Comparable(k.seeds[1], r)}
}

// double names rows that are there more than once.
func (k *keys) double(ctx context.Context, t *Verified, w window, twice map[[2]uint64]int) error {
	first, found, more, tiles := key{}, false, 0, Tiles{}
	for _, n := range twice {
		more += n
	}
	err := k.scan(ctx, t, w, false, func(r key) {
		if twice[k.hash(r)] == 0 {
			return
		}
		if !found {
			first, found, tiles = r, true, Tiles{r.tile, r.tile, true}
		}
		tiles.First, tiles.Last = min(tiles.First, r.tile), max(tiles.Last, r.tile)
	})
	t.flaw(Flaw{Kind: RowsOf, Snapshots: []int64{t.Snapshot}, What: fmt.Sprintf("%d rows are there again, such as %v", more, first), tiles: tiles})
	return err
}

// scan visits the keys of a window's rows; with looks at their positions, too.
func (k *keys) scan(ctx context.Context, t *Verified, w window, with bool, visit func(key)) error {
	if t.Snapshot == 0 {
		return nil
	}
	c, names, err := t.columns(with)
	if err != nil {
		return err
	}
	tile := iceberg.Reference(names[0])
	var in iceberg.BooleanExpression = iceberg.AlwaysTrue{} // a bound as low as the first window's overflows where the library truncates it
	if w.first != math.MinInt64 {
		in = iceberg.GreaterThanEqual(tile, w.first)
	}
	if w.end != math.MaxInt64 {
		in = iceberg.NewAnd(in, iceberg.LessThan(tile, w.end))
	}
	s := t.table.Scan(table.WithRowFilter(in), table.WithSelectedFields(names...), table.WithMaxConcurrency(readsAtOnce), table.WithArrowBatchSize(batchRows))
	defer func() { _ = s.Close() }() // what was read is judged by the reads
	_, records, err := s.ToArrowRecords(ctx)
	if err != nil {
		return fmt.Errorf("read table at %s, snapshot %d: %w", t.Location, t.Snapshot, err)
	}
	for rec, err := range records {
		if err != nil {
			return fmt.Errorf("read table at %s, snapshot %d: %w", t.Location, t.Snapshot, err)
		}
		err := k.batch(t, c, rec, visit)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *keys) batch(t *Verified, c columns, rec arrow.RecordBatch, visit func(key)) error {
	at := func(name string) arrow.Array {
		if i := rec.Schema().FieldIndices(name); name != "" && len(i) == 1 {
			return rec.Column(i[0])
		}
		return nil
	}
	tile, row, col, object := at(c.tile), at(c.row), at(c.col), at(c.object)
	config, ok := at(c.config).(interface{ Value(int) string })
	if !ok || tile == nil || row == nil || col == nil {
		return fmt.Errorf("read table at %s: its columns can't be read as keys", t.Location)
	}
	pixel, ra, dec := at(c.pixel), at(c.ra), at(c.dec)
	for i := range int(rec.NumRows()) {
		name := config.Value(i)
		id, known := k.configs[name]
		if !known {
			id = uint32(len(k.configs))
			k.configs[name] = id
		}
		r := key{id, number(tile, i), int32(number(row, i)), int32(number(col, i)), 0}
		if object != nil {
			r.object = number(object, i)
		}
		if c.counted {
			t.Contents.Rows++
			t.position(pixel, ra, dec, i, r)
		}
		visit(r)
	}
	return nil
}

// number is a value of an integer column; nulls are 0.
func number(values arrow.Array, i int) int64 {
	switch v := values.(type) {
	case *array.Int64:
		return v.Value(i)
	case *array.Int32:
		return int64(v.Value(i))
	}
	return 0
}

// columns are the names that a table has for what is read of it.
type columns struct {
	tile, row, col, object, config, pixel, ra, dec string
	counted                                        bool
}

// columns finds them by their field ids, since others may have renamed them.
func (v *Verified) columns(with bool) (c columns, names []string, err error) {
	c.counted = with
	for _, f := range []struct {
		name     string
		at       *string
		optional bool
	}{
		{"TILE_ID", &c.tile, false}, {"SUBTILE_ROW", &c.row, false}, {"SUBTILE_COL", &c.col, false}, {"CONFIG_ID", &c.config, false}, {"OBJECT_ID", &c.object, true},
		{healpixColumn, &c.pixel, true}, {"RA", &c.ra, true}, {"DEC", &c.dec, true},
	} {
		if f.at == &c.pixel && !with || (f.at == &c.ra || f.at == &c.dec) && c.pixel == "" {
			continue
		}
		want, ours := v.layout.Schema.FindFieldByName(f.name)
		field, there := v.table.Schema().FindFieldByID(want.ID)
		if f.name == healpixColumn {
			field, there = v.table.Schema().FindFieldByName(f.name)
			ours = true
		}
		if there && ours {
			*f.at = field.Name
			names = append(names, field.Name)
		} else if !f.optional {
			return c, nil, fmt.Errorf("table %s has no column %s", v.Table, f.name)
		}
	}
	return c, names, nil
}

// healpixColumn is the pixel of a row's position, see [sky.Healpix].
const healpixColumn = "_healpix_29"

// edge is how near to a pixel's edge the neighbour is right, too: a thousandth of
// its width, in degrees.
const edge = 1e-3 * 58.6 / (1 << sky.HealpixOrder)

// position holds a row's pixel to its position.
func (v *Verified) position(pixel, ra, dec arrow.Array, i int, r key) {
	if pixel == nil || pixel.IsNull(i) {
		v.Contents.NoPixel++
		return
	}
	a, isRA := ra.(*array.Float64)
	d, isDec := dec.(*array.Float64)
	if !isRA || !isDec || a.IsNull(i) || d.IsNull(i) {
		v.Contents.NoPixel++
		return
	}
	at, stored := sky.Coord{RA: a.Value(i), Dec: d.Value(i)}, number(pixel, i)
	want, err := sky.Healpix(at)
	if err == nil && want == stored {
		v.Contents.Pixels++
		return
	}
	if err == nil && besides(at, stored) {
		v.Contents.Pixels++
		v.Contents.EdgePixel++
		return
	}
	if v.misplaced++; v.misplaced == 1 {
		v.misplacedAt = r
	}
}

// besides says whether a direction is on the edge of a pixel.
func besides(at sky.Coord, pixel int64) bool {
	wide := edge / max(math.Cos(at.Dec*math.Pi/180), 1e-9)
	for _, dx := range []float64{-wide, 0, wide} {
		for _, dy := range []float64{-edge, 0, edge} {
			near, err := sky.Healpix(sky.Coord{RA: at.RA + dx, Dec: max(-90, min(90, at.Dec+dy))})
			if err == nil && near == pixel {
				return true
			}
		}
	}
	return false
}
