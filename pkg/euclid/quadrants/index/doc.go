// Package index keeps the footprints of a whole survey, tens of millions of
// quadrants, so that the few thousand around one tile are read in a moment.
//
// # The dataset
//
// A dataset is a root document (JSON) and, beside it, Parquet files. Rows are
// sorted by the S2 cell of the quadrant's centre, which follows a Hilbert curve
// over the sphere, so that neighbours on the sky are neighbours in a file. The
// root document has each file's range of cells, the footer each row group's.
// A query reads the root document, the footers of the files whose ranges it
// meets, and of those the row groups whose ranges it meets, nothing else.
//
// The files form runs, each sorted as a whole. [Write] makes one run. [Update]
// goes on from an earlier dataset: it adds one for new exposures and merges it,
// in the same pass, with those newer runs that are not at least twice as large as
// all after them together: there are never many runs, and each row is rewritten
// a few times at most. Exposures that are gone, or come again, are hidden in the
// runs that have them. Files are named by their SHA-256 and never change; the
// root document is written last and whole. Datasets in one directory share files,
// and may be made at the same time.
//
// The root document has the hash of each footer, the footer a checksum of each
// row group: a damaged file is refused by name, it never hides a quadrant.
//
// # The row
//
//	cell                   uint64  S2 leaf cell of the centre: position to 1 cm on an Earth, 0.3 mas
//	obs, dither, number    string  the exposure, as in file names
//	name                   string  e.g. 3-4.F
//	exptime                double  seconds
//	outline                list of int32, see below
//	sci_offset, sci_length int64   bytes; length 0: no such HDU
//	rms_gap, rms_length    int64   the gap is from the end of SCI to the offset
//	flg_gap, flg_length    int64   likewise from the end of RMS
//	{bkg,wgt,psf}_offset, _length  int64
//
// The outline is the quadrant's, in the tangent plane at the centre of its
// cell, rounded to [Precision], a hundredth of a VIS pixel; everything else is
// exact. Its points p become steps, and each step the difference from the one
// before, or, in the second half of an even number, from the opposite step
// turned round, because a quadrant is nearly a parallelogram. In front stands
// the first point, from where it would be if the points' mean were the centre.
// All are zigzag coded (0, -1, 1, -2, ...), so that most of the bytes are zero.
//
// What it does not do: it keeps no pixels and no files' names (a reader joins
// by exposure with the observation index), and it does not decide what overlaps
// a sub-tile, that is package sky's.
package index
