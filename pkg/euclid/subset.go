package euclid

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
)

// spillSize is how much of a subset is held in memory; beyond that its rows go to a temporary file.
const spillSize = 1 << 20

// Subset collects rows of a layout and writes them as a catalogue of their own:
// all columns, all keywords, the bytes of every row. It holds at most 1 MiB in
// memory. Close it when done.
type Subset struct {
	layout *Layout
	lower  bool
	rows   int64
	recent []byte   // rows not yet spilled
	spill  *os.File // unlinked; nil while everything fits in memory
}

// NewSubset makes an empty subset. With lowerCase, column names are written in
// lower case, as SHINE reads them.
func NewSubset(layout *Layout, lowerCase bool) *Subset {
	return &Subset{layout: layout, lower: lowerCase}
}

// Add appends a copy of a row, which must be in the subset's layout (see [Layout.Join]).
func (s *Subset) Add(r Row) error {
	if len(r.Bytes) != s.layout.RowSize() {
		return fault.New(fault.Bug, "RowSize", "row of %d bytes added to a subset of rows of %d", len(r.Bytes), s.layout.RowSize())
	}
	if len(s.recent)+len(r.Bytes) > spillSize && len(s.recent) > 0 {
		if err := s.flush(); err != nil {
			return fmt.Errorf("hold rows of the catalogue: %w", err)
		}
	}
	s.recent = append(s.recent, r.Bytes...)
	s.rows++
	return nil
}

func (s *Subset) flush() error {
	if s.spill == nil {
		f, err := os.CreateTemp("", "catalog-rows-*")
		if err != nil {
			return err
		}
		s.spill = f
		if err := os.Remove(f.Name()); err != nil {
			return err
		}
	}
	_, err := s.spill.Write(s.recent)
	s.recent = s.recent[:0]
	return err
}

// Len is the number of rows.
func (s *Subset) Len() int64 { return s.rows }

// Close frees what the subset holds.
func (s *Subset) Close() error {
	s.recent = nil
	if s.spill == nil {
		return nil
	}
	return s.spill.Close()
}

// Write writes a FITS file: the primary HDU's header as it was, and the table.
// Of the table's header only the number of rows and the letter case of the
// column names change; what no longer holds is left out (CHECKSUM, DATASUM, and
// the heap that no column refers to). It can be called again, also after more rows.
func (s *Subset) Write(w io.Writer) error {
	if _, err := w.Write(s.layout.primary); err != nil {
		return err
	}
	if _, err := w.Write(s.header()); err != nil {
		return err
	}
	var rows io.Reader = bytes.NewReader(s.recent)
	if s.spill != nil {
		spilled := s.rows*s.layout.table.RowSize - int64(len(s.recent))
		rows = io.MultiReader(io.NewSectionReader(s.spill, 0, spilled), rows)
	}
	n, err := io.Copy(w, rows)
	if err != nil {
		return err
	}
	_, err = w.Write(make([]byte, fits.Pad(n)-n))
	return err
}

// header is the table's header, card by card. NAXIS2 and PCOUNT are among the
// keywords whose values the standard has in columns 11 to 30.
func (s *Subset) header() []byte {
	const card = 80
	var out []byte
	for raw := s.layout.header; len(raw) >= card; raw = raw[card:] {
		c := string(raw[:card])
		key := strings.TrimRight(c[:8], " ")
		switch {
		case key == "NAXIS2":
			c = c[:10] + fmt.Sprintf("%20d", s.rows) + c[30:]
		case key == "PCOUNT":
			c = c[:10] + fmt.Sprintf("%20d", 0) + c[30:]
		case key == "THEAP" || key == "CHECKSUM" || key == "DATASUM":
			continue
		case s.lower && strings.HasPrefix(key, "TTYPE"):
			// The value ends at the first quote: a column's name has none inside.
			if i := strings.IndexByte(c, '\''); i >= 0 {
				if n := strings.IndexByte(c[i+1:], '\''); n >= 0 {
					c = c[:i] + strings.ToLower(c[i:i+1+n]) + c[i+1+n:]
				}
			}
		}
		out = append(out, c...)
		if key == "END" {
			break
		}
	}
	return append(out, bytes.Repeat([]byte{' '}, int(fits.Pad(int64(len(out))))-len(out))...)
}
