package upkeep

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Tiles is a range of tile ids that some rows can be of.
type Tiles struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	Known bool  `json:"-"` // else the rows may be of any tile
}

func (t Tiles) String() string {
	switch {
	case !t.Known:
		return "any tile"
	case t.First == t.Last:
		return fmt.Sprintf("tile %d", t.First)
	}
	return fmt.Sprintf("tiles %d to %d", t.First, t.Last)
}

func (t Tiles) has(tile int64) bool { return tile >= t.First && tile <= t.Last }

// tilesOf says which tiles' rows a file can hold, by what its manifest says: the
// bounds of TILE_ID, or else its partition.
func tilesOf(t *table.Table, l tables.Layout, f iceberg.DataFile) Tiles {
	column, _ := l.Schema.FindFieldByName("TILE_ID")
	if f.ContentType() == iceberg.EntryContentData {
		low, ok := whole(f.LowerBoundValues()[column.ID])
		high, also := whole(f.UpperBoundValues()[column.ID])
		if ok && also && low <= high {
			return Tiles{low, high, true}
		}
	}
	spec := t.Metadata().PartitionSpecByID(int(f.SpecID()))
	if spec == nil {
		return Tiles{}
	}
	values := f.Partition()
	for _, field := range spec.Fields() {
		if field.SourceID() != column.ID {
			continue
		}
		value, ok := integer(values[field.FieldID])
		switch transform := field.Transform.(type) {
		case iceberg.IdentityTransform:
			if ok {
				return Tiles{value, value, true}
			}
		case iceberg.TruncateTransform:
			if ok {
				return Tiles{value, value + int64(transform.Width) - 1, true}
			}
		}
	}
	return Tiles{}
}

// whole is a bound of an integer column as manifests have it.
func whole(bound []byte) (int64, bool) {
	switch len(bound) {
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(bound))), true
	case 8:
		return int64(binary.LittleEndian.Uint64(bound)), true
	}
	return 0, false
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int:
		return int64(v), true
	}
	return 0, false
}

// deletedPath is the field of position deletes that says whose rows they take out
// (Iceberg specification, reserved field ids).
const deletedPath = 2147483546

// refersTo is the data file that a delete file takes rows out of; empty where
// that may be several.
func refersTo(f iceberg.DataFile) string {
	if f.ContentType() != iceberg.EntryContentPosDeletes {
		return ""
	}
	if at := f.ReferencedDataFile(); at != nil {
		return *at
	}
	if low, high := f.LowerBoundValues()[deletedPath], f.UpperBoundValues()[deletedPath]; len(low) > 0 && string(low) == string(high) {
		return string(low)
	}
	return ""
}
