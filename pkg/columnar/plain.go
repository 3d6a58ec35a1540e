package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// plain reads a column chunk of the simplest kind, which our writer makes of small
// files: pages of version 1 with the values as they are, compressed by Snappy or
// not at all. The library's reader takes ten times as long to begin one as to read
// a thousand values. Whatever is of another kind is left to it.
type plain struct {
	pages    []plainPage
	snappy   bool
	nullable bool
	width    int     // of a value in bytes; 0: each says its own
	scratch  *[]byte // that pages are decompressed into

	left   int // values of the page that are still to be read
	values []byte
	levels []byte // one for each value, where some are null
}

// plainPage is a page that wasn't looked into.
type plainPage struct {
	body         []byte
	uncompressed int
	values       int
}

// Numbers that Parquet's headers have.
const (
	pageOfData   = 0
	encodedPlain = 0
	encodedRLE   = 3
)

// plainOf is a chunk of a file that is in memory; nil where it is of another kind.
func plainOf(data []byte, c *metadata.ColumnChunkMetaData, desc *schema.Column) *plain {
	p := &plain{snappy: c.Compression() == compress.Codecs.Snappy, nullable: desc.MaxDefinitionLevel() == 1}
	switch desc.PhysicalType() {
	case parquet.Types.Int32, parquet.Types.Float:
		p.width = 4
	case parquet.Types.Int64, parquet.Types.Double:
		p.width = 8
	case parquet.Types.ByteArray:
	default:
		return nil
	}
	from, n := c.DataPageOffset(), c.TotalCompressedSize()
	if !p.snappy && c.Compression() != compress.Codecs.Uncompressed || c.HasDictionaryPage() || c.CryptoMetadata() != nil || desc.MaxRepetitionLevel() > 0 || desc.MaxDefinitionLevel() > 1 ||
		from < 0 || n < 0 || from > int64(len(data)) || n > int64(len(data))-from {
		return nil
	}
	rest, sum := data[from:from+n], int64(0)
	for len(rest) > 0 && sum < c.NumValues() {
		page, after, ok := pageOf(rest)
		if !ok {
			return nil
		}
		sum += int64(page.values)
		p.pages, rest = append(p.pages, page), after
	}
	if sum != c.NumValues() {
		return nil
	}
	return p
}

// pageOf reads the header of a page, which is Thrift.
func pageOf(data []byte) (page plainPage, rest []byte, ok bool) {
	w := &walk{rest: data, structs: 64}
	sizes := [2]int64{-1, -1}
	encodings := [3]int64{-1, -1, -1}
	values, kind := int64(-1), int64(-1)
	good := w.fields(func(id int64, thrift byte) bool {
		switch {
		case id == 1 && thrift == thriftI32:
			return w.zigzag(&kind)
		case (id == 2 || id == 3) && thrift == thriftI32:
			return w.zigzag(&sizes[id-2])
		case id == 5 && thrift == thriftStruct:
			return w.fields(func(id int64, thrift byte) bool {
				switch {
				case id == 1 && thrift == thriftI32:
					return w.zigzag(&values)
				case id >= 2 && id <= 4 && thrift == thriftI32:
					return w.zigzag(&encodings[id-2])
				}
				return w.value(thrift, 1) == nil
			})
		}
		return w.value(thrift, 0) == nil
	})
	if !good || kind != pageOfData || values < 0 || values > maxGroup || encodings != [3]int64{encodedPlain, encodedRLE, encodedRLE} ||
		sizes[0] < 0 || sizes[0] > maxPage || sizes[1] < 0 || sizes[1] > int64(len(w.rest)) {
		return page, nil, false
	}
	return plainPage{w.rest[:sizes[1]], int(sizes[0]), int(values)}, w.rest[sizes[1]:], true
}

// fields has each field of a struct read by visit, which says whether it could.
func (w *walk) fields(visit func(id int64, kind byte) bool) bool {
	for id := int64(0); ; {
		head, err := w.next()
		if err != nil || head>>4 == 0 && head != thriftStop {
			return false // or far more fields than a header has
		}
		if head == thriftStop {
			return true
		}
		id += int64(head >> 4)
		if kind := head & 0xf; kind != thriftTrue && kind != thriftFalse && !visit(id, kind) {
			return false
		}
	}
}

func (w *walk) zigzag(into *int64) bool {
	v, err := w.uvarint()
	*into = int64(v>>1) ^ -int64(v&1)
	return err == nil
}

