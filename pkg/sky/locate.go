package sky

import "math"

// located is how far off, in degrees, corners may be of those of a tile that was
// found by them.
const located = 1e-6

// Locate finds where the tile lies that a cell's core has these corners of, in the
// order of [Box.Corners]. It is false where they are no cell's of the grid.
func (g Grid) Locate(cell Cell, corners []Coord) (Coord, bool) {
	if len(corners) != 4 || cell.Row < 0 || cell.Col < 0 || cell.Row >= g.Rows || cell.Col >= g.Cols {
		return Coord{}, false
	}
	box := g.SubTiles(Tile{})[cell.Row*g.Cols+cell.Col].Core
	at := box.Corners()
	// A direction is (centre + xi east + eta north) / length, and the length is known.
	var v [4][3]float64
	for i, c := range corners {
		y, x := math.Sincos(c.RA * deg)
		z, cos := math.Sincos(c.Dec * deg)
		length := math.Sqrt(1 + (at[i].Xi*deg)*(at[i].Xi*deg) + (at[i].Eta*deg)*(at[i].Eta*deg))
		v[i] = [3]float64{x * cos * length, y * cos * length, z * length}
	}
	var centre, east [3]float64
	for k := range centre {
		e := (v[1][k] - v[0][k] + v[2][k] - v[3][k]) / (2 * (box.XiMax - box.XiMin) * deg)
		n := (v[3][k] - v[0][k] + v[2][k] - v[1][k]) / (2 * (box.EtaMax - box.EtaMin) * deg)
		middle := (v[0][k] + v[1][k] + v[2][k] + v[3][k]) / 4
		east[k] = e
		centre[k] = middle - e*box.Centre().Xi*deg - n*box.Centre().Eta*deg
	}
	// East is (-sin RA, cos RA, 0), at the poles, too.
	found := Normalize(Coord{RA: math.Atan2(-east[0], east[1]) / deg, Dec: math.Atan2(centre[2], math.Hypot(centre[0], centre[1])) / deg})
	plane := NewTangent(found)
	for i := range corners {
		if !(Separation(plane.Deproject(at[i]), corners[i]) <= located) {
			return Coord{}, false
		}
	}
	return found, true
}
