// Package region is areas of the sky as people name them: a cone, a box of RA
// and Dec, a polygon. A region selects tiles; and tiles are written as regions
// for other programs to show.
//
// A tile is selected where its core, the square that it owns nominally, shares
// some area with the region, decided exactly on the sphere: the edges of a core
// and of a polygon are great circles, those of a box meridians and parallels.
//
// Angles are degrees and positions ICRS. The package reads nothing.
package region
