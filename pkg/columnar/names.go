package columnar

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/fault"
)

// places is where a file has each declared column.
func (t *Reader[T]) places(s *schema.Schema) (places []int, err error) {
	names := make([]string, s.NumColumns())
	for i := range names {
		names[i] = nameOf(s.Column(i))
	}
	places = make([]int, len(t.Columns))
	for k, c := range t.Columns {
		if places[k], err = t.place(names, c); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// place is where a column is among names; negative where it isn't and needn't be.
// Two of one name, and one that is nearly an absent one's, are refused: neither
// is for us to choose.
func (t *Reader[T]) place(names []string, c Column[T]) (int, error) {
	same := func(match func(a, b string) bool) (found []int) {
		for i, name := range names {
			if match(name, c.Name) {
				found = append(found, i)
			}
		}
		return found
	}
	found := same(func(a, b string) bool { return a == b })
	if len(found) == 0 && t.AnyCase {
		found = same(strings.EqualFold)
	}
	switch {
	case len(found) > 1:
		return -1, fault.Data(t.Missing, "it has %d columns of this name: %q and %q", len(found), names[found[0]], names[found[1]]).
			At("column %s", c.Name).Fix("leave one of them")
	case len(found) == 1:
		return found[0], nil
	}
	if other := t.misspelt(names, c.Name); other != "" {
		return -1, fault.Data(t.Missing, "there is no column of this name; did you mean %s?", c.Name).At("column %q", other).
			Fix("rename it, if it is that, or else to something less like it")
	}
	if c.Required {
		return -1, fault.Data(t.Missing, "it has no such column").At("column %s", c.Name).Fix("%s", t.Remedy)
	}
	return -1, nil
}

// misspelt is a column that is like an absent one and that nobody declared, or "".
func (t *Reader[T]) misspelt(names []string, absent string) string {
	for _, name := range names {
		declared := slices.ContainsFunc(t.Columns, func(c Column[T]) bool {
			return c.Name == name || t.AnyCase && strings.EqualFold(c.Name, name)
		})
		if t.Alike != nil && !declared && t.Alike(absent, name) {
			return name
		}
	}
	return ""
}

// nameOf is a column's name; a list's leaf lies deeper.
func nameOf(c *schema.Column) string {
	name := c.Path()
	if c.MaxRepetitionLevel() > 0 {
		name, _, _ = strings.Cut(name, ".")
	}
	return name
}
