package catalog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	look "github.com/cosmostat/constellation/pkg/catalog/upkeep"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// leads is every file of a table, by what it is, with the snapshots that lead to it.
type leads struct {
	t       *testing.T
	site    site
	table   *table.Table
	current int64
	files   map[look.Kind]map[string][]int64
	tiles   map[string]string // the first and the last of a data file
}

func (s site) leads(t *testing.T, c *catalog.Catalog, name string) *leads {
	t.Helper()
	tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := tb.FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := &leads{t: t, site: s, table: tb, current: tb.CurrentSnapshot().SnapshotID, files: map[look.Kind]map[string][]int64{}, tiles: map[string]string{}}
	add := func(k look.Kind, path string, id int64) {
		if all.files[k] == nil {
			all.files[k] = map[string][]int64{}
		}
		all.files[k][path] = append(all.files[k][path], id)
	}
	for _, snap := range tb.Metadata().Snapshots() {
		add(look.List, snap.ManifestList, snap.SnapshotID)
		list, err := snap.Manifests(fs)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			add(look.Manifest, m.FilePath(), snap.SnapshotID)
			for e, err := range m.Entries(fs, true) {
				if err != nil {
					t.Fatal(err)
				}
				kind := look.DataFile
				if e.DataFile().ContentType() != iceberg.EntryContentData {
					kind = look.DeleteFile
				}
				add(kind, e.DataFile().FilePath(), snap.SnapshotID)
				if low, high := e.DataFile().LowerBoundValues()[1], e.DataFile().UpperBoundValues()[1]; len(low) == 8 && len(high) == 8 {
					all.tiles[e.DataFile().FilePath()] = fmt.Sprint(binary.LittleEndian.Uint64(low), binary.LittleEndian.Uint64(high))
				}
			}
		}
	}
	return all
}

// one is a file of a kind that the newest snapshot leads to, or doesn't.
func (a *leads) one(kind look.Kind, current bool) (path string, snapshots []int64) {
	for path, ids := range a.files[kind] {
		if slices.Contains(ids, a.current) == current {
			return path, ids
		}
	}
	return "", nil
}

// local is where a file of a table lies on this machine.
func (s site) local(uri string) string {
	_, rel, _ := strings.Cut(uri, "/shear/")
	return filepath.Join(s.dir, rel)
}

// breaks are ways to break a file.
var breaks = map[string]func(path string, was []byte) error{
	"gone":  func(path string, _ []byte) error { return os.Remove(path) },
	"empty": func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o666) },
	"cut":   func(path string, was []byte) error { return os.WriteFile(path, was[:len(was)/2], 0o666) },
	"longer": func(path string, was []byte) error {
		return os.WriteFile(path, append(bytes.Clone(was), "0123456789"...), 0o666)
	},
	"other": func(path string, was []byte) error {
		return os.WriteFile(path, bytes.Repeat([]byte("x"), len(was)), 0o666)
	},
}

// broken breaks a file while something is done.
func broken(t *testing.T, path, how string, do func()) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := breaks[how](path, was); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(path, was, 0o666); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

func (s site) verify(t *testing.T, c *catalog.Catalog, deep bool) *catalog.Verdict {
	t.Helper()
	v, err := c.Verify(t.Context(), s.store, deep)
	if err != nil {
		t.Fatal(err)
	}
	if v.OK != (len(v.Flaws()) == 0) || v.OK != (v.Err() == nil) || !v.OK && fault.CodeOf(v.Err()) != catalog.CodeBroken {
		t.Errorf("%v, %d flaws, %v", v.OK, len(v.Flaws()), v.Err())
	}
	return v
}

// prepared is a catalogue of three tiles, of which one was committed thrice, and a
// row of another was deleted by somebody else.
func (s site) prepared(t *testing.T, c *catalog.Catalog) {
	for i := range 3 {
		commit(t, c, batch(fmt.Sprint("run", i), config, 7, 10+i, float32(i)/10))
	}
	commit(t, c, batch("run", config, 8, 10, 0.5))
	commit(t, c, batch("run", config, 2008, 10, 0.5))
	for _, name := range []string{"edff_shear_sources", "edff_shear"} { // no sources without shear, whatever is undone
		deleteRows(t, c, name, "merge-on-read", iceberg.NewAnd(
			iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(2008)), iceberg.EqualTo(iceberg.Reference("SUBTILE_COL"), int32(1))))
	}
}

