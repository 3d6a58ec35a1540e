package fits

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

func FuzzReadIndex(f *testing.F) {
	good := small(f)
	f.Add(good)
	f.Add(good[:Block*3])
	f.Add(append(NewPrimary().Encode(), bytes.Repeat(NewImage(8).Encode(), 6)...))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := ReadIndex(bytes.NewReader(raw), int64(len(raw)))
		parallel, again := ReadIndexParallel(bytes.NewReader(raw), int64(len(raw)), 3, nil)
		if fmt.Sprint(err) != fmt.Sprint(again) || !reflect.DeepEqual(all, parallel) {
			t.Fatalf("%v, in parallel %v", err, again)
		}
		if err != nil {
			if fault.KindOf(err) != fault.BadData {
				t.Fatal(err)
			}
			return
		}
		at := int64(0)
		for _, h := range all {
			// The last block may be short of its padding.
			if h.Offset != at || h.DataOffset()+h.DataSize > int64(len(raw)) {
				t.Fatalf("%s lies at %d..%d of %d", h, h.Offset, h.End(), len(raw))
			}
			at = h.End()
			Verify(h, bytes.NewReader(raw))
			table, err := ParseTable(h)
			if err != nil {
				continue
			}
			for i := range min(table.Rows, 3) {
				row := raw[h.DataOffset()+i*table.RowSize:][:table.RowSize]
				for _, c := range table.Columns {
					c.Int64(row)
					c.Float64(row)
					c.Text(row)
					c.Descriptor(row)
					row := bytes.Clone(row)
					c.PutInt(row, 3)
					c.PutFloat(row, 1.5)
					c.PutNull(row)
				}
			}
		}
	})
}

func BenchmarkReadIndexFocalPlane(b *testing.B) {
	file := focalPlane()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadIndex(file, file.size); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendFloat32(b *testing.B) {
	v := make([]float32, 1<<20)
	buf := make([]byte, 0, 4<<20)
	b.SetBytes(4 << 20)
	for b.Loop() {
		buf = AppendFloat32(buf[:0], v)
	}
}

func BenchmarkDecodeFloat32(b *testing.B) {
	v := make([]float32, 1<<20)
	buf := make([]byte, 4<<20)
	b.SetBytes(4 << 20)
	for b.Loop() {
		DecodeFloat32(buf, v)
	}
}

func BenchmarkSum(b *testing.B) {
	buf := make([]byte, 4<<20)
	b.SetBytes(4 << 20)
	for b.Loop() {
		var s Sum
		s.Write(buf)
	}
}
