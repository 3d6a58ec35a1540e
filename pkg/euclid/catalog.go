package euclid

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	// headerWindow holds both headers of a MER catalogue (469 columns) as a rule, so they take one request.
	headerWindow = 256 << 10
	// rowWindow is how much of a catalogue is held at a time, twice.
	rowWindow = 1 << 20
	// mostRow is what a row may have: those of Q1 have 4 kB, and two are held at a time.
	mostRow = 16 << 20
)

// Catalog is an open MER catalogue file: the first table of a FITS file.
type Catalog struct {
	file        File
	from        objstore.Reader
	table       *fits.Table
	layout      *Layout
	id, ra, dec *fits.Column
	tile        *fits.Column // that says of each row which tile's it is; nil: none does
	tileID      int64        // that the file is listed as
	skipped     int64
	at          io.ReaderAt // through the window that the headers were read with
	size        int64       // of the file, unpacked
	unpacked    *unpacked   // nil where the file isn't gzipped
}

// Row is one source of a catalogue.
type Row struct {
	ID  int64
	Pos sky.Coord
	// Bytes are the whole row as it lies in the file. They are only valid
	// until the function that got the row returns.
	Bytes []byte
	// Heap has the arrays of columns of variable length, which lie behind the
	// rows; nil where there are no such columns. It is valid as long as Bytes.
	Heap io.ReaderAt
}

// OpenCatalog reads the headers of a catalogue file, and not its rows: one
// request for a file of Q1. The table must have the columns OBJECT_ID
// (integer), RIGHT_ASCENSION and DECLINATION (floating point, degrees), in any
// letter case and order; else the error has code CatalogColumns. A file that
// says it is of another tile than its name is refused.
//
// A gzipped file, whatever its name, is unpacked into a temporary file, which Close frees.
func OpenCatalog(ctx context.Context, r objstore.Reader, f File) (c *Catalog, err error) {
	err = eitherWay(f, func(gzipped bool) (err error) {
		c, err = openCatalog(ctx, r, f, gzipped)
		return err
	})
	return c, err
}

func openCatalog(ctx context.Context, r objstore.Reader, f File, gzipped bool) (_ *Catalog, err error) {
	c := &Catalog{file: f, from: r}
	at, size := readerAt(ctx, r, f), f.Size
	if gzipped {
		if c.unpacked, err = unpack(ctx, r, f, mostCatalog); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				c.Close()
			}
		}()
		c.from, at, size = c.unpacked, c.unpacked, c.unpacked.size
	}
	at = objstore.Window(at, size, headerWindow)
	c.at, c.size = at, size
	var primary, table *fits.HDU
	err = fits.Scan(at, size, func(h *fits.HDU) (bool, error) {
		if h.Index == 0 {
			primary = h
		} else if h.Kind == "BINTABLE" {
			table = h
		}
		return table == nil, nil
	})
	if err != nil {
		return nil, locate(err, f.URI, nil)
	}
	if err := holdTile(f, primary); err != nil {
		return nil, err
	}
	if table == nil {
		return nil, fault.Data("CatalogColumns", "no binary table").On(f.URI).Fix("is it a MER final catalogue?")
	}
	if c.table, err = fits.ParseTable(table); err != nil {
		return nil, locate(err, f.URI, table)
	}
	if c.table.RowSize > mostRow {
		return nil, fault.Data("CatalogColumns", "a row has %d bytes, which none of a MER catalogue has: at most %d", c.table.RowSize, mostRow).
			On(f.URI).At("%s, NAXIS1", table).Fix("compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the tile out")
	}
	if err := c.choose(); err != nil {
		return nil, err
	}
	c.layout = &Layout{uri: f.URI, table: c.table}
	for _, p := range []struct {
		raw *[]byte
		hdu *fits.HDU
	}{{&c.layout.primary, primary}, {&c.layout.header, table}} {
		*p.raw = make([]byte, p.hdu.HeaderSize)
		if _, err := at.ReadAt(*p.raw, p.hdu.Offset); err != nil {
			return nil, fmt.Errorf("read header of %s: %w", f.URI, err)
		}
	}
	if primary.DataSize > 0 { // an image there is not the subset's
		c.layout.primary = fits.NewPrimary().Encode()
	}
	return c, nil
}

