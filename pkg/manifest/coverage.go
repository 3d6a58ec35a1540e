package manifest

import (
	"fmt"
	"strings"
)

// Coverage says how many exposures lie over how much of an area: the outlines
// of the quadrants that the manifest lists, whole, bad pixels included.
type Coverage struct {
	Fraction float64   `yaml:"fraction" json:"fraction"`      // of the area, under at least one exposure
	Mean     float64   `yaml:"mean_depth" json:"mean_depth"`  // exposures, over the whole area
	Min      int       `yaml:"min_depth" json:"min_depth"`    // the fewest over any part
	Max      int       `yaml:"max_depth" json:"max_depth"`    // the most
	ByDepth  []float64 `yaml:"by_depth,flow" json:"by_depth"` // by_depth[n]: the fraction under exactly n exposures
}

func (c *Coverage) flow() string {
	by := make([]string, len(c.ByDepth))
	for i, f := range c.ByDepth {
		by[i] = number(f)
	}
	return fmt.Sprintf("{fraction: %s, mean_depth: %s, min_depth: %d, max_depth: %d, by_depth: [%s]}",
		number(c.Fraction), number(c.Mean), c.Min, c.Max, strings.Join(by, ", "))
}
