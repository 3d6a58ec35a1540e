package results_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func shear() results.Shear {
	return results.Shear{
		TileID: 102018211, Row: 2, Col: 1, RA: 52.9, Dec: -28.1, G1: new(float32(0.02)), G2: new(float32(-0.01)),
		G1Err: new(float32(0.001)), NSources: 3, Method: "mock", Status: survey.StatusOK,
	}
}

func sources(n int) []results.Source {
	rows := make([]results.Source, n)
	for i := range rows {
		rows[i] = results.Source{
			TileID: 102018211, Row: 2, Col: 1, ObjectID: -529000000281000000 + int64(i), RA: 52.9, Dec: -28.1,
			Flux: new(float32(i)), E1: new(float32(0.1)), E2: new(float32(-0.2)), NExposures: 4,
		}
		if i%4 == 3 {
			rows[i].Flags = -3
		}
		if i%3 == 0 {
			rows[i].E1, rows[i].SNR = nil, new(float32(10))
		}
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	var a, b bytes.Buffer
	want := []results.Shear{shear(), {TileID: 1, Status: survey.StatusNoSources}}
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := results.WriteShear(w, want); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same rows gave different bytes")
	}
	got, err := results.ReadShear(bytes.NewReader(a.Bytes()), int64(a.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, n := range []int{0, 1, 10000} { // more than one batch of the decoder
		var buf bytes.Buffer
		if err := results.WriteSources(&buf, sources(n)); err != nil {
			t.Fatal(err)
		}
		got, err := results.ReadSources(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != n || n > 0 && !cmp.Equal(sources(n), got) {
			t.Errorf("%d sources differ after a round trip", n)
		}
	}
}

// foreign writes a file as other software might: its own types and columns.
func foreign(t *testing.T, fields []arrow.Field, json string) []byte {
	t.Helper()
	sc := arrow.NewSchema(fields, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, sc, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(sc, &buf, nil, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func shearFields(change map[string]arrow.DataType) []arrow.Field {
	all := []arrow.Field{
		{Name: "TILE_ID", Type: arrow.PrimitiveTypes.Int32}, {Name: "SUBTILE_ROW", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "SUBTILE_COL", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "RA", Type: arrow.PrimitiveTypes.Float64},
		{Name: "DEC", Type: arrow.PrimitiveTypes.Float64}, {Name: "G1", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "G2", Type: arrow.PrimitiveTypes.Float32}, {Name: "N_SOURCES", Type: arrow.PrimitiveTypes.Uint16},
		{Name: "METHOD", Type: arrow.BinaryTypes.LargeString},
	}
	var out []arrow.Field
	for _, f := range all {
		if dt, ok := change[f.Name]; ok {
			f.Type = dt
		}
		if f.Type != nil {
			out = append(out, f)
		}
	}
	return out
}

func TestForeignFiles(t *testing.T) {
	const row = `[{"TILE_ID":7,"SUBTILE_ROW":200,"SUBTILE_COL":%s,"RA":1.5,"DEC":2,"G1":0.25,"G2":0.5,"N_SOURCES":%s,"METHOD":%s}]`
	good := fmt.Sprintf(row, "3", "65535", `"map"`)
	raw := foreign(t, shearFields(nil), good)
	got, err := results.ReadShear(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	want := []results.Shear{{TileID: 7, Row: 200, Col: 3, RA: 1.5, Dec: 2, G1: new(float32(0.25)), G2: new(float32(0.5)), NSources: 65535, Method: "map", Status: "ok"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		name, json, code, place string
		change                  map[string]arrow.DataType
	}{
		{"missing", good, results.CodeColumns, "column G1", map[string]arrow.DataType{"G1": nil}},
		{"float id", good, results.CodeColumns, "column TILE_ID", map[string]arrow.DataType{"TILE_ID": arrow.PrimitiveTypes.Float64}},
		{"int shear", fmt.Sprintf(row, "3", "1", `"map"`), results.CodeColumns, "column RA", map[string]arrow.DataType{"RA": arrow.PrimitiveTypes.Int64, "G1": arrow.PrimitiveTypes.Float32}},
		{"numeric method", fmt.Sprintf(row, "3", "1", "5"), results.CodeColumns, "column METHOD", map[string]arrow.DataType{"METHOD": arrow.PrimitiveTypes.Int64}},
		{"timestamp", good, results.CodeColumns, "column N_SOURCES", map[string]arrow.DataType{"N_SOURCES": arrow.FixedWidthTypes.Timestamp_us}},
		{"null id", fmt.Sprintf(row, "null", "1", `"map"`), results.CodeInvalid, "column SUBTILE_COL, row 0", nil},
		{"too large", fmt.Sprintf(row, "4294967296", "1", `"map"`), results.CodeInvalid, "column SUBTILE_COL, row 0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			json := c.json
			if c.name == "int shear" {
				json = strings.Replace(json, "1.5", "1", 1)
			}
			raw := foreign(t, shearFields(c.change), json)
			_, err := results.ReadShear(bytes.NewReader(raw), int64(len(raw)))
			if fault.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.place) {
				t.Errorf("got %v, want %s at %s", err, c.code, c.place)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	m := &manifest.Manifest{TileID: 102018211, Row: 2, Col: 1}
	for _, s := range sources(5) {
		m.Core = append(m.Core, s.ObjectID)
	}
	m.Core[0], m.Core[4] = m.Core[4], m.Core[0] // the order doesn't matter
	for _, c := range []struct {
		name, want string
		change     func(s *results.Shear, src []results.Source)
	}{
		{"good", "", func(*results.Shear, []results.Source) {}},
		{"status", "STATUS", func(s *results.Shear, _ []results.Source) { s.Status = "fine" }},
		{"measured though failed", "shear.parquet", func(s *results.Shear, _ []results.Source) { s.Status = survey.StatusFailed }},
		{"ok without shear", "G1", func(s *results.Shear, _ []results.Source) { s.G1 = nil }},
		{"ok without method", "METHOD", func(s *results.Shear, _ []results.Source) { s.Method = "" }},
		{"tile", "column TILE_ID, row 0: is 1, the manifest says 102018211", func(s *results.Shear, _ []results.Source) { s.TileID = 1 }},
		{"source's row", "sources.parquet: column SUBTILE_ROW, row 3", func(_ *results.Shear, src []results.Source) { src[3].Row = 0 }},
		{"nan", "column G2, row 0: is not finite", func(s *results.Shear, _ []results.Source) { s.G2 = new(float32(math.NaN())) }},
		{"infinite flux", "column FLUX, row 2: is not finite", func(_ *results.Shear, src []results.Source) { src[2].Flux = new(float32(math.Inf(1))) }},
		{"negative error", "column G1_ERR, row 0: is not positive", func(s *results.Shear, _ []results.Source) { s.G1Err = new(float32(-1)) }},
		{"declination", "column DEC, row 1", func(_ *results.Shear, src []results.Source) { src[1].Dec = 91 }},
		{"not core", "row 1: OBJECT_ID 5 is not a core source", func(_ *results.Shear, src []results.Source) { src[1].ObjectID = 5 }},
		{"an error of nothing", "column G1_ERR, row 0: is not positive: 0", func(s *results.Shear, _ []results.Source) { s.G1Err = new(float32) }},
		{"a source's error of nothing", "sources.parquet: column HLR_ERR, row 3: is not positive: 0", func(_ *results.Shear, src []results.Source) { src[3].HLRErr = new(float32) }},
		{"a source's error without end", "sources.parquet: column E1_ERR, row 2: is not finite", func(_ *results.Shear, src []results.Source) { src[2].E1Err = new(float32(math.Inf(1))) }},
		{"errors of some", "", func(_ *results.Shear, src []results.Source) {
			src[1].E1Err, src[3].E1Err = new(float32(0.1)), new(float32(0.2))
		}},
		{"a shear of one", "columns G1 and G2, row 0: a reduced shear of 1", func(s *results.Shear, _ []results.Source) { s.G1, s.G2 = new(float32(0.6)), new(float32(-0.8)) }},
		{"other sources counted", "column N_SOURCES, row 0: is 4, 3 of the 4 rows", func(s *results.Shear, _ []results.Source) { s.NSources = 4 }},
		{"a flag that was not counted", "column N_SOURCES, row 0: is 3, 2 of the 4 rows", func(_ *results.Shear, src []results.Source) { src[0].Flags = 1 << 9 }},
		{"a flag of the reference engine that keeps nothing out", "", func(s *results.Shear, src []results.Source) { s.Method, src[0].Flags = "reference", 1<<9|1<<8 }},
		{"a flag of the reference engine that does", "column N_SOURCES, row 0: is 3, 2 of", func(s *results.Shear, src []results.Source) { s.Method, src[0].Flags = "reference", 1<<7|1<<8 }},
		{"blends of SHINE's", "", func(s *results.Shear, src []results.Source) { s.Method, src[0].Flags, src[1].Flags = "nuts", 1, 1 }},
		{"another flag of SHINE's", "column N_SOURCES, row 0: is 3, 2 of", func(s *results.Shear, src []results.Source) { s.Method, src[0].Flags = "map", 3 }},
		{"another order", "", func(_ *results.Shear, src []results.Source) { src[0], src[2] = src[2], src[0] }},
		{"twice in another order", "row 3: OBJECT_ID", func(_ *results.Shear, src []results.Source) {
			src[0], src[2], src[3].ObjectID = src[2], src[0], src[2].ObjectID
		}},
		{"right ascension", "sources.parquet: column RA, row 3: is not in [0, 360)", func(_ *results.Shear, src []results.Source) { src[3].RA = 360 }},
		{"a position that is none", "sources.parquet: column RA, row 0: is not finite", func(_ *results.Shear, src []results.Source) { src[0].RA = math.NaN() }},
		{"exposures", "sources.parquet: column N_EXPOSURES, row 2: is negative", func(_ *results.Shear, src []results.Source) { src[2].NExposures = -1 }},
		{"a source's tile", "sources.parquet: column TILE_ID, row 2: is 5", func(_ *results.Shear, src []results.Source) { src[2].TileID = 5 }},
		{"twice", "is reported twice", func(_ *results.Shear, src []results.Source) { src[1].ObjectID = src[0].ObjectID }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, src := shear(), sources(4)
			c.change(&s, src)
			err := results.Check(m, []results.Shear{s}, src)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != fault.BadData) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if err := results.Check(m, nil, nil); err == nil {
		t.Error("a file without rows passed")
	}
}

// TestInsideTheCore: a source lies within the polygon of the core, wherever on
// the sky that is, with the margin of a number that was rounded to a float32.
func TestInsideTheCore(t *testing.T) {
	const half = 0.07
	for name, centre := range map[string]sky.Coord{
		"in the south": {RA: 52.9, Dec: -28.1}, "across RA 0": {RA: 0.01, Dec: 10}, "at the pole": {RA: 120, Dec: 90}, "near a pole": {RA: 250, Dec: -89.95},
	} {
		plane := sky.NewTangent(centre)
		at := func(xi, eta float64) sky.Coord { return plane.Deproject(sky.Offset{Xi: xi, Eta: eta}) }
		m := &manifest.Manifest{TileID: 102018211, Row: 2, Col: 1, Core: []int64{5}}
		for _, c := range [][2]float64{{-half, -half}, {half, -half}, {half, half}, {-half, half}} {
			p := at(c[0], c[1])
			m.CorePolygon = append(m.CorePolygon, [2]float64{p.RA, p.Dec})
		}
		for range 2 {
			for place, c := range map[sky.Coord]bool{
				at(0, 0): true, at(half-1e-6, half-1e-6): true, at(half+1e-5, 0): true, at(-half, -half): true,
				at(half+1e-4, 0): false, at(0, -half-1e-4): false, at(half*1.2, half*1.2): false, at(5, 0): false,
				{RA: math.Mod(centre.RA+180, 360), Dec: -centre.Dec}: false,
			} {
				s, src := shear(), sources(1)
				s.NSources, src[0].ObjectID, src[0].RA, src[0].Dec = 1, 5, place.RA, place.Dec
				if err := results.Check(m, []results.Shear{s}, src); (err == nil) != c || err != nil && !strings.Contains(err.Error(), "columns RA and DEC, row 0: OBJECT_ID 5") {
					t.Errorf("%s, %v: %v", name, place, err)
				}
			}
			slices.Reverse(m.CorePolygon) // either way round
		}
	}
}

// TestTables: sources by column are those of rows, and put into order.
func TestTables(t *testing.T) {
	for i, c := range results.SourceColumns() {
		if want, is := map[string]int{"TILE_ID": results.SourceTile, "SUBTILE_ROW": results.SourceRow, "SUBTILE_COL": results.SourceCol, "OBJECT_ID": results.SourceObject,
			"RA": results.SourceRA, "DEC": results.SourceDec}[c.Name]; is && want != i {
			t.Errorf("%s is column %d, not %d", c.Name, i, want)
		}
	}
	rows := sources(50)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	var b bytes.Buffer
	if err := results.WriteSources(&b, rows); err != nil {
		t.Fatal(err)
	}
	var table columnar.Table
	for from := range 2 {
		if err := results.AppendSources(b.Bytes(), &table); err != nil {
			t.Fatal(err)
		}
		results.SortSources(&table, from*len(rows))
	}
	for i := range table.Rows {
		want := sources(50)[i%50]
		for k, c := range results.SourceColumns() {
			v := &table.Columns[k]
			good := true
			switch p := c.Ref(&want).(type) {
			case *int64:
				good = v.Int64[i] == *p
			case *int32:
				good = v.Int32[i] == *p
			case *float64:
				good = v.Float64[i] == *p
			case **float32:
				good = v.IsNull(i) == (*p == nil) && (*p == nil || v.Float32[i] == **p)
			}
			if !good {
				t.Errorf("column %s, row %d", c.Name, i)
			}
		}
	}
}

// FuzzRead holds that no garbled file gets further than an error.
func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	if err := results.WriteSources(&buf, sources(3)); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:buf.Len()/2])
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := results.ReadSources(bytes.NewReader(raw), int64(len(raw)))
		if err != nil && fault.KindOf(err) != fault.BadData {
			t.Errorf("unclassified: %v", err)
		}
	})
}

func Example() {
	row := results.Shear{TileID: 102018211, Status: survey.StatusNoSources}
	var buf bytes.Buffer
	if err := results.WriteShear(&buf, []results.Shear{row}); err != nil {
		fmt.Println(err)
	}
	rows, err := results.ReadShear(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	fmt.Println(rows[0].Status, rows[0].G1 == nil, err)
	// Output: no_sources true <nil>
}
