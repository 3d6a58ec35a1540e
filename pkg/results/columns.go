package results

import (
	"github.com/cosmostat/constellation/pkg/sky"
)

// Shear is one sub-tile's result. A nil measurement is a null: not measured.
type Shear struct {
	TileID       int64
	Row, Col     int32
	RA, Dec      float64 // of the sub-tile's centre
	G1, G2       *float32
	G1Err, G2Err *float32 // nil also where the method gives no errors
	NSources     int32
	Method       string // map, vi, nuts, reference, mock; empty where nothing was measured
	Convergence  *float32
	Status       string
}

// Source is one core source's result. A nil measurement is a null.
type Source struct {
	TileID       int64
	Row, Col     int32
	ObjectID     int64
	RA, Dec      float64
	Flux         *float32
	FluxErr      *float32
	HLR, HLRErr  *float32
	E1, E2       *float32
	E1Err, E2Err *float32
	DX, DY       *float32
	SNR          *float32
	NExposures   int32
	Flags        int32
}

// ID is the sub-tile whose result it is.
func (s *Shear) ID() sky.SubTileID { return sky.ID(s.TileID, int(s.Row), int(s.Col)) }

// ID is the sub-tile in whose core the source is.
func (s *Source) ID() sky.SubTileID { return sky.ID(s.TileID, int(s.Row), int(s.Col)) }

// Column declares one column of rows of type T.
type Column[T any] struct {
	Name string
	Unit string // empty where it has none
	Doc  string
	// Required columns must be in a file; the others read as null, zero or "".
	Required bool
	// Ref points to the column's field of a row. The pointer's type is the
	// column's: *int64, *int32, *float64, *string, or **float32 for a
	// measurement, which alone (with an empty string) can be null.
	Ref func(*T) any
}

// Nullable says whether the column holds nulls.
func (c Column[T]) Nullable() bool {
	switch c.Ref(new(T)).(type) {
	case **float32:
		return true
	case *string:
		return !c.Required
	}
	return false
}

// ShearColumns are the columns of shear.parquet, in order.
func ShearColumns() []Column[Shear] {
	return []Column[Shear]{
		{"TILE_ID", "", "MER tile", true, func(s *Shear) any { return &s.TileID }},
		{"SUBTILE_ROW", "", "row of the sub-tile in its tile, from the south, from 0", true, func(s *Shear) any { return &s.Row }},
		{"SUBTILE_COL", "", "column of the sub-tile in its tile, towards larger RA, from 0", true, func(s *Shear) any { return &s.Col }},
		{"RA", "deg", "ICRS right ascension of the sub-tile's centre", true, func(s *Shear) any { return &s.RA }},
		{"DEC", "deg", "ICRS declination of the sub-tile's centre", true, func(s *Shear) any { return &s.Dec }},
		{"G1", "", "reduced shear, first component (u to the west, v to the north)", true, func(s *Shear) any { return &s.G1 }},
		{"G2", "", "reduced shear, second component", true, func(s *Shear) any { return &s.G2 }},
		{"G1_ERR", "", "standard error of G1", false, func(s *Shear) any { return &s.G1Err }},
		{"G2_ERR", "", "standard error of G2", false, func(s *Shear) any { return &s.G2Err }},
		{"N_SOURCES", "", "sources that the shear was measured from", true, func(s *Shear) any { return &s.NSources }},
		{"METHOD", "", "map, vi, nuts, reference or mock", false, func(s *Shear) any { return &s.Method }},
		{"CONVERGENCE", "", "the engine's convergence diagnostic; smaller is better", false, func(s *Shear) any { return &s.Convergence }},
		{"STATUS", "", "ok, no_sources, no_exposures or failed", false, func(s *Shear) any { return &s.Status }},
	}
}

// SourceColumns are the columns of sources.parquet, in order.
func SourceColumns() []Column[Source] {
	return []Column[Source]{
		{"TILE_ID", "", "MER tile", true, func(s *Source) any { return &s.TileID }},
		{"SUBTILE_ROW", "", "row of the sub-tile in its tile, from the south, from 0", true, func(s *Source) any { return &s.Row }},
		{"SUBTILE_COL", "", "column of the sub-tile in its tile, towards larger RA, from 0", true, func(s *Source) any { return &s.Col }},
		{"OBJECT_ID", "", "MER catalogue object", true, func(s *Source) any { return &s.ObjectID }},
		{"RA", "deg", "ICRS right ascension in the MER catalogue", true, func(s *Source) any { return &s.RA }},
		{"DEC", "deg", "ICRS declination in the MER catalogue", true, func(s *Source) any { return &s.Dec }},
		{"FLUX", "uJy", "flux", false, func(s *Source) any { return &s.Flux }},
		{"FLUX_ERR", "uJy", "standard error of FLUX", false, func(s *Source) any { return &s.FluxErr }},
		{"HLR", "arcsec", "half-light radius", false, func(s *Source) any { return &s.HLR }},
		{"HLR_ERR", "arcsec", "standard error of HLR", false, func(s *Source) any { return &s.HLRErr }},
		{"E1", "", "shape, first component (u to the west, v to the north)", false, func(s *Source) any { return &s.E1 }},
		{"E2", "", "shape, second component", false, func(s *Source) any { return &s.E2 }},
		{"E1_ERR", "", "standard error of E1", false, func(s *Source) any { return &s.E1Err }},
		{"E2_ERR", "", "standard error of E2", false, func(s *Source) any { return &s.E2Err }},
		{"DX", "arcsec", "offset from the catalogue position along u", false, func(s *Source) any { return &s.DX }},
		{"DY", "arcsec", "offset from the catalogue position along v", false, func(s *Source) any { return &s.DY }},
		{"SNR", "", "signal-to-noise ratio", false, func(s *Source) any { return &s.SNR }},
		{"N_EXPOSURES", "", "exposures that the source was measured on", false, func(s *Source) any { return &s.NExposures }},
		{"FLAGS", "", "the engine's bit flags; 0 is good", false, func(s *Source) any { return &s.Flags }},
	}
}