// choose finds the columns that are decoded and refuses what can't be.
func (c *Catalog) choose() error {
	var lacking []string
	for _, w := range []struct {
		name  string
		types string
		to    **fits.Column
	}{{"OBJECT_ID", "KJI", &c.id}, {"RIGHT_ASCENSION", "DE", &c.ra}, {"DECLINATION", "DE", &c.dec}} {
		col, ok := c.table.Column(w.name)
		switch {
		case !ok:
			lacking = append(lacking, w.name)
		case c.table.Twice(w.name):
			lacking = append(lacking, fmt.Sprintf("one %s (there are several)", w.name))
		case col.Repeat != 1 || !containsByte(w.types, col.Type):
			lacking = append(lacking, fmt.Sprintf("%s of a usable type (it is %s)", w.name, col.Format))
		}
		*w.to = col
	}
	if len(lacking) > 0 {
		return fault.Data("CatalogColumns", "lacks %s", list(lacking)).On(c.file.URI).At("%s", c.table.HDU).
			Fix("a MER final catalogue has them; check data.catalog_base_uri")
	}
	c.chooseTile()
	for _, col := range []*fits.Column{c.ra, c.dec} {
		if err := inDegrees(col); err != nil {
			return fault.Data("CatalogColumns", "%w", err).On(c.file.URI).At("%s, %s", c.table.HDU, unitKey(c.table, col)).
				Fix("convert the column and its TUNIT to deg, or mend TUNIT where the values are degrees; or take the catalogue from the survey's archive")
		}
	}
	return nil
}

// chooseTile finds the column that says which tile a row is of, where there is one.
func (c *Catalog) chooseTile() {
	tile, ok := c.file.tile()
	for _, name := range []string{"TILE_INDEX", "TILE_ID", "TILEID"} {
		if col, has := c.table.Column(name); ok && has && col.Repeat == 1 && containsByte("KJI", col.Type) {
			c.tile, c.tileID = col, tile
			return
		}
	}
}

// holdRow refuses a row that says it is another tile's.
func (c *Catalog) holdRow(raw []byte, n int64) error {
	if c.tile == nil {
		return nil
	}
	if tile, null := c.tile.Int64(raw); !null && tile != c.tileID {
		return wrongTile(c.file.URI, c.tileID, "%s of row %d is %d", c.tile.Name, n, tile).At("%s", c.table.HDU)
	}
	return nil
}

// Close frees what a gzipped file was unpacked to.
func (c *Catalog) Close() {
	if c.unpacked != nil {
		c.unpacked.Close() // a temporary file that is gone already
	}
}

// File is the file that was opened.
func (c *Catalog) File() File { return c.file }

// Len is the number of rows, skipped ones included.
func (c *Catalog) Len() int64 { return c.table.Rows }

// Layout describes the catalogue's rows.
func (c *Catalog) Layout() *Layout { return c.layout }

// Skipped is how many rows the last call of Rows passed over because their
// id is null or their position is not a number or not on the sky.
func (c *Catalog) Skipped() int64 { return c.skipped }

