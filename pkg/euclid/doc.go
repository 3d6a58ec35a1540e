// Package euclid knows the Euclid products that shear inference reads: VIS
// exposures (DET, BKG, WGT, PSF) and MER tiles (mosaics and catalogues).
//
// It knows their file names, which files belong together, how their HDUs are
// named, and which columns of a catalogue identify and place a source. It lists
// and reads headers and table rows; it never reads pixels, and copying them is
// package extract's.
//
// Conventions:
//   - positions are ICRS degrees, RA in [0, 360);
//   - of a file that was delivered twice the newest timestamp of the name wins;
//   - HDUs are looked up by EXTNAME, never by their order;
//   - results are sorted (exposures by id, tiles by id, quadrants by name), so
//     that the same bucket gives the same bytes;
//   - every file is pinned to the ETag that its listing had.
//
// Footprints travel between tasks as Parquet; that is the subpackage
// quadrants, so that whoever reads catalogues doesn't link Parquet.
package euclid
