package quadrants_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// footprints are n quadrants, all different; now and then one without outline.
func footprints(n int) []euclid.Quadrant {
	qs := make([]euclid.Quadrant, n)
	at := int64(1)
	segment := func() euclid.Segment {
		at += 2880
		return euclid.Segment{Offset: at, Length: at % 7 * 2880}
	}
	for i := range qs {
		qs[i] = euclid.Quadrant{
			Exposure: euclid.ExposureID{Obs: fmt.Sprintf("%06d", i/144), Dither: fmt.Sprintf("%02d", i%4), Number: "1"},
			Name:     fmt.Sprintf("%d-%d.%c", i/24%6+1, i/4%6+1, "EFGH"[i%4]), ExpTime: 560.52 + float64(i),
			SCI: segment(), RMS: segment(), FLG: segment(), BKG: segment(), WGT: segment(), PSF: segment(),
		}
		for k := range i % 17 {
			qs[i].Outline = append(qs[i].Outline, sky.Coord{RA: float64(i) + float64(k)/16, Dec: -float64(k) / 3})
		}
	}
	return qs
}

func write(t testing.TB, qs []euclid.Quadrant) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := quadrants.Write(&b, qs); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(data []byte) ([]euclid.Quadrant, error) {
	return quadrants.Read(bytes.NewReader(data), int64(len(data)))
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 17, 144, 5000, 17000} {
		qs := footprints(n)
		data := write(t, qs)
		back, err := read(data)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			qs = nil
		}
		if diff := cmp.Diff(qs, back); diff != "" {
			t.Fatalf("%d quadrants (-want +got)\n%.2000s", n, diff)
		}
		if !bytes.Equal(data, write(t, qs)) {
			t.Errorf("%d quadrants: the second writing differs", n)
		}
	}
}

// Pieces leave no trace, and groups come one after the other.
func TestWriterInPieces(t *testing.T) {
	qs := footprints(40000)
	var b bytes.Buffer
	w, err := quadrants.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(qs, 144) {
		if err := w.Append(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), write(t, qs)) {
		t.Error("the bytes depend on the pieces")
	}
	var groups []int
	err = quadrants.Scan(bytes.NewReader(b.Bytes()), int64(b.Len()), func(qs []euclid.Quadrant) error {
		groups = append(groups, len(qs))
		return nil
	})
	if diff := cmp.Diff([]int{16384, 16384, 7232}, groups); err != nil || diff != "" {
		t.Errorf("%v, groups (-want +got)\n%s", err, diff)
	}
	f, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := f.MetaData().RowGroup(1).ColumnChunk(4)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := chunk.Statistics()
	if err != nil || stats == nil || !stats.HasMinMax() {
		t.Errorf("exptime has no statistics: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := write(t, footprints(50))
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("obs,dither\n"), "truncated": good[:len(good)-9], "tail only": good[len(good)/2:],
	} {
		_, err := read(data)
		if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != quadrants.CodeCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	var b bytes.Buffer
	tileTable(t, &b, schema.NewInt64Node("tile_id", parquet.Repetitions.Required, -1))
	if _, err := read(b.Bytes()); fault.CodeOf(err) != quadrants.CodeColumns {
		t.Errorf("another table: %v", err)
	}
	_, err := quadrants.Read(failing{}, int64(len(good)))
	if fault.KindOf(err) != fault.Transient || fault.CodeOf(err) != "Throttled" {
		t.Errorf("a failing store: %v", err)
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, fault.Passing("Throttled", "slow down") }

// Whatever the bytes, reading gives quadrants or an error.
func FuzzRead(f *testing.F) {
	good := write(f, footprints(5))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		if qs, err := read(data); err != nil && fault.KindOf(err) != fault.BadData {
			t.Errorf("%d quadrants, %v", len(qs), err)
		}
	})
}

// tileTable writes two tiles as tile_id, RA, note, dec.
func tileTable(t *testing.T, w io.Writer, id schema.Node) {
	t.Helper()
	req := parquet.Repetitions.Required
	root := schema.MustGroup(schema.NewGroupNode("schema", req, schema.FieldList{id,
		schema.NewFloat64Node("RA", parquet.Repetitions.Optional, -1), schema.NewFloat32Node("note", req, -1), schema.NewFloat64Node("dec", req, -1)}, -1))
	out := file.NewParquetWriter(w, root)
	group, err := out.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		chunk, err := group.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		switch c := chunk.(type) {
		case *file.Int64ColumnChunkWriter:
			_, err = c.WriteBatch([]int64{102018211, 102018212}, nil, nil)
		case *file.Int32ColumnChunkWriter:
			_, err = c.WriteBatch([]int32{102018211, 102018212}, nil, nil)
		case *file.Float64ColumnChunkWriter:
			var def []int16
			if i == 1 {
				def = []int16{1, 1} // RA is nullable
			}
			_, err = c.WriteBatch([]float64{float64(10 * i), 0.5}, def, nil)
		case *file.Float32ColumnChunkWriter:
			_, err = c.WriteBatch([]float32{1, 2}, nil, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := chunk.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := group.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadTileTable(t *testing.T) {
	req := parquet.Repetitions.Required
	for _, c := range []struct {
		id   schema.Node
		code string
	}{
		{schema.NewInt64Node("Tile_ID", req, -1), ""},
		{schema.NewInt32Node("tile_id", req, -1), ""},
		{schema.NewFloat64Node("tile_id", req, -1), quadrants.CodeColumns},
		{schema.NewInt64Node("id", req, -1), quadrants.CodeColumns},
	} {
		var b bytes.Buffer
		tileTable(t, &b, c.id)
		tiles, err := quadrants.ReadTileTable(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.id, err)
		}
		want := []euclid.MERTile{{ID: 102018211, Centre: sky.Coord{RA: 10, Dec: 30}}, {ID: 102018212, Centre: sky.Coord{RA: 0.5, Dec: 0.5}}}
		if diff := cmp.Diff(want, tiles); c.code == "" && diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.id, diff)
		}
	}
}

// An independent reader sees the same values and types.
func TestPyArrowReads(t *testing.T) {
	python := os.Getenv(fitstest.PythonEnv)
	if python == "" {
		t.Skip("NOT CHECKED by an independent reader: " + fitstest.PythonEnv + " is not set; make test sets it")
	}
	path := filepath.Join(t.TempDir(), "quadrants.parquet")
	qs := footprints(17000)
	if err := os.WriteFile(path, write(t, qs), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", `
import json, sys, pyarrow.parquet as pq
print(json.dumps(pq.read_table(sys.argv[1]).slice(16999).to_pylist()[0]))
`, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	q := qs[16999]
	want := map[string]any{"obs": q.Exposure.Obs, "dither": q.Exposure.Dither, "number": q.Exposure.Number, "name": q.Name, "exptime": q.ExpTime}
	var ra, dec []any
	for _, c := range q.Outline {
		ra, dec = append(ra, c.RA), append(dec, c.Dec)
	}
	want["outline_ra"], want["outline_dec"] = ra, dec
	for name, s := range map[string]euclid.Segment{"sci": q.SCI, "rms": q.RMS, "flg": q.FLG, "bkg": q.BKG, "wgt": q.WGT, "psf": q.PSF} {
		want[name+"_offset"], want[name+"_length"] = float64(s.Offset), float64(s.Length)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
