// Package results is the contract between inference and assembly: the two
// Parquet files that an engine leaves in a sub-tile's results directory, what
// their columns mean, and what must hold of them.
//
// shear.parquet has one row per sub-tile, sources.parquet one row per core
// source. Angles are degrees (ICRS) for positions and arcsec for sizes and
// offsets, fluxes are uJy. G1, G2 are reduced shear and E1, E2 shapes in the
// tangent plane's frame with u to the west and v to the north.
//
// The columns are declared once ([ShearColumns], [SourceColumns]); files,
// tables and documentation follow from that. Written files have the same bytes
// for the same rows. Readers take any integer width, single or double
// precision, and files without the optional columns; everything else is an
// error that names the column and the row. The package knows no store, no
// engine and no table format.
package results
