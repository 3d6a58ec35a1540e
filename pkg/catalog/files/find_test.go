package files_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// counted counts the files that are opened.
type counted struct {
	iceio.LocalFS
	opened *[]string
}

func (c counted) Open(name string) (iceio.File, error) {
	*c.opened = append(*c.opened, name)
	return c.LocalFS.Open(name)
}

// looking is the table with a file system that counts.
func (w *warehouse) looking() (*table.Table, *[]string) {
	t := w.load()
	var opened []string
	fs := counted{opened: &opened}
	return table.New(ident, t.Metadata(), t.MetadataLocation(), func(context.Context) (iceio.IO, error) { return fs, nil }, w.cat), &opened
}

// TestFindReadsLittle: no manifest and no data file is opened whose bounds exclude
// the tiles, nor a file whose bounds say that all of it is meant.
func TestFindReadsLittle(t *testing.T) {
	w := open(t)
	w.create(on(1, iceberg.TruncateTransform{Width: 10}), "2")
	for tile := int64(0); tile < 100; tile += 10 {
		w.replace(many(tile, tile+10), of(configB, tile))
	}
	w.replace(tileRows(205, configA, 1), of(configA, 205))
	for _, c := range []struct {
		match           files.Match
		rows            int64
		manifests, data int
	}{
		{of(configA, 34, 36), 40, 1, 1},
		{of(configA, 34, 56), 40, 2, 2},
		{of(configA, 134), 0, 0, 0},
		{of(configA, 205), 20, 1, 0},
		{of(configB, 34), 0, 1, 0},
		{of("", 34), 20, 1, 1},
		{of(configA), 0, 0, 0},
	} {
		tb, opened := w.looking()
		found, err := files.Find(t.Context(), tb, keys, c.match)
		if err != nil {
			t.Fatal(err)
		}
		var rows int64
		for _, f := range found {
			rows += f.Rows.Cardinality()
		}
		manifests, data := 0, 0
		for _, name := range *opened {
			switch {
			case strings.HasSuffix(name, ".parquet"):
				data++
			case !strings.Contains(name, "/snap-"):
				manifests++
			}
		}
		if rows != c.rows || manifests != c.manifests || data != c.data {
			t.Errorf("%v: %d rows, %d manifests, %d files; want %d, %d, %d", c.match.Tiles, rows, manifests, data, c.rows, c.manifests, c.data)
		}
	}
}

// TestFindManyTiles: more tiles than a predicate lists.
func TestFindManyTiles(t *testing.T) {
	w := open(t)
	w.create(*iceberg.UnpartitionedSpec, "2")
	w.replace(many(0, 600), of(configA, 0))
	m := files.Match{Config: configA}
	for tile := int64(1); tile < 1200; tile += 2 {
		m.Tiles = append(m.Tiles, tile)
	}
	found, err := files.Find(t.Context(), w.load(), keys, m)
	if err != nil || len(found) != 1 || found[0].Rows.Cardinality() != 300*20 || found[0].All {
		t.Fatalf("%v, %v", found, err)
	}
	for pos := range found[0].Rows.Positions() {
		if pos/20%2 == 0 {
			t.Fatalf("row %d is of tile %d", pos, pos/20)
		}
	}
}

// TestFindRefuses: deletes by value, and files without field ids where nothing says
// which column is which.
func TestFindRefuses(t *testing.T) {
	w := open(t)
	w.create(on(1, iceberg.TruncateTransform{Width: 10}), "2")
	w.replace(many(0, 20), of(configA, 0))
	tb := w.load()
	path := tb.Location() + "/data/equality.parquet"
	sc := arrow.NewSchema([]arrow.Field{{Name: "TILE_ID", Type: arrow.PrimitiveTypes.Int64, Metadata: arrow.MetadataFrom(map[string]string{"PARQUET:field_id": "1"})}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	b.Field(0).(*array.Int64Builder).Append(3)
	f, err := os.Create(strings.TrimPrefix(path, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := pqarrow.NewFileWriter(sc, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err == nil {
		err = out.Write(b.NewRecordBatch())
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	spec := tb.Spec()
	del, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentEqDeletes, path, iceberg.ParquetFile, map[int]any{1000: int64(0)}, nil, nil, 1, 400)
	if err != nil {
		t.Fatal(err)
	}
	tx := tb.NewTransaction()
	if err := tx.NewRowDelta(nil).AddDeletes(del.EqualityFieldIDs([]int{1}).Build()).Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Find(t.Context(), w.load(), keys, of(configA, 5)); fault.CodeOf(err) != tables.CodeDeletes || fault.KindOf(err) != fault.BadInput {
		t.Errorf("equality deletes: %v", err)
	}
	if _, err := files.Find(t.Context(), w.load(), keys, of(configA, 15)); err != nil {
		t.Errorf("another partition: %v", err)
	}
}

// TestPyIceberg: what PyIceberg appends, deletes, adds as it is and renames is found.
func TestPyIceberg(t *testing.T) {
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: PyIceberg didn't write to the table; set CONSTELLATION_PYTHON")
	}
	w := open(t)
	w.create(*iceberg.UnpartitionedSpec, "2")
	want := model{}
	want.put(many(0, 30))
	w.replace(many(0, 30), of(configA, 0))
	write := func(what string) {
		cmd := exec.Command(python, "testdata/write_rows.py", w.dir+"/catalog.db", what, configA)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	own := func(tile int64, value float32) {
		want.drop(func(k key) bool { return k.tile == tile && k.config == configA })
		want.put(tileRows(tile, configA, value))
		w.replace(tileRows(tile, configA, value), of(configA, tile))
	}
	extra := func(tile int64) { want.put([]row{{tile, 0, 0, 1, 0.5, configA}, {tile, 0, 0, 2, 0.5, configA}}) }
	write("append")
	extra(3)
	w.check("an append", want, false)
	own(3, 50)
	w.check("over an append", want, false)
	write("delete")
	want.drop(func(k key) bool { return k.tile == 4 && k.row == 0 })
	w.check("a delete", want, false)
	own(4, 60)
	own(5, 61)
	write("add_files")
	extra(6)
	w.check("a file without ids", want, false)
	own(6, 62)
	write("rename")
	own(7, 63)
	w.check("at the end", want, true)
	if !slices.ContainsFunc(w.load().Schema().Fields(), func(f iceberg.NestedField) bool { return f.Name == "TILE" }) {
		t.Error("nothing was renamed")
	}
}