// TestVerifyFindsEachFile breaks each kind of file, of the newest and of earlier
// snapshots, in each way.
func TestVerifyFindsEachFile(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		s.prepared(t, c)
		if v := s.verify(t, c, false); !v.OK || len(v.Tables) != 2 || v.Tables[0].Snapshots < 6 || v.Tables[0].Data != 5 || v.Tables[0].Deletes == 0 || v.Tables[0].Bytes == 0 {
			t.Fatalf("%v: %+v", v.Err(), v.Tables[0])
		}
		for _, name := range []string{"edff_shear", "edff_shear_sources"} {
			all := s.leads(t, c, name)
			for _, kind := range []look.Kind{look.List, look.Manifest, look.DataFile, look.DeleteFile} {
				for _, current := range []bool{true, false} {
					path, snapshots := all.one(kind, current)
					if path == "" {
						if current {
							t.Errorf("%s has no %s", name, kind)
						}
						continue
					}
					for how := range breaks {
						if how == "other" && (kind == look.DataFile || kind == look.DeleteFile) || how == "longer" && kind == look.List {
							continue // has to be read
						}
						broken(t, s.local(path), how, func() {
							v := s.verify(t, c, false)
							i := slices.IndexFunc(v.Flaws(), func(f catalog.Flaw) bool { return f.File == path })
							if i < 0 {
								t.Errorf("%s, %s %s, of the newest snapshot: %v: not found among %v", name, kind, how, current, v.Flaws())
								return
							}
							f := v.Flaws()[i]
							slices.Sort(f.Snapshots)
							slices.Sort(snapshots)
							if len(v.Flaws()) != 1 || f.Kind != kind || !slices.Equal(f.Snapshots, snapshots) || f.Current != current || f.What == "" {
								t.Errorf("%s, %s %s, of the newest snapshot: %v: %+v", name, kind, how, current, v.Flaws())
							}
							if text := v.Err().Error(); !strings.Contains(text, path) || !strings.Contains(text, "snapshot ") || !strings.Contains(text, "constellation catalog repair") {
								t.Error(text)
							}
						})
					}
				}
			}
		}
		if v := s.verify(t, c, false); !v.OK {
			t.Error(v.Err())
		}
	})
}

// TestVerifyReads has a deep look find what sizes don't tell.
func TestVerifyReads(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		s.prepared(t, c)
		v := s.verify(t, c, true)
		if shear := v.Tables[0].Contents; !v.OK || shear.Rows != 10 || shear.Files < 6 || v.Tables[1].Contents.Rows != 48+40+20 {
			t.Fatalf("%v: %+v %+v", v.Err(), shear, v.Tables[1].Contents)
		}
		for _, name := range []string{"edff_shear", "edff_shear_sources"} {
			all := s.leads(t, c, name)
			for _, kind := range []look.Kind{look.DataFile, look.DeleteFile} {
				for _, current := range []bool{true, false} {
					path, _ := all.one(kind, current)
					if path == "" {
						continue
					}
					for how, change := range map[string]func([]byte) []byte{
						"all": func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) },
						"footer": func(b []byte) []byte {
							at := len(b) - 8 - int(binary.LittleEndian.Uint32(b[len(b)-8:])) // Parquet: length of the footer, then four magic bytes
							copy(b[at+20:], bytes.Repeat([]byte{0xff}, 40))
							return b
						},
						"middle": func(b []byte) []byte { copy(b[4:], bytes.Repeat([]byte{0xff}, 200)); return b },
					} {
						was, err := os.ReadFile(s.local(path))
						if err != nil {
							t.Fatal(err)
						}
						if err := os.WriteFile(s.local(path), change(bytes.Clone(was)), 0o666); err != nil {
							t.Fatal(err)
						}
						if v := s.verify(t, c, false); !v.OK {
							t.Errorf("%s of %s: a look at sizes finds %v", how, path, v.Err())
						}
						v := s.verify(t, c, true)
						if f := v.Flaws(); len(f) != 1 || f[0].File != path || f[0].Kind != kind || f[0].Current != current {
							t.Errorf("%s of a %s: %+v", how, kind, f)
						}
						if err := os.WriteFile(s.local(path), was, 0o666); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
	})
}

