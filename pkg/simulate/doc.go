// Package simulate makes a small Euclid survey: VIS exposures (DET, BKG, WGT,
// PSF), MER mosaics and MER catalogues, laid out, named and structured as the
// Q1 release is, with galaxies of known shear in them and a truth table
// beside them. People test their own tools on it, as the pipeline's tests do.
//
// What is real: names and directories, HDU order and sizes, keyword types
// (MAGZEROP is a quoted string), TPV distortion, CCD gaps and rotated CCDs,
// the pixel scale of 0.1", dithers, short exposures, a product that was
// delivered twice, files of other kinds in between, catalogues that list
// their tile's own sources only, under ids made of the position. What may
// shrink is the number of things: pixels per quadrant, CCDs, the tile's side.
// What is not modelled: brighter-fatter, CTI, ghosts, cosmic shear fields,
// astrometric or photometric errors of the calibration, colour.
//
// # Conventions
//
// Angles are degrees, arcminutes or arcseconds, as each name or comment says.
// Pixel coordinates are those of FITS: the first pixel's centre is (1, 1).
// Shapes and shears are of the kind |g| = (a-b)/(a+b), in the sky frame with u
// to the west and v to the north. A galaxy is a circular exponential disc of
// half-light radius hlr, sheared by its intrinsic e, then by the tile's g,
// both with unit determinant, so that hlr is the radius of the circle of equal
// area and flux is kept.
//
// The PSF is the effective one, pixel included, as its stamps show it: a
// galaxy's pixel is the value, at the pixel's centre, of disc convolved with
// PSF. Both are sums of Gaussians, so that this is exact and needs no
// oversampling. The PSF has unit flux; a stamp holds 0.93 to 0.97 of it, the
// rest lies outside.
//
// m_AB = -2.5 log10(ADU) + MAGZEROP + 2.5 log10(EXPTIME) = 23.9 - 2.5 log10(uJy).
//
// # Same inputs, same bytes
//
// All that is random comes from streams keyed by the seed and by what they are
// for (this pixel plane of this quadrant of this exposure), so that quadrants
// render in parallel and in any order. Time stamps too come from the seed.
// Equal bytes are promised for one processor architecture: others may fuse a
// multiplication with an addition and round the last bit differently.
package simulate
