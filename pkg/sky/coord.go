package sky

// Coord is a direction on the sky: ICRS right ascension and declination in
// degrees, RA in [0, 360).
type Coord struct{ RA, Dec float64 }

// Offset is a point of a tangent plane: gnomonic xi (to the east, growing RA)
// and eta (to the north), in degrees, from the plane's centre.
type Offset struct{ Xi, Eta float64 }
