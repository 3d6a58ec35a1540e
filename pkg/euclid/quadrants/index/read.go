package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/golang/geo/s2"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// CodeCorrupt is of a dataset that is not as it was written.
const CodeCorrupt = "IndexCorrupt"

// remedy is for a file that is damaged.
const remedy = "remove the file: the next run reads all batches again"

// maxGroup bounds the rows of a row group that is read.
const maxGroup = 1 << 16

// table is a file whose footer is known.
type table struct {
	uri    string
	size   int64
	meta   *metadata.FileMetaData
	groups []group
}

// group is where a row group lies, in the file and along the curve.
type group struct {
	offset, size int64
	rows         int64
	first, last  s2.CellID
	sum          uint32
}

// openTable reads a file's footer, by one request.
func openTable(ctx context.Context, r objstore.Reader, f fileEntry) (*table, error) {
	raw, err := readRange(ctx, r, f.URI, f.Size-f.Footer, f.Footer)
	if err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	t := &table{uri: f.URI, size: f.Size}
	if digest(raw) != f.Digest {
		return nil, corrupt("the footer is not the one that was written").On(f.URI).Fix("%s", remedy)
	}
	err = calmly(func() error { return t.parse(raw) })
	if err != nil {
		return nil, fmt.Errorf("%s: footer: %w", f.URI, err)
	}
	return t, nil
}

func (t *table) parse(raw []byte) (err error) {
	const tail = 8 // length and magic
	if t.meta, err = columnar.Footer(raw[:max(len(raw)-tail, 0)]); err != nil {
		return err
	}
	want, err := columnar.Schema(columns())
	if err != nil {
		return err
	}
	if !t.meta.Schema.Root().Equals(want) {
		return corrupt("its columns are not those of an index")
	}
	sums := strings.Fields(*t.meta.KeyValueMetadata().FindValue(checksumsKey))
	t.groups = make([]group, len(t.meta.RowGroups))
	for i := range t.groups {
		g, m := &t.groups[i], t.meta.RowGroup(i)
		if g.rows = m.NumRows(); g.rows < 1 || g.rows > maxGroup {
			return corrupt("row group %d has %d rows", i, g.rows)
		}
		sum, err := strconv.ParseUint(sums[i], 16, 32)
		if err != nil {
			return err
		}
		g.sum = uint32(sum)
		for k := range m.NumColumns() {
			c, err := m.ColumnChunk(k)
			if err != nil {
				return err
			}
			start := c.DataPageOffset()
			if c.HasDictionaryPage() {
				start = min(start, c.DictionaryPageOffset())
			}
			if k == 0 {
				g.offset = start
				stats, err := c.Statistics()
				if err != nil {
					return err
				}
				cells := stats.(*metadata.Int64Statistics)
				g.first, g.last = s2.CellID(cells.Min()), s2.CellID(cells.Max())
			}
			g.size = start + c.TotalCompressedSize() - g.offset
		}
		if g.offset < 0 || g.size < 0 || g.offset+g.size > t.size {
			return corrupt("row group %d lies outside of the file", i)
		}
	}
	return nil
}

// fetch reads the bytes of row groups from one up to, not including, another, by one request.
func (t *table) fetch(ctx context.Context, r objstore.Reader, from, to int) ([]byte, error) {
	first, last := t.groups[from], t.groups[to-1]
	return readRange(ctx, r, t.uri, first.offset, last.offset+last.size-first.offset)
}

// rows decodes one row group out of bytes that begin with that of from. The
// rows share one allocation of outlines.
func (t *table) rows(data []byte, from, i int) ([]row, error) {
	g, base := t.groups[i], t.groups[from].offset
	data = data[g.offset-base:][:g.size]
	var rows []row
	err := calmly(func() (err error) {
		if crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) != g.sum {
			return corrupt("its bytes are not those that were written").Fix("%s", remedy)
		}
		at := io.NewSectionReader(piece{data, g.offset}, 0, t.size)
		f, err := file.NewParquetReader(at, file.WithMetadata(t.meta))
		if err != nil {
			return err
		}
		defer f.Close()
		rows, err = decodeGroup(f.RowGroup(i))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: row group %d: %w", t.uri, i, err)
	}
	return rows, nil
}

func decodeGroup(g *file.RowGroupReader) ([]row, error) {
	in := columnar.Reader[row]{Columns: columns(), Corrupt: CodeCorrupt, Missing: CodeCorrupt, Invalid: CodeCorrupt, Remedy: remedy}
	rows, err := in.Group(g)
	for i := range rows {
		if n := len(rows[i].outline); n%2 != 0 || n < 2*minPoints || n > 2*maxPoints {
			return nil, corrupt("an outline of %d coordinates", n)
		}
	}
	return rows, err
}

// piece is a part of a file as an io.ReaderAt of the whole.
type piece struct {
	data   []byte
	offset int64
}

func (p piece) ReadAt(b []byte, off int64) (int, error) {
	if off < p.offset {
		return 0, corrupt("a column lies outside of its row group")
	}
	return bytes.NewReader(p.data).ReadAt(b, off-p.offset)
}

func readRange(ctx context.Context, r objstore.Reader, uri string, offset, n int64) ([]byte, error) {
	body, err := r.Get(ctx, uri, "", objstore.Range{Offset: offset, Length: n})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := make([]byte, n)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("%s: %w", uri, err)
	}
	return data, nil
}

// digest is a short hash of a footer.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%016x", binary.BigEndian.Uint64(sum[:]))
}

func corrupt(format string, a ...any) *fault.Error { return fault.Data(CodeCorrupt, format, a...) }

// calmly calls the decoder, which panics on some garbled files. What goes wrong
// is bad data, unless it is classified already.
func calmly(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("the decoder gave up: %v", p)
		}
	}()
	if err = f(); err != nil && fault.KindOf(err) == fault.Unclassified {
		err = corrupt("%w", err)
	}
	return err
}
