package bombs

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
)

// footer is a file that has nothing but these bytes of metadata.
func footer(meta ...[]byte) []byte {
	all := append([]byte("PAR1"), bytes.Join(meta, nil)...)
	all = binary.LittleEndian.AppendUint32(all, uint32(len(all)-4))
	return append(all, "PAR1"...)
}

// Thrift's compact protocol: a field's header has the distance from the field
// before and the type, a list's the count and the type.
const (
	stop                = "\x00"
	i32, i64            = "\x05", "\x06"
	text, list, struct_ = 8, 9, 12
)

// listOf is a list that says how many it has, and what it has.
func listOf(kind byte, count int, elements ...[]byte) []byte {
	return append(binary.AppendUvarint([]byte{0xf0 | kind}, uint64(count)), bytes.Join(elements, nil)...)
}

func times(n int, s string) []byte { return bytes.Repeat([]byte(s), n) }

// with is a file's metadata: version, schema, rows, row groups, key values and what comes then.
func with(schema, groups []byte, more ...[]byte) []byte {
	return footer(bytes.Join([][]byte{
		[]byte("\x15\x02\x19"), schema, []byte("\x16\x00\x19"), groups, bytes.Join(more, nil), []byte(stop),
	}, nil))
}

var (
	root    = "\x48\x01s\x15\x00" + stop // name, num_children
	columnS = "\x48\x00" + stop
	none    = []byte{0x0c}
	chunkS  = "\x26\x00" + stop
)

// readers are who reads Parquet files of others.
var readers = map[string]func([]byte) error{
	"sources":   func(b []byte) error { _, err := results.ReadSources(bytes.NewReader(b), int64(len(b))); return err },
	"tiles":     func(b []byte) error { _, err := quadrants.ReadTileTable(bytes.NewReader(b), int64(len(b))); return err },
	"quadrants": func(b []byte) error { _, err := quadrants.Read(bytes.NewReader(b), int64(len(b))); return err },
}

func TestFooters(t *testing.T) {
	const n = mostBytes - 1000
	explode(t, []bomb{
		{"schema promised", func() []byte { return with(listOf(struct_, 100_000_000), none) }, readers["sources"]},
		{"groups promised", func() []byte { return with(listOf(struct_, 1, []byte(root)), listOf(struct_, 100_000_000)) }, readers["sources"]},
		{"schema", func() []byte { return with(listOf(struct_, n/3, times(n/3, columnS)), none) }, readers["sources"]},
		{"schema nested", func() []byte {
			return with(listOf(struct_, n/5, times(n/5, "\x48\x00\x15\x02"+stop)), none)
		}, readers["sources"]},
		{"groups", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), listOf(struct_, n/7, times(n/7, "\x19\x0c\x16\x00\x16\x00"+stop)))
		}, readers["tiles"]},
		{"chunks", func() []byte {
			group := append([]byte{0x19}, listOf(struct_, n/3-10, times(n/3-10, chunkS))...)
			return with(listOf(struct_, 1, []byte(root)), listOf(struct_, 1, group, []byte("\x16\x00\x16\x00"+stop)))
		}, readers["sources"]},
		{"chunks promised in groups", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), listOf(struct_, 100, bytes.Repeat(append([]byte{0x19}, listOf(struct_, 10_000_000)...), 100)))
		}, readers["sources"]},
		{"key values", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte{0x19}, listOf(struct_, n/3-10, times(n/3-10, "\x18\x00"+stop)))
		}, readers["quadrants"]},
		{"column orders", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte{0x39}, listOf(struct_, n/4-10, times(n/4-10, "\x1c"+stop+stop)))
		}, readers["quadrants"]},
		{"unknown field, nested", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte("\xfc"), times(n/2, "\x1c"))
		}, readers["quadrants"]},
		{"unknown lists, nested", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte("\xf9"), times(n/2, "\x19"))
		}, readers["quadrants"]},
		{"text promised", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte("\x28"), binary.AppendUvarint(nil, 90_000_000), times(n, "a"))
		}, readers["quadrants"]},
		{"text", func() []byte {
			return with(listOf(struct_, 1, []byte(root)), none, []byte("\x28"), binary.AppendUvarint(nil, n), times(n, "a"))
		}, readers["quadrants"]},
	})
}

