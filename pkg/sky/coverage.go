package sky

// Coverage says how many exposures lie over how much of an area: the outlines
// of some quadrants, whole, bad pixels included.
type Coverage struct {
	Fraction float64   `yaml:"fraction" json:"fraction"`      // of the area, under at least one exposure
	Mean     float64   `yaml:"mean_depth" json:"mean_depth"`  // exposures, over the whole area
	Min      int       `yaml:"min_depth" json:"min_depth"`    // the fewest over any part
	Max      int       `yaml:"max_depth" json:"max_depth"`    // the most
	ByDepth  []float64 `yaml:"by_depth,flow" json:"by_depth"` // by_depth[n]: the fraction under exactly n exposures
}
