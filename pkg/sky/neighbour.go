package sky

// NeighbourRadius is how far apart, in degrees, the centres of two tiles may
// be for sources of the one to lie in margins of the other: this tile's reach,
// and that of the square in which the other may own sources.
func (g Grid) NeighbourRadius() float64 {
	owned := g
	owned.MarginArcmin = 0
	return g.Reach() + owned.Reach()
}