// chunk is what the least of a column chunk with metadata has.
const chunk = "\x26\x00\x1c\x15\x00\x19\x05\x19\x08\x15\x00\x16\x00\x16\x00\x16\x00\x26\x00" + stop + stop

// leaf is a column with a name of so many bytes, held a group of so many.
func leaf(name int) string {
	return "\x15\x02\x25\x00\x18" + string(binary.AppendUvarint(nil, uint64(name))) + string(times(name, "N")) + stop
}

func held(children int, name string) []byte {
	b := append(binary.AppendUvarint([]byte("\x48"), uint64(len(name))), name...)
	return append(binary.AppendUvarint(append(b, 0x15), uint64(2*children)), stop...)
}

func TestFootersWithinBounds(t *testing.T) {
	const n = mostBytes - 1000
	columns := func(element string, count int) []byte { return listOf(struct_, count, times(count, element)) }
	key := "\x18\x0d" + "0123456789abc" + stop
	explode(t, []bomb{
		{"key values", func() []byte {
			return with(columns(root, 1), none, []byte{0x19}, columns(key, n/16))
		}, readers["quadrants"]},
		{"chunks", func() []byte {
			count := n / len(chunk)
			return with(columns(root, 1), listOf(struct_, 1, []byte{0x19}, columns(chunk, count), []byte("\x16\x00\x16\x00"+stop)))
		}, readers["sources"]},
		{"groups of a chunk", func() []byte {
			group := "\x19\x1c" + chunk + "\x16\x00\x16\x00" + stop
			return with(columns(root, 1), columns(group, n/len(group)))
		}, readers["sources"]},
		{"strings in a path", func() []byte {
			count := n - 100
			one := "\x26\x00\x1c\x15\x00\x19\x05\x19"
			rest := "\x15\x00\x16\x00\x16\x00\x16\x00\x26\x00" + stop + stop
			return with(columns(root, 1), listOf(struct_, 1, []byte{0x19}, listOf(struct_, 1, []byte(one), listOf(text, count, make([]byte, count)), []byte(rest)), []byte("\x16\x00\x16\x00"+stop)))
		}, readers["sources"]},
		{"schema nested", func() []byte { return with(columns("\x48\x00\x15\x02"+stop, 4096), none) }, readers["sources"]},
		{"schema nested, with columns", func() []byte {
			return with(listOf(struct_, 4001, times(2000, "\x48\x01g\x15\x04"+stop), []byte(root), times(2000, leaf(1))), none)
		}, readers["sources"]},
		{"columns of a long name", func() []byte {
			return with(listOf(struct_, 4001, held(4000, "s"), times(4000, leaf(2000))), none)
		}, readers["sources"]},
		{"columns of the longest names", func() []byte {
			return with(listOf(struct_, 4001, held(4000, "s"), times(4000, leaf(1024))), none)
		}, readers["sources"]},
		{"columns of the longest names, nested", func() []byte {
			n := string(times(1024, "n"))
			groups := [][]byte{}
			for range 15 {
				groups = append(groups, held(1, n))
			}
			return with(listOf(struct_, 4016, bytes.Join(groups, nil), held(4000, n), times(4000, leaf(1024))), none)
		}, readers["sources"]},
	})
}

