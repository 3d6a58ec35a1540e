package files_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	icesql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite"

	"github.com/cosmostat/constellation/pkg/catalog/files"
)

// row is a row of the tests' tables.
type row struct {
	tile     int64
	row, col int32
	object   int64
	value    float32 // -1: null
	config   string
}

type key struct {
	tile     int64
	row, col int32
	object   int64
	config   string
}

// model is what a table must hold.
type model map[key]float32

func (m model) put(rows []row) {
	for _, r := range rows {
		m[key{r.tile, r.row, r.col, r.object, r.config}] = r.value
	}
}

func (m model) drop(is func(key) bool) {
	maps.DeleteFunc(m, func(k key, _ float32) bool { return is(k) })
}

const configA, configB = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a09"

var keys = files.Keys{Tile: 1, Row: 2, Col: 3, Config: 6}

var options = files.Options{Keys: keys, Whole: []int{6}}

func schema() *iceberg.Schema {
	p := iceberg.PrimitiveTypes
	return iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "TILE_ID", Type: p.Int64, Required: true},
		iceberg.NestedField{ID: 2, Name: "SUBTILE_ROW", Type: p.Int32, Required: true},
		iceberg.NestedField{ID: 3, Name: "SUBTILE_COL", Type: p.Int32, Required: true},
		iceberg.NestedField{ID: 4, Name: "OBJECT_ID", Type: p.Int64, Required: true},
		iceberg.NestedField{ID: 5, Name: "VALUE", Type: p.Float32},
		iceberg.NestedField{ID: 6, Name: "CONFIG_ID", Type: p.String, Required: true},
	)
}

// warehouse is a catalogue of its own.
type warehouse struct {
	testing.TB
	cat *icesql.Catalog
	dir string
}

var ident = table.Identifier{"n", "t"}

func open(t testing.TB) *warehouse {
	t.Helper()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cat, err := icesql.NewCatalog("test", db, icesql.SQLite, iceberg.Properties{"init_catalog_tables": "true"})
	if err != nil {
		t.Fatal(err)
	}
	return &warehouse{t, cat, dir}
}

func on(source int, transform iceberg.Transform) iceberg.PartitionSpec {
	return iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{source}, FieldID: 1000, Name: "part", Transform: transform})
}

func (w *warehouse) create(spec iceberg.PartitionSpec, version string, more ...iceberg.Properties) *table.Table {
	w.Helper()
	ctx := w.Context()
	if err := w.cat.CreateNamespace(ctx, ident[:1], nil); err != nil {
		w.Fatal(err)
	}
	var sorted []table.SortField
	for _, id := range []int{1, 2, 3, 4} {
		sorted = append(sorted, table.SortField{SourceIDs: []int{id}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst})
	}
	order, err := table.NewSortOrder(1, sorted)
	if err != nil {
		w.Fatal(err)
	}
	props := iceberg.Properties{table.PropertyFormatVersion: version, table.ParquetCompressionKey: "zstd", table.WriteDeleteModeKey: table.WriteModeMergeOnRead}
	for _, p := range more {
		maps.Copy(props, p)
	}
	t, err := w.cat.CreateTable(ctx, ident, schema(), icecat.WithLocation("file://"+w.dir+"/t"), icecat.WithPartitionSpec(&spec), icecat.WithSortOrder(order), icecat.WithProperties(props))
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w *warehouse) load() *table.Table {
	w.Helper()
	t, err := w.cat.LoadTable(w.Context(), ident)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// tileRows are 2 x 2 sub-tiles of a few sources.
func tileRows(tile int64, config string, value float32) (rows []row) {
	for sub := range int32(4) {
		for i := range int64(5) {
			v := value + float32(i)
			if i == 3 {
				v = -1
			}
			rows = append(rows, row{tile, sub / 2, sub % 2, tile*100 + int64(sub)*10 + i, v, config})
		}
	}
	return rows
}

func record(rows []row) arrow.RecordBatch {
	sc, err := table.SchemaToArrowSchema(schema(), nil, true, false)
	if err != nil {
		panic(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.tile)
		b.Field(1).(*array.Int32Builder).Append(r.row)
		b.Field(2).(*array.Int32Builder).Append(r.col)
		b.Field(3).(*array.Int64Builder).Append(r.object)
		if v := b.Field(4).(*array.Float32Builder); r.value == -1 {
			v.AppendNull()
		} else {
			v.Append(r.value)
		}
		b.Field(5).(*array.StringBuilder).Append(r.config)
	}
	return b.NewRecordBatch()
}

// stream gives rows in records of a few.
func stream(rows []row, each int) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for part := range slices.Chunk(rows, each) {
			rec := record(part)
			ok := yield(rec, nil)
			rec.Release()
			if !ok {
				return
			}
		}
	}
}

