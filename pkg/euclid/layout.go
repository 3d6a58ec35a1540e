package euclid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
)

// Layout is how the rows of a catalogue are laid out: its columns in order,
// and the headers that say so.
type Layout struct {
	uri             string
	table           *fits.Table
	primary, header []byte // as in the file
}

// Columns are the columns in the order of the row.
func (l *Layout) Columns() []fits.Column { return l.table.Columns }

// RowSize is the length of a row in bytes.
func (l *Layout) RowSize() int { return int(l.table.RowSize) }

// Join brings rows of one layout into another's.
type Join struct {
	size  int
	moves []move // nil: the layouts are the same
}

type move struct{ from, to, n int }

// Join matches the columns of another catalogue with l's, by name in any
// letter case and by format: type and count, null value and scaling. The order
// may differ. Columns without a name, or with that of another, are matched by
// their place; so is one that has its name on one side only. What one side lacks or what differs is refused by name,
// code CatalogMismatch.
func (l *Layout) Join(other *Layout) (*Join, error) {
	j := &Join{size: l.RowSize()}
	same := l.RowSize() == other.RowSize()
	var faults []string
	taken := make([]bool, len(other.table.Columns))
	for i := range l.table.Columns {
		to := &l.table.Columns[i]
		k := l.partner(i, other)
		if k < 0 {
			faults = append(faults, l.called(i)+" is missing")
			continue
		}
		taken[k] = true
		from := &other.table.Columns[k]
		if a, b := meaning(from), meaning(to); a != b {
			faults = append(faults, fmt.Sprintf("%s is %s, not %s", l.called(i), a, b))
			continue
		}
		same = same && from.Offset == to.Offset
		j.add(move{int(from.Offset), int(to.Offset), to.Width})
	}
	for k, there := range taken {
		if _, ok := l.table.Column(other.table.Columns[k].Name); !there && (!ok || !other.plain(k)) {
			faults = append(faults, other.called(k)+" is one too many")
		}
	}
	if len(faults) > 0 {
		return nil, fault.Data("CatalogMismatch", "columns differ from those of %s: %s", l.uri, list(faults)).
			On(other.uri).At("%s", other.table.HDU).Fix("catalogues that are joined must be of one release, and name their columns alike: take them from the archive, or give a column without a name its TTYPE")
	}
	if same {
		j.moves = nil
	}
	return j, nil
}

// plain says whether a column has a name of its own.
func (l *Layout) plain(i int) bool {
	name := l.table.Columns[i].Name
	return name != "" && !l.table.Twice(name)
}

// partner is the column of another layout that is l's column i, or -1.
func (l *Layout) partner(i int, other *Layout) int {
	columns, name := other.table.Columns, l.table.Columns[i].Name
	if _, there := other.table.Column(name); there && l.plain(i) {
		return slices.IndexFunc(columns, func(c fits.Column) bool { return strings.EqualFold(c.Name, name) && !other.table.Twice(name) })
	}
	if i >= len(columns) {
		return -1
	}
	_, theirs := l.table.Column(columns[i].Name)
	switch {
	case !other.plain(i) && strings.EqualFold(columns[i].Name, name):
		return i
	case name == "" && !theirs && other.plain(i), columns[i].Name == "" && l.plain(i):
		return i
	}
	return -1
}

// called is what a message calls a column.
func (l *Layout) called(i int) string {
	switch name := l.table.Columns[i].Name; {
	case name == "":
		return fmt.Sprintf("column %d (without a name, TTYPE%d)", i+1, i+1)
	case l.table.Twice(name):
		return fmt.Sprintf("column %d (%s, which stands twice)", i+1, name)
	default:
		return name
	}
}

// add appends a move, or grows the last one where the two are neighbours.
func (j *Join) add(m move) {
	if n := len(j.moves); n > 0 {
		if p := &j.moves[n-1]; p.from+p.n == m.from && p.to+p.n == m.to {
			p.n += m.n
			return
		}
	}
	j.moves = append(j.moves, m)
}

// Row is the row in the layout that was joined to. Where the layouts are the
// same, it is the row itself.
func (j *Join) Row(r Row) Row {
	if j.moves == nil {
		return r
	}
	b := make([]byte, j.size)
	for _, m := range j.moves {
		copy(b[m.to:m.to+m.n], r.Bytes[m.from:])
	}
	r.Bytes = b
	return r
}

// meaning is what a column's bytes depend on, beside its name.
func meaning(c *fits.Column) string {
	s := fmt.Sprintf("%d%c", c.Repeat, c.Type)
	if c.Element != 0 {
		s += string(c.Element)
	}
	if c.Null != nil {
		s += fmt.Sprintf(" with TNULL %d", *c.Null)
	}
	if c.Zero != 0 || c.Scale != 0 && c.Scale != 1 {
		s += fmt.Sprintf(" with TSCAL %v, TZERO %v", cmp.Or(c.Scale, 1), c.Zero)
	}
	return s
}

// list joins a few words, and counts the rest.
func list(words []string) string {
	const most = 6
	if n := len(words) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), n)
	}
	return strings.Join(words, ", ")
}

func containsByte(s string, b byte) bool { return strings.IndexByte(s, b) >= 0 }
