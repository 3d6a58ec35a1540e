package manifest

import (
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/sky"
)

func flow(c *sky.Coverage) string {
	by := make([]string, len(c.ByDepth))
	for i, f := range c.ByDepth {
		by[i] = number(f)
	}
	return fmt.Sprintf("{fraction: %s, mean_depth: %s, min_depth: %d, max_depth: %d, by_depth: [%s]}",
		number(c.Fraction), number(c.Mean), c.Min, c.Max, strings.Join(by, ", "))
}
