package euclid

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
)

// spillSize is how much of a subset's rows, and of its heap, is held in memory;
// beyond that they go to a temporary file.
const spillSize = 64 << 10

// Subset collects rows of a layout and writes them as a catalogue of their own:
// all columns, all keywords, the bytes of every row. Arrays of variable length
// come along: only where they lie in the heap changes. It holds at most 128 KiB in
// memory. Close it when done.
type Subset struct {
	layout   *Layout
	lower    bool
	rows     int64
	data     spool
	variable []*fits.Column // whose arrays lie in the heap
	longest  []int64        // of these arrays, in elements
	heap     spool
	row      []byte // for changing one
}

// NewSubset makes an empty subset. With lowerCase, column names are written in
// lower case, as SHINE reads them.
func NewSubset(layout *Layout, lowerCase bool) *Subset {
	s := &Subset{layout: layout, lower: lowerCase, variable: layout.variable()}
	s.longest = make([]int64, len(s.variable))
	return s
}

// Add appends a copy of a row, which must be in the subset's layout (see [Layout.Join]).
func (s *Subset) Add(r Row) error {
	if len(r.Bytes) != s.layout.RowSize() {
		return fault.New(fault.Bug, "RowSize", "row of %d bytes added to a subset of rows of %d", len(r.Bytes), s.layout.RowSize())
	}
	row := r.Bytes
	if len(s.variable) > 0 {
		s.row = append(s.row[:0], r.Bytes...)
		row = s.row
		if err := s.move(row, r.Heap); err != nil {
			return err
		}
	}
	if _, err := s.data.Write(row); err != nil {
		return err
	}
	s.rows++
	return nil
}

// Len is the number of rows.
func (s *Subset) Len() int64 { return s.rows }

// Close frees what the subset holds.
func (s *Subset) Close() error { return errors.Join(s.data.close(), s.heap.close()) }

// Write writes a FITS file: the primary HDU's header as it was, and the table.
// Of the table's header only the number of rows, the size of the heap and of the
// longest arrays, and the letter case of the column names change; what no longer
// holds is left out (CHECKSUM, DATASUM, gaps before the heap). It can be called
// again, also after more rows.
func (s *Subset) Write(w io.Writer) error {
	if _, err := w.Write(s.layout.primary); err != nil {
		return err
	}
	if _, err := w.Write(s.header()); err != nil {
		return err
	}
	n, err := io.Copy(w, io.MultiReader(s.data.reader(), s.heap.reader()))
	if err != nil {
		return err
	}
	_, err = w.Write(make([]byte, fits.Pad(n)-n))
	return err
}

// spool is bytes that are written and then read again: the last ones are in
// memory, those before in a file.
type spool struct {
	recent  []byte
	spill   *os.File // unlinked; nil while everything fits in memory
	spilled int64
}

func (s *spool) size() int64 { return s.spilled + int64(len(s.recent)) }

func (s *spool) Write(p []byte) (int, error) {
	if len(s.recent)+len(p) > spillSize && len(s.recent) > 0 {
		if err := s.flush(); err != nil {
			return 0, fmt.Errorf("hold rows of the catalogue: %w", err)
		}
	}
	s.recent = append(s.recent, p...)
	return len(p), nil
}

func (s *spool) flush() (err error) {
	if s.spill == nil {
		if s.spill, err = scratchFile(); err != nil {
			return err
		}
	}
	n, err := s.spill.WriteAt(s.recent, s.spilled)
	s.spilled += int64(n)
	s.recent = s.recent[:copy(s.recent, s.recent[n:])]
	return err
}

func (s *spool) reader() io.Reader {
	if s.spill == nil {
		return bytes.NewReader(s.recent)
	}
	return io.MultiReader(io.NewSectionReader(s.spill, 0, s.spilled), bytes.NewReader(s.recent))
}

func (s *spool) close() error {
	s.recent = nil
	if s.spill == nil {
		return nil
	}
	return s.spill.Close()
}

