package columnar

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
)

type pair struct {
	ID   int64
	G    *float32
	Name string
}

// TestPlain: what our writer makes of small files is not left to the library's reader.
func TestPlain(t *testing.T) {
	cols := []Column[pair]{
		Field("ID", func(p *pair) any { return &p.ID }), {Name: "G", Ref: func(p *pair) any { return &p.G }}, {Name: "NAME", Ref: func(p *pair) any { return &p.Name }},
	}
	for name, test := range map[string]struct {
		props []parquet.WriterProperty
		plain bool
	}{
		"as results are written": {[]parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy)}, true},
		"not compressed":         {[]parquet.WriterProperty{parquet.WithDictionaryDefault(false)}, true},
		"with dictionaries":      {[]parquet.WriterProperty{parquet.WithDictionaryDefault(true)}, false},
		"in pages of version 2":  {[]parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV2)}, false},
		"by zstd":                {[]parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Zstd)}, false},
	} {
		var b bytes.Buffer
		w, err := NewWriter(&b, cols, test.props...)
		if err == nil {
			err = w.Group(slices.Repeat([]pair{{1, nil, "a"}, {2, new(float32(1)), ""}, {3, new(float32(2)), "c"}}, 100))
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		g := r.RowGroup(0)
		for i := range cols {
			if c, err := chunkOf(b.Bytes(), g, i); err != nil || (c.plain != nil) != test.plain {
				t.Errorf("%s: column %d: %v, %v", name, i, c.plain != nil, err)
			}
		}
	}
}

// TestLevels: levels in runs, packed, in both, and none that are cut short or too many.
func TestLevels(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		n    int
		want string // "" where they are none; "all"
	}{
		"a run of ones":      {[]byte{10, 1}, 5, "all"},
		"a longer one":       {[]byte{200, 1, 1}, 5, "all"},
		"a shorter one":      {[]byte{8, 1}, 5, ""},
		"zeros":              {[]byte{10, 0}, 5, "00000"},
		"packed":             {[]byte{3, 0b00010110}, 5, "01101"},
		"a run, then packed": {[]byte{4, 1, 3, 0b101}, 5, "11101"},
		"packed, then a run": {[]byte{3, 0xff, 6, 0}, 11, "11111111000"},
		"nothing":            {nil, 5, ""},
		"a run of nothing":   {[]byte{0, 1, 10, 1}, 5, ""},
		"a run of twos":      {[]byte{10, 2}, 5, ""},
		"packed, cut short":  {[]byte{5, 0xff}, 16, ""},
		"a run without end":  {[]byte{255, 255, 255}, 5, ""},
	} {
		levels, err := levelsOf(test.data, test.n)
		got := ""
		for _, l := range levels {
			got += string('0' + l)
		}
		if levels == nil && err == nil {
			got = "all"
		}
		if got != test.want && (err == nil || test.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
		if (err != nil) != (test.want == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
