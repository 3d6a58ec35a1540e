// Package quadrants keeps quadrant footprints in Parquet: one row per quadrant,
// in the order that they were given, the same rows always as the same bytes.
//
//	obs, dither, number   string   the exposure, as in file names
//	name                  string   e.g. 3-4.F
//	exptime               double   seconds
//	outline_ra, _dec      list of double, ICRS degrees, not closed
//	{sci,rms,flg,bkg,wgt,psf}_offset, _length   int64, bytes; length 0: no such HDU
//
// The files themselves are not in it: a reader joins by exposure with the
// observation index. Row groups hold at most 16384 quadrants (about 6 MB), which
// bounds the memory of [Writer] and [Scan]. The package also reads a tile table
// in Parquet, so that package euclid needs no Parquet.
package quadrants