// turn goes to the next page.
func (p *plain) turn() error {
	page := p.pages[0]
	p.pages = p.pages[1:]
	body := page.body
	if p.snappy {
		if len(*p.scratch) < page.uncompressed {
			*p.scratch = make([]byte, page.uncompressed)
		}
		var err error
		if body, err = decodeSnappy((*p.scratch)[:page.uncompressed], body); err != nil {
			return err
		}
	}
	if len(body) != page.uncompressed {
		return fmt.Errorf("a page has %d bytes, its header says %d", len(body), page.uncompressed)
	}
	p.left, p.levels = page.values, nil
	if p.nullable {
		if len(body) < 4 || int64(binary.LittleEndian.Uint32(body)) > int64(len(body)-4) {
			return io.ErrUnexpectedEOF
		}
		n := int(binary.LittleEndian.Uint32(body))
		var err error
		if p.levels, err = levelsOf(body[4:4+n], page.values); err != nil {
			return err
		}
		body = body[4+n:]
	}
	p.values = body
	return nil
}

// levelsOf reads levels of one bit, in runs or packed; none where all are one.
func levelsOf(data []byte, n int) ([]byte, error) {
	if len(data) > 0 && data[len(data)-1] == 1 { // one run of ones, as a rule
		if v, used := binary.Uvarint(data); used == len(data)-1 && v&1 == 0 && v>>1 >= uint64(n) {
			return nil, nil
		}
	}
	levels := make([]byte, 0, n)
	for len(levels) < n {
		head, used := binary.Uvarint(data)
		if used <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		data = data[used:]
		count := head >> 1
		if head&1 == 0 {
			if count == 0 || len(data) == 0 || data[0] > 1 {
				return nil, errors.New("its levels are none")
			}
			for range min(count, uint64(n-len(levels))) {
				levels = append(levels, data[0])
			}
			data = data[1:]
			continue
		}
		if count == 0 || count > uint64(len(data)) {
			return nil, io.ErrUnexpectedEOF
		}
		for i := range int(min(8*count, uint64(n-len(levels)))) {
			levels = append(levels, data[i/8]>>(i%8)&1)
		}
		data = data[count:]
	}
	return levels, nil
}

// numbers reads a chunk's fixed-width values as [read] says.
func numbers[V arrow.FixedWidthType](p *plain) read[V] {
	return func(most int64, to []V, levels, _ []int16) (int64, int, error) {
		return p.some(most, levels, func(at, n int) error {
			if n*p.width > len(p.values) {
				return io.ErrUnexpectedEOF
			}
			copy(arrow.GetBytes(to[at:at+n]), p.values[:n*p.width])
			p.values = p.values[n*p.width:]
			return nil
		})
	}
}

// bytesOf reads a chunk's texts.
func bytesOf(p *plain) read[parquet.ByteArray] {
	return func(most int64, to []parquet.ByteArray, levels, _ []int16) (int64, int, error) {
		return p.some(most, levels, func(at, n int) error {
			for i := range n {
				if len(p.values) < 4 || int64(binary.LittleEndian.Uint32(p.values)) > int64(len(p.values)-4) {
					return io.ErrUnexpectedEOF
				}
				end := 4 + int(binary.LittleEndian.Uint32(p.values))
				to[at+i] = append(parquet.ByteArray(nil), p.values[4:end]...)
				p.values = p.values[end:]
			}
			return nil
		})
	}
}

// some reads as many values as there are, but for a bound; take has those that
// aren't null, by how many came before them.
func (p *plain) some(most int64, levels []int16, take func(at, n int) error) (read int64, got int, err error) {
	for read < most && (p.left > 0 || len(p.pages) > 0) {
		if p.left == 0 {
			if err := p.turn(); err != nil {
				return read, got, err
			}
			continue
		}
		n := int(min(most-read, int64(p.left)))
		there := n
		if p.nullable {
			for i := range n {
				level := int16(1)
				if p.levels != nil {
					level = int16(p.levels[i])
					there -= 1 - int(level)
				}
				levels[int(read)+i] = level
			}
			if p.levels != nil {
				p.levels = p.levels[n:]
			}
		}
		if err := take(got, there); err != nil {
			return read, got, err
		}
		read, got, p.left = read+int64(n), got+there, p.left-n
	}
	return read, got, nil
}