func byTile(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.tile, b.tile), cmp.Compare(a.row, b.row), cmp.Compare(a.col, b.col), cmp.Compare(a.object, b.object))
	})
	return rows
}

// replace puts rows into the place of those that match.
func (w *warehouse) replace(rows []row, m files.Match) *table.Table {
	w.Helper()
	t := w.load()
	done, err := replace(w.TB, t, rows, m)
	if err != nil {
		w.Fatal(err)
	}
	return done
}

func replace(tb testing.TB, t *table.Table, rows []row, m files.Match) (*table.Table, error) {
	ctx := tb.Context()
	add, err := files.Write(ctx, t, stream(byTile(rows), 7), options)
	if err != nil {
		return nil, err
	}
	found, err := files.Find(ctx, t, keys, m)
	if err != nil {
		return nil, err
	}
	del, err := files.Deletes(ctx, t, found)
	if err != nil {
		return nil, err
	}
	tx := t.NewTransaction()
	staged, err := files.Replace(ctx, tx, add, del, iceberg.Properties{"made-by": "test"})
	if err != nil || !staged {
		return t, err
	}
	return tx.Commit(ctx)
}

// check compares a table with what it must hold: by the library, and by the other
// readers that there are.
func (w *warehouse) check(what string, want model, others bool) {
	w.Helper()
	t := w.load()
	got := model{}
	n := 0
	scan := t.Scan()
	_, records, err := scan.ToArrowRecords(w.Context())
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
	for rec, err := range records {
		if err != nil {
			w.Fatalf("%s: %v", what, err)
		}
		for i := range int(rec.NumRows()) {
			got[key{whole(rec.Column(0), i), int32(whole(rec.Column(1), i)), int32(whole(rec.Column(2), i)), whole(rec.Column(3), i), rec.Column(5).(*array.String).Value(i)}] = float(rec.Column(4), i)
			n++
		}
		rec.Release()
	}
	compare(w, what+": iceberg-go", want, got, n)
	if others {
		w.others(what, t, want)
	}
}

// whole and float are values of columns that may have been promoted.
func whole(values arrow.Array, i int) int64 {
	if v, ok := values.(*array.Int32); ok {
		return int64(v.Value(i))
	}
	return values.(*array.Int64).Value(i)
}

func float(values arrow.Array, i int) float32 {
	switch v := values.(type) {
	case *array.Float32:
		if v.IsValid(i) {
			return v.Value(i)
		}
	case *array.Float64:
		if v.IsValid(i) {
			return float32(v.Value(i))
		}
	}
	return -1
}

func compare(t testing.TB, what string, want, got model, n int) {
	t.Helper()
	if n != len(got) {
		t.Errorf("%s: %d rows, %d of them different", what, n, len(got))
	}
	if maps.EqualFunc(want, got, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		return
	}
	said := 0
	for k, v := range got {
		if w, ok := want[k]; (!ok || w != v) && said < 5 {
			said++
			t.Errorf("%s: row %+v is %v, want %v (there: %t)", what, k, v, w, ok)
		}
	}
	t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
}

func (w *warehouse) others(what string, t *table.Table, want model) {
	w.Helper()
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		w.Log("SKIPPED: no independent reader opened the table; set CONSTELLATION_PYTHON to a Python that has pyiceberg[pyarrow], and polars, duckdb if possible")
		return
	}
	cmd := exec.Command(python, "testdata/read_rows.py", t.MetadataLocation())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var view struct {
			Reader string
			Rows   [][]any
		}
		if err := dec.Decode(&view); err != nil {
			w.Fatalf("%s: %v in %.200s", what, err, out)
		}
		got := model{}
		for _, r := range view.Rows {
			v := float32(-1)
			if x, ok := r[5].(float64); ok {
				v = float32(x)
			}
			got[key{int64(r[0].(float64)), int32(r[1].(float64)), int32(r[2].(float64)), int64(r[3].(float64)), fmt.Sprint(r[4])}] = v
		}
		compare(w, what+": "+view.Reader, want, got, len(view.Rows))
	}
}

// parquet are the data and delete files below the table.
func (w *warehouse) parquet() (list []string) {
	w.Helper()
	err := filepath.WalkDir(w.dir+"/t/data", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(w.dir+"/t", path)
			list = append(list, rel)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return list
}
