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
//   - of a file that was delivered twice the newest timestamp of the name wins; of
//     several with one timestamp the one that is not compressed, then the one
//     whose URI is the last;
//   - names are read by a table of forms; a dither has two or three digits;
//   - NN.NN at the end of a name is the release. Of MER one release counts, as
//     numbers compare, of VIS the newest; within it, what is said of deliveries;
//   - DET, BKG, WGT, mosaics and catalogues that say they are of another exposure
//     or tile than their names are refused; what says nothing is taken by its name;
//   - gzipped PSFs, mosaics and catalogues are read as what they hold; DET, BKG
//     and WGT, of which parts are copied, are not, and nor are other forms: they
//     are named, with what to do;
//   - HDUs are looked up by EXTNAME, never by their order;
//   - results are sorted (exposures by id, tiles by id, quadrants by name), so
//     that the same bucket gives the same bytes;
//   - every file is pinned to the ETag that its listing had.
//
// Footprints travel between tasks as Parquet; that is the subpackage
// quadrants, so that whoever reads catalogues doesn't link Parquet.
package euclid
