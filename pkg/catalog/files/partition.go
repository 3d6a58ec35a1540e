package files

import (
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// partition is one of the default spec: its values by field id, and its directory.
type partition struct {
	values map[int]any
	path   string
}

// partitioner says which partition the rows of a tile belong to.
type partitioner struct {
	table *table.Table
	spec  iceberg.PartitionSpec
	tile  int64
	known bool
	last  partition // of tile
}

// newPartitioner is nil where the tile alone doesn't say it. A spec on a column that
// is gone is refused.
func newPartitioner(t *table.Table, tile iceberg.NestedField) (*partitioner, error) {
	spec := t.Spec()
	alone := true
	for _, f := range spec.Fields() {
		if _, void := f.Transform.(iceberg.VoidTransform); void {
			continue
		}
		source, ok := t.Schema().FindFieldByID(f.SourceID())
		if _, unknown := f.Transform.(iceberg.UnknownTransform); !ok || unknown || len(f.SourceIDs) != 1 || !f.Transform.CanTransform(source.Type) {
			return nil, refuseSpec(t, f, "it is a %s of a column that is not there, or can't have it", f.Transform)
		}
		alone = alone && f.SourceID() == tile.ID
	}
	if !alone {
		return nil, nil
	}
	return &partitioner{table: t, spec: spec}, nil
}

func refuseSpec(t *table.Table, f iceberg.PartitionField, format string, a ...any) error {
	return fault.Input(tables.CodeTable, "rows can't be written by the table's partition spec: "+format, a...).On(t.Location()).At("partition field %q", f.Name).
		Fix("give the table a spec of columns that are filled, as truncate(TILE_ID, 2000)")
}

// values is a partition as the library asks for it.
type values []any

func (v values) Size() int        { return len(v) }
func (v values) Get(i int) any    { return v[i] }
func (v values) Set(i int, x any) { v[i] = x }

func (p *partitioner) of(tile int64) (partition, error) {
	if p.known && tile == p.tile {
		return p.last, nil
	}
	part := partition{values: map[int]any{}}
	var row values
	for _, f := range p.spec.Fields() {
		var value any
		if _, void := f.Transform.(iceberg.VoidTransform); !void {
			got := f.Transform.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: iceberg.NewLiteral(tile)})
			if !got.Valid {
				return part, refuseSpec(p.table, f, "tile %d has no %s", tile, f.Transform)
			}
			value = got.Val.Any()
		}
		part.values[f.FieldID] = value
		row = append(row, value)
	}
	part.path = p.spec.PartitionToPath(row, p.table.Schema())
	p.tile, p.last, p.known = tile, part, true
	return part, nil
}

// end is where the rows of a partition end that begin at from.
func (p *partitioner) end(tiles []int64, from int, part partition) (int, error) {
	for i := from + 1; i < len(tiles); i++ {
		if tiles[i] == tiles[i-1] {
			continue
		}
		if next, err := p.of(tiles[i]); err != nil || next.path != part.path {
			return i, err
		}
	}
	return len(tiles), nil
}
