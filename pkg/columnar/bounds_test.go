package columnar_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
)

type bulky struct {
	ID   int64
	Name string
	List []float64
	_    [200]byte
}

var bulkyColumns = []columnar.Column[bulky]{
	columnar.Field("id", func(t *bulky) any { return &t.ID }),
	columnar.Field("name", func(t *bulky) any { return &t.Name }),
	columnar.Field("list", func(t *bulky) any { return &t.List }),
}

// bulk writes a row group of so many rows, whose columns have values of their own making.
func bulk(t *testing.T, rows int, codec compress.Compression, name func(i int) string, perRow int) []byte {
	t.Helper()
	root, err := columnar.Schema(bulkyColumns)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root, file.WithWriterProps(parquet.NewWriterProperties(parquet.WithCompression(codec), parquet.WithDictionaryDefault(true), parquet.WithStats(false))))
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	const chunk = 1 << 16
	each := func(write func(from, n int)) {
		for i := 0; i < rows; i += chunk {
			write(i, min(chunk, rows-i))
		}
	}
	next := func() file.ColumnChunkWriter {
		c, err := g.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	must := func(_ int64, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	ids := next().(*file.Int64ColumnChunkWriter)
	each(func(_, n int) { must(ids.WriteBatch(make([]int64, n), nil, nil)) })
	ids.Close()
	names := next().(*file.ByteArrayColumnChunkWriter)
	each(func(from, n int) {
		v := make([]parquet.ByteArray, n)
		for i := range v {
			v[i] = parquet.ByteArray(name(from + i))
		}
		must(names.WriteBatch(v, nil, nil))
	})
	names.Close()
	lists := next().(*file.Float64ColumnChunkWriter)
	each(func(_, n int) {
		def, rep := make([]int16, n*perRow), make([]int16, n*perRow)
		for i := range def {
			def[i] = lists.Descr().MaxDefinitionLevel()
			rep[i] = int16(min(i%perRow, 1))
		}
		must(lists.WriteBatch(make([]float64, n*perRow), def, rep))
	})
	lists.Close()
	g.Close()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What a file makes of its bytes is bounded, whatever it repeats.
func TestBounds(t *testing.T) {
	zstd, none := compress.Codecs.Zstd, func(int) string { return "" }
	for name, test := range map[string]struct {
		text []byte
		most int64
		says string
	}{
		"rows":            {bulk(t, 1<<19, zstd, none, 1), 0, "smaller row groups"},
		"rows in all":     {bulk(t, 2000, zstd, none, 1), 1000, "2000 1000"},
		"rows in a group": {bulk(t, 1<<19, zstd, none, 1), 1000, "1000"},
		"text":            {bulk(t, 1<<17, zstd, func(i int) string { return strings.Repeat("x", 1000) + fmt.Sprint(i) }, 1), 0, "text"},
		"lists":           {bulk(t, 1<<14, zstd, none, 1000), 0, "values"},
	} {
		if len(test.text) > 10<<20 {
			t.Errorf("%s: the file has %d bytes", name, len(test.text))
		}
		r := columnar.Reader[bulky]{Columns: bulkyColumns, Corrupt: "Corrupt", Missing: "Missing", Invalid: "Invalid", MaxRows: test.most}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := r.Scan(bytes.NewReader(test.text), int64(len(test.text)), func([]bulky) error { return nil })
		runtime.ReadMemStats(&after)
		for _, word := range strings.Fields(test.says) {
			if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 512<<20 { // all that was ever held, which is at least twice what was at once
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
	}
	good := bulk(t, 5000, zstd, func(i int) string { return fmt.Sprint(i) }, 3)
	r := columnar.Reader[bulky]{Columns: bulkyColumns, Corrupt: "Corrupt", Missing: "Missing", Invalid: "Invalid", MaxRows: 5000}
	n := 0
	if err := r.Scan(bytes.NewReader(good), int64(len(good)), func(rows []bulky) error { n += len(rows); return nil }); err != nil || n != 5000 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A page is never more than its header says.
func TestCodecs(t *testing.T) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 300<<20)
	for kind, encode := range map[compress.Compression]func([]byte) []byte{
		compress.Codecs.Snappy: func(b []byte) []byte { return snappy.Encode(nil, b) },
		compress.Codecs.Zstd:   func(b []byte) []byte { return e.EncodeAll(b, nil) },
	} {
		codec, err := compress.GetCodec(kind)
		if err != nil {
			t.Fatal(err)
		}
		for size, good := range map[int]bool{0: true, 100: true, 101: false, len(zeros): false} {
			out, err := codec.(compress.ErrorCodec).DecodeWithError(make([]byte, 100), encode(zeros[:size]))
			if good != (err == nil) || good && len(out) != size {
				t.Errorf("%s: %d bytes: %d, %v", kind, size, len(out), err)
			}
		}
	}
}
