package results

import (
	"github.com/cosmostat/constellation/pkg/columnar"
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

// ShearColumns are the columns of shear.parquet, in order.
func ShearColumns() []columnar.Column[Shear] {
	return []columnar.Column[Shear]{
		{Name: "TILE_ID", Doc: "MER tile", Required: true, Ref: func(s *Shear) any { return &s.TileID }},
		{Name: "SUBTILE_ROW", Doc: "row of the sub-tile in its tile, from the south, from 0", Required: true, Ref: func(s *Shear) any { return &s.Row }},
		{Name: "SUBTILE_COL", Doc: "column of the sub-tile in its tile, towards larger RA, from 0", Required: true, Ref: func(s *Shear) any { return &s.Col }},
		{Name: "RA", Unit: "deg", Doc: "ICRS right ascension of the sub-tile's centre", Required: true, Ref: func(s *Shear) any { return &s.RA }},
		{Name: "DEC", Unit: "deg", Doc: "ICRS declination of the sub-tile's centre", Required: true, Ref: func(s *Shear) any { return &s.Dec }},
		{Name: "G1", Doc: "reduced shear, first component (u to the west, v to the north)", Required: true, Ref: func(s *Shear) any { return &s.G1 }},
		{Name: "G2", Doc: "reduced shear, second component", Required: true, Ref: func(s *Shear) any { return &s.G2 }},
		{Name: "G1_ERR", Doc: "standard error of G1", Ref: func(s *Shear) any { return &s.G1Err }},
		{Name: "G2_ERR", Doc: "standard error of G2", Ref: func(s *Shear) any { return &s.G2Err }},
		{Name: "N_SOURCES", Doc: "sources that the shear was measured from", Required: true, Ref: func(s *Shear) any { return &s.NSources }},
		{Name: "METHOD", Doc: "map, vi, nuts, reference or mock", Ref: func(s *Shear) any { return &s.Method }},
		{Name: "CONVERGENCE", Doc: "the engine's convergence diagnostic; smaller is better", Ref: func(s *Shear) any { return &s.Convergence }},
		{Name: "STATUS", Doc: "ok, no_sources, no_exposures or failed", Ref: func(s *Shear) any { return &s.Status }},
	}
}

// SourceColumns are the columns of sources.parquet, in order.
func SourceColumns() []columnar.Column[Source] {
	return []columnar.Column[Source]{
		{Name: "TILE_ID", Doc: "MER tile", Required: true, Ref: func(s *Source) any { return &s.TileID }},
		{Name: "SUBTILE_ROW", Doc: "row of the sub-tile in its tile, from the south, from 0", Required: true, Ref: func(s *Source) any { return &s.Row }},
		{Name: "SUBTILE_COL", Doc: "column of the sub-tile in its tile, towards larger RA, from 0", Required: true, Ref: func(s *Source) any { return &s.Col }},
		{Name: "OBJECT_ID", Doc: "MER catalogue object", Required: true, Ref: func(s *Source) any { return &s.ObjectID }},
		{Name: "RA", Unit: "deg", Doc: "ICRS right ascension in the MER catalogue", Required: true, Ref: func(s *Source) any { return &s.RA }},
		{Name: "DEC", Unit: "deg", Doc: "ICRS declination in the MER catalogue", Required: true, Ref: func(s *Source) any { return &s.Dec }},
		{Name: "FLUX", Unit: "uJy", Doc: "flux", Ref: func(s *Source) any { return &s.Flux }},
		{Name: "FLUX_ERR", Unit: "uJy", Doc: "standard error of FLUX", Ref: func(s *Source) any { return &s.FluxErr }},
		{Name: "HLR", Unit: "arcsec", Doc: "half-light radius", Ref: func(s *Source) any { return &s.HLR }},
		{Name: "HLR_ERR", Unit: "arcsec", Doc: "standard error of HLR", Ref: func(s *Source) any { return &s.HLRErr }},
		{Name: "E1", Doc: "shape, first component (u to the west, v to the north)", Ref: func(s *Source) any { return &s.E1 }},
		{Name: "E2", Doc: "shape, second component", Ref: func(s *Source) any { return &s.E2 }},
		{Name: "E1_ERR", Doc: "standard error of E1", Ref: func(s *Source) any { return &s.E1Err }},
		{Name: "E2_ERR", Doc: "standard error of E2", Ref: func(s *Source) any { return &s.E2Err }},
		{Name: "DX", Unit: "arcsec", Doc: "offset from the catalogue position along u", Ref: func(s *Source) any { return &s.DX }},
		{Name: "DY", Unit: "arcsec", Doc: "offset from the catalogue position along v", Ref: func(s *Source) any { return &s.DY }},
		{Name: "SNR", Doc: "signal-to-noise ratio", Ref: func(s *Source) any { return &s.SNR }},
		{Name: "N_EXPOSURES", Doc: "exposures that the source was measured on", Ref: func(s *Source) any { return &s.NExposures }},
		{Name: "FLAGS", Doc: "the engine's bit flags; 0 is good", Ref: func(s *Source) any { return &s.Flags }},
	}
}