// TestVerifyRows has a deep look find rows that are there twice, sub-tiles that have
// sources and no shear, and pixels of other positions.
func TestVerifyRows(t *testing.T) {
	for name, test := range map[string]struct {
		table string
		what  string
		harm  func(t *testing.T, tb *table.Table)
	}{
		"twice": {"edff_shear_sources", "40 rows are there again, such as object 7", func(t *testing.T, tb *table.Table) {
			appendRows(t, tb, tb, iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(7)))
		}},
		"twice in the other": {"edff_shear", "4 rows are there again, such as tile 7", func(t *testing.T, tb *table.Table) {
			appendRows(t, tb, tb, iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(7)))
		}},
		"pixel": {"edff_shear_sources", "40 rows have a _healpix_29 that is not the pixel of their position, such as object 7", func(t *testing.T, tb *table.Table) {
			seven := iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(7))
			tx := tb.NewTransaction()
			if err := tx.Delete(t.Context(), seven, nil); err != nil {
				t.Fatal(err)
			}
			now, err := tx.Commit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			appendRows(t, tb, now, seven, func(rec arrow.RecordBatch) arrow.RecordBatch {
				at := rec.Schema().FieldIndices("_healpix_29")[0]
				pixels := array.NewInt64Builder(memory.DefaultAllocator)
				for _, v := range rec.Column(at).(*array.Int64).Int64Values() {
					pixels.Append(v + 1)
				}
				columns := slices.Clone(rec.Columns())
				columns[at] = pixels.NewArray()
				return array.NewRecordBatch(rec.Schema(), columns, rec.NumRows())
			})
		}},
		"no shear": {"edff_shear", "4 sub-tiles have sources and no row in table shear.edff_shear, such as tile 8, sub-tile ", func(t *testing.T, tb *table.Table) {
			tx := tb.NewTransaction()
			if err := tx.Delete(t.Context(), iceberg.NewAnd(iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(8)), iceberg.EqualTo(iceberg.Reference("SUBTILE_ROW"), int32(1))), nil); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			s := site{Catalog: c.Settings(), store: objstore.Open(t.Context(), objstore.Config{})}
			commit(t, c, batch("run", config, 7, 10, 0.5))
			commit(t, c, batch("run", config, 8, 10, 0.5))
			commit(t, c, batch("run", strings.Repeat("0", 64), 8, 10, 0.5)) // is another row
			if v := s.verify(t, c, true); !v.OK || v.Tables[1].Contents.Pixels != 120 || v.Tables[1].Contents.NoPixel+v.Tables[1].Contents.EdgePixel != 0 {
				t.Fatalf("%v, %+v", v.Err(), v.Tables[1].Contents)
			}
			tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", test.table})
			if err != nil {
				t.Fatal(err)
			}
			test.harm(t, tb)
			for _, atOnce := range []int64{1 << 20, 7} {
				was := look.KeysAtOnce
				look.KeysAtOnce = atOnce
				t.Cleanup(func() { look.KeysAtOnce = was })
				f := s.verify(t, c, true).Flaws()
				if len(f) == 0 || !strings.HasPrefix(f[0].What, test.what) && atOnce > 7 || f[0].Kind != look.RowsOf || !f[0].Current {
					t.Errorf("%d keys at once: %+v", atOnce, f)
				}
			}
		})
	}
}

// appendRows appends rows of one table's state to it again.
func appendRows(t *testing.T, from, to *table.Table, which iceberg.BooleanExpression, change ...func(arrow.RecordBatch) arrow.RecordBatch) {
	t.Helper()
	schema, records, err := from.Scan(table.WithRowFilter(which)).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []arrow.RecordBatch
	for rec, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range change {
			rec = c(rec)
		}
		all = append(all, rec)
	}
	rdr, err := array.NewRecordReader(schema, all)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Append(t.Context(), rdr, nil); err != nil {
		t.Fatal(err)
	}
}
