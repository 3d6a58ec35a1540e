package files

import (
	"encoding/binary"

	"github.com/apache/iceberg-go"
)

// share says how many rows of a file can match.
type share int

const (
	some share = iota
	all
	none
)

// configOf tells from the bounds which rows are of the configuration. Bounds that
// are the same weren't cut: a cut upper one is above the lower.
func (s *search) configOf(f iceberg.DataFile) share {
	if s.match.Config == "" {
		return all
	}
	id := s.keys.Config
	low, high := f.LowerBoundValues()[id], f.UpperBoundValues()[id]
	nulls, counted := f.NullValueCounts()[id]
	if low == nil || high == nil || !counted || nulls != 0 || string(low) != string(high) {
		return some
	}
	if string(low) == s.match.Config {
		return all
	}
	return none
}

// tileOf is the tile of all rows of a file, where its bounds say that they have one.
func (s *search) tileOf(f iceberg.DataFile) (tile int64, ok bool) {
	low, ok := long(f.LowerBoundValues()[s.keys.Tile])
	high, also := long(f.UpperBoundValues()[s.keys.Tile])
	nulls, counted := f.NullValueCounts()[s.keys.Tile]
	return low, ok && also && counted && nulls == 0 && low == high
}

// long is a bound of a column of whole numbers; a file may be of before it was
// promoted.
func long(bound []byte) (int64, bool) {
	switch len(bound) {
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(bound))), true
	case 8:
		return int64(binary.LittleEndian.Uint64(bound)), true
	}
	return 0, false
}