// header is the table's header, card by card.
func (s *Subset) header() []byte {
	const card = 80
	var out []byte
	for raw := s.layout.header; len(raw) >= card; raw = raw[card:] {
		c := string(raw[:card])
		key := strings.TrimRight(c[:8], " ")
		if key == "END" {
			out = append(out, c...)
			break
		}
		if c[8:10] == "= " {
			c = s.card(key, c)
		}
		out = append(out, c...)
	}
	return append(out, bytes.Repeat([]byte{' '}, int(fits.Pad(int64(len(out))))-len(out))...)
}

// card is a card of the table's header as it is in the subset's; empty where it is left out.
func (s *Subset) card(key, c string) string {
	switch {
	case key == "NAXIS2":
		return fits.WithInt(c, s.rows)
	case key == "PCOUNT":
		return fits.WithInt(c, s.heap.size())
	case key == "THEAP" || key == "CHECKSUM" || key == "DATASUM":
		return ""
	case strings.HasPrefix(key, "TFORM"):
		return s.format(key, c) + s.nameless(key)
	case strings.HasPrefix(key, "TTYPE") && s.shared(key) != "":
		return s.shared(key)
	case s.lower && strings.HasPrefix(key, "TTYPE"):
		// The value ends at the first quote: a column's name has none inside.
		if i := strings.IndexByte(c, '\''); i >= 0 {
			if n := strings.IndexByte(c[i+1:], '\''); n >= 0 {
				return c[:i] + strings.ToLower(c[i:i+1+n]) + c[i+1+n:]
			}
		}
	}
	return c
}

// column is the number of a column in a keyword that ends with it, from 0, or -1.
func (s *Subset) column(key string) int {
	n, err := strconv.Atoi(strings.TrimLeft(key, "TFORMYPE"))
	if err != nil || n < 1 || n > len(s.layout.table.Columns) {
		return -1
	}
	return n - 1
}

// nameless is the card of a name for a column that has none: not all readers
// read a table with such a column.
func (s *Subset) nameless(key string) string {
	if i := s.column(key); i >= 0 && s.layout.table.Columns[i].Name == "" {
		return s.typeCard(i, fmt.Sprintf("COLUMN_%d", i+1))
	}
	return ""
}

// shared is the card of a column's name where other columns have it, too, be it
// in another case; empty where none has. All but the first get their number, for
// the same reason.
func (s *Subset) shared(key string) string {
	i := s.column(key)
	if i < 0 || !s.layout.table.Twice(s.layout.table.Columns[i].Name) {
		return ""
	}
	name := s.layout.table.Columns[i].Name
	if slices.ContainsFunc(s.layout.table.Columns[:i], func(c fits.Column) bool { return strings.EqualFold(c.Name, name) }) {
		name += fmt.Sprintf("_%d", i+1)
	}
	return s.typeCard(i, name)
}

func (s *Subset) typeCard(i int, name string) string {
	if s.lower {
		name = strings.ToLower(name)
	}
	name = strings.ReplaceAll(name, "'", "''")
	return fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= '%-8s'", fmt.Sprintf("TTYPE%d", i+1), name[:min(len(name), 66)]))
}

// format is the card of a column's format; where it says how long the longest
// array is, and a longer one came from another catalogue, it says so.
func (s *Subset) format(key, card string) string {
	n, err := strconv.Atoi(key[len("TFORM"):])
	if err != nil || n < 1 || n > len(s.layout.table.Columns) {
		return card
	}
	if i := slices.Index(s.variable, &s.layout.table.Columns[n-1]); i >= 0 {
		c := s.variable[i]
		head, rest, ok := strings.Cut(c.Format, "(")
		said, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), ")"), 10, 64)
		if ok && err == nil && s.longest[i] > said {
			card = fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= '%-8s'", key, fmt.Sprintf("%s(%d)", head, s.longest[i])))
		}
	}
	return card
}
