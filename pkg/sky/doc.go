// Package sky is the geometry of the survey: directions, tangent planes, the
// tiles of the MER products and the sub-tiles that inference works on.
//
// Membership is decided in a tile's tangent plane, where its sub-tiles are
// exact squares: lower edges belong to a box and upper edges don't, so that
// neighbouring boxes neither share nor lose a point. Ranges of RA and Dec are
// derived from the boxes, only to be told to others.
//
// Angles are degrees and directions ICRS. Planes are gnomonic, with xi to the
// east and eta to the north. The package reads nothing and knows no pixels
// (package wcs does).
package sky