// file is one that the writer makes, of groups of equal rows.
func file[T any](cols []columnar.Column[T], row T, perGroup, groups int) []byte {
	var b bytes.Buffer
	w, err := columnar.NewWriter(&b, cols, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDictionaryDefault(true))
	rows := make([]T, perGroup)
	for i := range rows {
		rows[i] = row
	}
	for range groups {
		if err == nil {
			err = w.Group(rows)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestRows(t *testing.T) {
	tile := []columnar.Column[euclid.MERTile]{
		columnar.Field("tile_id", func(t *euclid.MERTile) any { return &t.ID }),
		columnar.Field("ra", func(t *euclid.MERTile) any { return &t.Centre.RA }),
		columnar.Field("dec", func(t *euclid.MERTile) any { return &t.Centre.Dec }),
	}
	one := new(float32(1))
	source := results.Source{}
	for _, c := range results.SourceColumns() {
		if p, is := c.Ref(&source).(**float32); is {
			*p = one
		}
	}
	outline := func(points, rows int) func() []byte {
		return func() []byte {
			var b bytes.Buffer
			q := euclid.Quadrant{Name: "1-1.E", Outline: make([]sky.Coord, points)}
			w, err := quadrants.NewWriter(&b)
			for range rows {
				if err == nil {
					err = w.Append([]euclid.Quadrant{q})
				}
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				panic(err)
			}
			return b.Bytes()
		}
	}
	explode(t, []bomb{
		{"sources", func() []byte { return file(results.SourceColumns(), source, 1<<16, 4) }, readers["sources"]},
		{"tiles", func() []byte { return file(tile, euclid.MERTile{}, 1<<17, 2) }, readers["tiles"]},
		{"more tiles", func() []byte { return file(tile, euclid.MERTile{}, 1<<17, 20) }, readers["tiles"]},
		{"groups without rows", func() []byte { return file(tile, euclid.MERTile{}, 0, 10000) }, readers["tiles"]},
		{"groups of a row", func() []byte { return file(tile, euclid.MERTile{}, 1, 5000) }, readers["tiles"]},
		{"more quadrants", outline(4, 1<<18), readers["quadrants"]},
		{"outlines", outline(1000, 8000), readers["quadrants"]},
		{"a few long outlines", outline(500_000, 8), readers["quadrants"]},
	})
}

func TestPages(t *testing.T) {
	tile := []columnar.Column[euclid.MERTile]{
		columnar.Field("tile_id", func(t *euclid.MERTile) any { return &t.ID }),
		columnar.Field("ra", func(t *euclid.MERTile) any { return &t.Centre.RA }),
		columnar.Field("dec", func(t *euclid.MERTile) any { return &t.Centre.Dec }),
	}
	good := file(tile, euclid.MERTile{}, 1<<17, 1)
	page := func(header string) func() []byte { // in the place of the first
		return func() []byte {
			b := bytes.Clone(good)
			copy(b[4:], header)
			return b
		}
	}
	const data = "\x15\x00\x15\x10\x15\x10" // kind, size, compressed size
	huge := string(binary.AppendUvarint(nil, 99_000_000))
	explode(t, []bomb{
		{"unknown list", page(data + "\xf9\xfc" + huge), readers["tiles"]},
		{"statistics", page(data + "\x2c\x15\x02\x15\x00\x15\x00\x15\x00\x1c\x18" + huge), readers["tiles"]},
		{"nested", page(data + string(times(40, "\x1c"))), readers["tiles"]},
		{"values", page(data + "\x2c\x15" + huge + "\x15\x00\x15\x06\x15\x06" + stop + stop), readers["tiles"]},
		{"size", page("\x15\x00\x15" + huge + "\x15\x10\x2c\x15\x02\x15\x00\x15\x06\x15\x06" + stop + stop), readers["tiles"]},
		{"compressed size", page("\x15\x00\x15\x10\x15" + huge + "\x2c\x15\x02\x15\x00\x15\x06\x15\x06" + stop + stop), readers["tiles"]},
		{"dictionary", page("\x15\x04\x15\x10\x15\x10\x4c\x15" + huge + "\x15\x00" + stop + stop), readers["tiles"]},
	})
}
