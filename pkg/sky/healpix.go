package sky

import (
	"fmt"
	"math"
)

// HealpixOrder is that of [Healpix]: the deepest whose numbers fit an int64, 0.4 mas wide.
const HealpixOrder = 29

const healpixSide = 1 << HealpixOrder

// Healpix is the HEALPix pixel of a direction, nested, at [HealpixOrder], as the
// column _healpix_29 of HATS has it (Gorski et al. 2005, section 4). RA may be any
// finite number of degrees; a direction that is none is an error.
//
// A direction within rounding of a pixel's edge, 4e-7 of its width, may be told
// to lie in the neighbour.
func Healpix(c Coord) (int64, error) {
	if !(math.Abs(c.Dec) <= 90) || math.IsNaN(c.RA) || math.IsInf(c.RA, 0) { // also where it is not a number
		return 0, fmt.Errorf("(%g, %g) degrees is not a direction", c.RA, c.Dec)
	}
	ra := math.Mod(c.RA, 360)
	if ra < 0 {
		ra += 360
	}
	quarter := ra / 90 // in [0, 4], where 4 is what a tiny negative RA rounds to
	if quarter >= 4 {
		quarter = 0
	}
	z, cos := math.Sincos(c.Dec * (math.Pi / 180))
	if math.Abs(z) <= 2./3 {
		return equatorial(quarter, z), nil
	}
	return polar(quarter, z, cos), nil
}

// equatorial is the pixel where |z| is at most 2/3: lines of constant pixel
// coordinate are straight in RA and sin Dec.
func equatorial(quarter, z float64) int64 {
	across, up := healpixSide*(0.5+quarter), healpixSide*(0.75*z)
	rising, falling := int64(across-up), int64(across+up) // numbers of the lines south and north of it
	face, r, f := int64(0), rising>>HealpixOrder, falling>>HealpixOrder
	switch {
	case r == f:
		face = r&3 | 4
	case r < f:
		face = r
	default:
		face = f + 8
	}
	return nested(face, falling&(healpixSide-1), healpixSide-1-rising&(healpixSide-1))
}

// polar is the pixel in a cap. The distance from the pole is taken of cos Dec:
// sqrt(3(1-|z|)) has lost its digits there.
func polar(quarter, z, cos float64) int64 {
	face := int64(quarter)
	within := quarter - float64(face)
	reach := healpixSide * cos / math.Sqrt((1+math.Abs(z))/3)
	rising, falling := min(int64(within*reach), healpixSide-1), min(int64((1-within)*reach), healpixSide-1)
	if z < 0 {
		return nested(face+8, rising, falling)
	}
	return nested(face, healpixSide-1-falling, healpixSide-1-rising)
}

// nested is the number of a pixel of a face: the bits of x and y by turns.
func nested(face, x, y int64) int64 {
	return face<<(2*HealpixOrder) | spread(x) | spread(y)<<1
}

// spread puts a zero between each two bits of a number below 2^32.
func spread(v int64) int64 {
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}