// Rows calls visit for each row in the file's order, until it fails. One
// request reads them, ahead while visit works: into two buffers of 1 MiB, or of
// one row. Where a row's
// Heap is read from, all of the heap is fetched once, into a temporary file.
func (c *Catalog) Rows(ctx context.Context, visit func(row Row) error) error {
	c.skipped = 0
	size, n := int(c.table.RowSize), int64(0)
	heap := c.heap(ctx)
	defer heap.close()
	return c.chunks(ctx, func(chunk []byte) error {
		for ; len(chunk) > 0; chunk = chunk[size:] {
			n++
			if err := c.holdRow(chunk[:size:size], n); err != nil {
				return err
			}
			row, ok := c.decode(chunk[:size:size])
			if !ok {
				c.skipped++
				continue
			}
			if heap != nil {
				row.Heap = heap
			}
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// first is the first source of the file, whose row follows the header: as a rule
// it needs no further request. It works as long as the context of [OpenCatalog] does.
func (c *Catalog) first() (Row, error) {
	if c.table.Rows == 0 { // of rows that may be of any size
		return Row{}, noSources(c.file)
	}
	raw := make([]byte, c.table.RowSize)
	for i := range c.table.Rows {
		if _, err := c.at.ReadAt(raw, c.table.HDU.DataOffset()+i*c.table.RowSize); err != nil {
			return Row{}, fmt.Errorf("read rows of %s: %w", c.file.URI, err)
		}
		if row, ok := c.decode(raw); ok {
			return row, nil
		}
	}
	return Row{}, noSources(c.file)
}

// decode reads the three columns of a row that matter; false where they don't say a place.
func (c *Catalog) decode(raw []byte) (Row, bool) {
	id, null := c.id.Int64(raw)
	p := sky.Coord{RA: c.ra.Float64(raw), Dec: c.dec.Float64(raw)}
	if null || !onSky(p) {
		return Row{}, false
	}
	return Row{ID: id, Pos: sky.Normalize(p), Bytes: raw}, true
}

// chunks reads the rows in order, many at a time, and uses one while the next is read.
func (c *Catalog) chunks(ctx context.Context, use func(rows []byte) error) error {
	size, total := c.table.RowSize, c.table.RowSize*c.table.Rows
	tail := c.tail(total)
	if total == 0 { // what follows is there already, as a rule
		rest := make([]byte, tail)
		if _, err := c.at.ReadAt(rest, c.table.HDU.DataOffset()); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read rows of %s: %w", c.file.URI, err)
		}
		return c.ends(rest)
	}
	step := max(rowWindow/size, 1) * size
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type chunk struct {
		rows []byte
		err  error
	}
	full, empty := make(chan chunk), make(chan []byte, 2)
	for range cap(empty) {
		empty <- nil
	}
	body, err := c.from.Get(ctx, c.file.URI, c.file.ETag, objstore.Range{Offset: c.table.HDU.DataOffset(), Length: total + tail})
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", c.file.URI, err)
	}
	defer body.Close()
	go func() {
		defer close(full)
		for off := int64(0); off < total; off += step {
			var buf []byte
			select {
			case buf = <-empty:
			case <-ctx.Done():
				return
			}
			if buf == nil {
				buf = make([]byte, min(step, total))
			}
			buf = buf[:min(step, total-off)]
			_, err := io.ReadFull(body, buf)
			select {
			case full <- chunk{buf, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
		rest := make([]byte, tail)
		_, err := io.ReadFull(body, rest)
		if err == nil {
			err = c.ends(rest)
		}
		select {
		case full <- chunk{nil, err}:
		case <-ctx.Done():
		}
	}()
	for k := range full {
		switch {
		case fault.CodeOf(k.err) == codeRows:
			return k.err
		case k.err != nil:
			return fmt.Errorf("read rows of %s: %w", c.file.URI, k.err)
		case k.rows == nil:
			continue
		}
		if err := use(k.rows); err != nil {
			return err
		}
		empty <- k.rows[:cap(k.rows)]
	}
	return ctx.Err()
}

// codeRows is that of a table whose header doesn't say how many rows there are.
const codeRows = "CatalogRows"

// tail is how much is read behind the rows: padding, and the start of what follows;
// nothing where there is a heap.
func (c *Catalog) tail(total int64) int64 {
	if c.table.HDU.DataSize != total {
		return 0
	}
	return min(fits.Pad(total)-total+int64(len(extension)), c.size-c.table.HDU.DataOffset()-total)
}

const extension = "XTENSION"

// ends refuses rows that go on behind the last one of NAXIS2: others may be lost.
func (c *Catalog) ends(rest []byte) error {
	pad := min(int64(len(rest)), fits.Pad(c.table.HDU.DataSize)-c.table.HDU.DataSize)
	padding, next := rest[:pad], rest[pad:]
	zeros := func(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
	if (zeros(padding) || int64(len(padding)) < c.table.RowSize) && (zeros(next) || bytes.HasPrefix([]byte(extension), next)) {
		return nil
	}
	return fault.Data(codeRows, "behind the last of %d rows come neither the end of the file nor another HDU, but more data", c.table.Rows).
		On(c.file.URI).At("%s, NAXIS2", c.table.HDU).Fix("compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the tile out")
}
