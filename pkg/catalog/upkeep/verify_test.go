package upkeep

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"

	"github.com/cosmostat/constellation/pkg/sky"
)

func TestFigures(t *testing.T) {
	i64 := func(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
	f32 := func(v float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)) }
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	ints.AppendValues([]int64{-3, 5, 0}, []bool{true, true, false})
	floats := array.NewFloat32Builder(memory.DefaultAllocator)
	floats.AppendValues([]float32{-0.5, float32(math.NaN()), 2}, nil)
	words := array.NewStringBuilder(memory.DefaultAllocator)
	words.AppendValues([]string{"map", "vi", "nuts"}, nil)
	for _, c := range []struct {
		name                string
		values              arrow.Array
		counts, nulls, nans int64
		low, high           []byte
		want                string
	}{
		{"right", ints.NewArray(), 3, 1, -1, i64(-3), i64(5), ""},
		{"wider", nil, 3, 1, -1, i64(-30), i64(50), ""},
		{"none", nil, -1, -1, -1, nil, nil, ""},
		{"values", nil, 2, 1, -1, i64(-3), i64(5), "it has 3 values, its manifest says 2"},
		{"nulls", nil, 3, 0, -1, i64(-3), i64(5), "it has 1 nulls, its manifest says 0"},
		{"low", nil, 3, 1, -1, i64(-2), i64(5), "-3 is below the bound -2"},
		{"high", nil, 3, 1, -1, i64(-3), i64(4), "5 is above the bound 4"},
		{"narrower type", nil, 3, 1, -1, binary.LittleEndian.AppendUint32(nil, 0xfffffffd), binary.LittleEndian.AppendUint32(nil, 5), ""},
		{"floats", floats.NewArray(), 3, 0, 1, f32(-0.5), f32(2), ""},
		{"not a number", nil, 3, 0, 0, f32(-0.5), f32(2), "it has 1 not-a-numbers, its manifest says 0"},
		{"low float", nil, 3, 0, 1, f32(-0.25), f32(2), "-0.5 is below the bound -0.25"},
		{"texts", words.NewArray(), 3, 0, -1, []byte("map"), []byte("vj"), ""},
		{"high text", nil, 3, 0, -1, []byte("m"), []byte("o"), `"vi" is above the bound "o"`},
		{"low text", nil, 3, 0, -1, []byte("mb"), []byte("w"), `"map" is below the bound "mb"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := iceberg.NewDataFileBuilder(*iceberg.UnpartitionedSpec, iceberg.EntryContentData, "s3://b/f.parquet", iceberg.ParquetFile, nil, nil, nil, 3, 10)
			if err != nil {
				t.Fatal(err)
			}
			said := func(n int64) map[int]int64 {
				if n < 0 {
					return nil
				}
				return map[int]int64{4: n}
			}
			bound := func(v []byte) map[int][]byte {
				if v == nil {
					return nil
				}
				return map[int][]byte{4: v}
			}
			d := b.ValueCounts(said(c.counts)).NullValueCounts(said(c.nulls)).NaNValueCounts(said(c.nans)).LowerBoundValues(bound(c.low)).UpperBoundValues(bound(c.high)).Build()
			f := &figures{}
			if c.values != nil {
				last = c.values
			}
			f.add(last)
			if got := f.against(d, 4); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

var last arrow.Array // of the cases above that give none

func TestWindows(t *testing.T) {
	KeysAtOnce = 100
	t.Cleanup(func() { KeysAtOnce = 4 << 20 })
	type files struct{ first, last, rows int64 }
	for _, c := range []struct {
		name   string
		spans  []files
		starts []int64
		most   int64
	}{
		{"none", nil, []int64{math.MinInt64}, 0},
		{"few", []files{{1, 5, 40}, {6, 9, 40}}, []int64{math.MinInt64}, 80},
		{"cut between", []files{{6, 9, 60}, {1, 5, 60}, {10, 12, 60}}, []int64{math.MinInt64, 6, 10}, 60},
		{"one tile, many files", []files{{3, 3, 60}, {3, 3, 60}, {3, 3, 60}, {4, 4, 10}}, []int64{math.MinInt64, 4}, 180},
		{"one over all", []files{{1, 100, 60}, {1, 5, 60}, {6, 9, 60}}, []int64{math.MinInt64, 6}, 120},
	} {
		var spans []span
		for _, s := range c.spans {
			spans = append(spans, span{Tiles{s.first, s.last, true}, s.rows})
		}
		all := windows(spans)
		var starts []int64
		for i, w := range all {
			starts = append(starts, w.first)
			if i > 0 && all[i-1].end != w.first || w.rows > c.most {
				t.Errorf("%s: %+v", c.name, all)
			}
		}
		if !slices.Equal(starts, c.starts) || all[len(all)-1].end != math.MaxInt64 {
			t.Errorf("%s: %+v", c.name, all)
		}
	}
}

// TestBesides takes the neighbour's pixel within a thousandth of a pixel of an edge.
func TestBesides(t *testing.T) {
	const width = 58.6 / (1 << sky.HealpixOrder) // of a pixel, in degrees
	for _, at := range []sky.Coord{{RA: 52.9, Dec: -28.1}, {RA: 0, Dec: 0}, {RA: 200.123, Dec: 89.2}, {RA: 359.9999999999, Dec: -60}} {
		here, err := sky.Healpix(at)
		if err != nil {
			t.Fatal(err)
		}
		near, far := at, at // the last in this pixel to the north, and the first in the next one
		for step := width; step > 1e-5*width; {
			next := near
			next.Dec += step
			if p, err := sky.Healpix(next); err != nil || p != here {
				far, step = next, step/2
			} else {
				near = next
			}
		}
		other, err := sky.Healpix(far)
		if err != nil || other == here {
			t.Fatalf("%v: %v, %v", at, far, err)
		}
		if !besides(near, other) || !besides(far, here) {
			t.Errorf("%v is on the edge of %d and %d", near, here, other)
		}
		away := near
		away.Dec -= 0.02 * width
		if p, err := sky.Healpix(away); err == nil && p == here && besides(away, other) {
			t.Errorf("%v is not on the edge of %d", away, other)
		}
	}
}
