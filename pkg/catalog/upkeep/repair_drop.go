package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// planDrop finds the tiles whose rows may be in files that can't be read.
func (p *Plan) planDrop(ctx context.Context) error {
	p.Drop = Choice{}
	var gone []Tiles
	for _, r := range p.tables {
		for _, f := range r.Flaws {
			if !f.Current {
				continue
			}
			tiles, why := r.affected(f)
			if why != "" {
				p.Drop.Why = why
				return nil
			}
			gone = append(gone, tiles...)
		}
	}
	p.Drop.Possible, p.Drop.Tiles = true, merged(append(gone, p.unpaired()...))
	for i, r := range p.tables {
		rows, err := r.rowsOf(ctx, p.Drop.Tiles)
		if err != nil {
			return err
		}
		if i == 0 {
			p.Drop.Rows = rows
		} else {
			p.Drop.Sources = rows
		}
	}
	return nil
}

// unpaired are the tiles of commits to one table whose other half went with a
// metadata document: those that came after the newest one that is left there.
func (p *Plan) unpaired() []Tiles {
	tiles := map[int64]bool{}
	for i, r := range p.tables {
		if r.moved == nil || len(p.tables) < 2 {
			continue
		}
		until := int64(0)
		if line := r.line(); len(line) > 0 {
			until = line[0].TimestampMs
		}
		for _, s := range p.tables[1-i].line() {
			if s.TimestampMs > until {
				for _, tile := range tilesOfSnapshot(s) {
					tiles[tile] = true
				}
			}
		}
	}
	return ranges(tiles)
}

// affected are the tiles whose rows a flaw makes unknown; why it isn't known which.
func (r *repairing) affected(f Flaw) (tiles []Tiles, why string) {
	switch f.Kind {
	case Statistics, RowsOf:
		return nil, ""
	case DataFile:
		tiles = []Tiles{f.tiles}
	case DeleteFile:
		tiles = []Tiles{f.tiles}
		if data, known := r.seen.tiles[f.refers]; f.refers != "" && known {
			tiles = []Tiles{data}
		}
	case Manifest:
		tiles = []Tiles{r.partitions(r.seen.manifests[f.File])}
	default:
		return nil, fmt.Sprintf("%s %s is lost, and which files the table had stands there alone", f.Kind, f.File)
	}
	if !tiles[0].Known {
		return nil, fmt.Sprintf("nothing says which tiles' rows were in %s %s", f.Kind, f.File)
	}
	return tiles, ""
}

// partitions are the tiles whose rows a manifest can lead to, by what its list says.
func (r *repairing) partitions(m *manifest) Tiles {
	spec := r.table.Metadata().PartitionSpecByID(int(m.PartitionSpecID()))
	column, _ := r.layout.Schema.FindFieldByName("TILE_ID")
	if spec == nil {
		return Tiles{}
	}
	at := 0
	for _, field := range spec.Fields() {
		parts := m.Partitions()
		if field.SourceID() == column.ID && at < len(parts) && parts[at].LowerBound != nil && parts[at].UpperBound != nil && !parts[at].ContainsNull {
			low, ok := whole(*parts[at].LowerBound)
			high, also := whole(*parts[at].UpperBound)
			switch transform := field.Transform.(type) {
			case iceberg.IdentityTransform:
				return Tiles{low, high, ok && also}
			case iceberg.TruncateTransform:
				return Tiles{low, high + int64(transform.Width) - 1, ok && also}
			}
		}
		at++
	}
	return Tiles{}
}

// merged joins ranges that touch each other.
func merged(all []Tiles) (runs []Tiles) {
	slices.SortFunc(all, func(a, b Tiles) int { return cmp.Compare(a.First, b.First) })
	for _, t := range all {
		if n := len(runs); n > 0 && t.First <= runs[n-1].Last+1 {
			runs[n-1].Last = max(runs[n-1].Last, t.Last)
		} else {
			runs = append(runs, t)
		}
	}
	return runs
}

// rowsOf is how many rows of some tiles the newest snapshot has, as far as its
// manifests tell: of a file that has others too, as many as these are of its range.
func (r *repairing) rowsOf(ctx context.Context, tiles []Tiles) (rows int64, err error) {
	err = r.seen.current(ctx, func(m *manifest, found map[string]iceberg.DataFile) error {
		if m.lost {
			rows += m.AddedRows() + m.ExistingRows()
		}
		for _, f := range found {
			if f.ContentType() != iceberg.EntryContentData {
				continue
			}
			of := tilesOf(r.table, r.layout, f)
			if !of.Known {
				rows += f.Count()
				continue
			}
			for _, t := range tiles {
				first, last := max(t.First, of.First), min(t.Last, of.Last)
				if first <= last {
					rows += max(1, int64(float64(f.Count())*float64(last-first+1)/float64(of.Last-of.First+1)))
				}
			}
		}
		return nil
	})
	return rows, err
}

// current goes through the manifests of the newest snapshot, in their order in its
// list; of one that is lost, nothing is found.
func (l *looking) current(ctx context.Context, do func(*manifest, map[string]iceberg.DataFile) error) error {
	now := int32(-1)
	for i, s := range l.snapshots {
		if s.SnapshotID == l.Snapshot {
			now = int32(i)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(l.manifests)) {
		m := l.manifests[path]
		if !slices.Contains(m.by, now) {
			continue
		}
		var found map[string]iceberg.DataFile
		if !m.lost {
			var err error
			if found, err = entries(ctx, l.fs, m.ManifestFile, iceberg.ManifestEntryProjection{IncludePruningStats: true}); err != nil {
				return err
			}
		}
		if err := do(m, found); err != nil {
			return err
		}
	}
	return nil
}

// drop takes files that can't be read out of a table, with all other rows of the
// tiles that have some in them.
func (r *repairing) drop(ctx context.Context, c *tables.Catalog, tiles []Tiles) error {
	e, err := r.edit()
	if err != nil {
		return err
	}
	if r.broken() {
		if err := e.salvage(ctx); err != nil {
			return err
		}
	}
	if err := e.without(ctx, c, tiles); err != nil {
		return err
	}
	return e.commit(ctx, c)
}
