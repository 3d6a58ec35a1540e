package euclid

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fits"
)

// inDegrees refuses a column of angles whose unit is another. Without a unit it
// counts as degrees, which is what these columns have by their definition.
func inDegrees(c *fits.Column) error {
	switch strings.ToLower(strings.TrimSpace(c.Unit)) {
	case "", "deg", "degs", "degree", "degrees":
		return nil
	}
	return fmt.Errorf("column %s is in %q: angles are read in deg", c.Name, c.Unit)
}

// unitKey is the keyword that has a column's unit.
func unitKey(t *fits.Table, c *fits.Column) string {
	return fmt.Sprintf("TUNIT%d", 1+slices.IndexFunc(t.Columns, func(o fits.Column) bool { return o.Offset == c.Offset && o.Name == c.Name }))
}
