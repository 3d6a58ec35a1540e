package catalog_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	look "github.com/cosmostat/constellation/pkg/catalog/upkeep"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
)

// repair repairs a catalogue in a way, and holds it to a deep look.
func (s site) repair(t *testing.T, c *catalog.Catalog, way catalog.Way) *catalog.Repairs {
	t.Helper()
	p, err := c.PlanRepair(t.Context(), s.store, false)
	if err == nil {
		err = p.Choose(way)
	}
	if err == nil {
		err = c.Repair(t.Context(), s.store, p, false)
	}
	if err != nil {
		t.Fatalf("%v\n%+v", err, p)
	}
	if v := s.verify(t, c, true); !v.OK {
		t.Errorf("it isn't repaired: %+v", v.Flaws())
	}
	return p
}

// lacking leaves out what contents has of a tile.
func lacking(all map[string]int, tiles ...int64) map[string]int {
	all = maps.Clone(all)
	for key := range all {
		for _, tile := range tiles {
			if strings.Contains(key, fmt.Sprintf(" %d ", tile)) {
				delete(all, key)
			}
		}
	}
	return all
}

// TestRepair breaks each kind of file, repairs the table, and commits to it again.
func TestRepair(t *testing.T) {
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		for _, kind := range []look.Kind{look.List, look.Manifest, look.DataFile, look.DeleteFile} {
			for _, current := range []bool{true, false} {
				for _, way := range []catalog.Way{"", look.Back, look.Drop} {
					if !current && way != "" {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%v/%s", name, kind, current, way), func(t *testing.T) {
						each := eachSite
						if name != "edff_shear" || way != "" || kind != look.DataFile || !current {
							each = inDirectory
						}
						each(t, func(t *testing.T, s site) {
							c := catalogtest.Open(t, s.Catalog)
							s.prepared(t, c)
							before := contents(t, c, catalog.Filter{})
							path, _ := s.leads(t, c, name).one(kind, current)
							if path == "" {
								return // such as data files that no snapshot has any more: replaced rows are deleted by position
							}
							if err := os.Remove(s.local(path)); err != nil {
								t.Fatal(err)
							}
							p, err := c.PlanRepair(t.Context(), s.store, false)
							if err != nil {
								t.Fatal(err)
							}
							if kind == look.List && current && way == look.Drop {
								if err := p.Choose(way); fault.CodeOf(err) != catalog.CodeRepair || p.Way != look.Back {
									t.Errorf("%v, %q", err, p.Way)
								}
								return
							}
							if way == look.Back && !p.Back.Possible && kind != look.List { // it is in every snapshot
								if err := p.Choose(way); fault.CodeOf(err) != catalog.CodeRepair {
									t.Error(err)
								}
								return
							}
							p = s.repair(t, c, way)
							after := contents(t, c, catalog.Filter{})
							switch {
							case !current:
								wants(t, after, before)
							case p.Way == look.Drop:
								var gone []int64
								for _, r := range p.Drop.Tiles {
									for tile := r.First; tile <= r.Last && len(gone) < 10; tile++ {
										gone = append(gone, tile)
									}
								}
								if len(gone) == 0 || len(gone) == 10 && kind == look.DataFile {
									t.Errorf("%+v", p.Drop)
								}
								wants(t, after, lacking(before, gone...))
							}
							for _, id := range []int64{7, 8, 2008} {
								if _, err := c.Commit(t.Context(), batch("again", config, id, 4, 0.125)); fault.CodeOf(err) == catalog.CodeDeletes {
									return // somebody's, which are as before
								} else if err != nil {
									t.Fatal(err)
								}
							}
							if v := s.verify(t, c, true); !v.OK || v.Tables[0].Contents.Rows != 12 {
								t.Errorf("%v %+v", v.Err(), v.Tables[0].Contents)
							}
						})
					})
				}
			}
		}
	}
}

// inDirectory is the simplest site, for what doesn't depend on it.
func inDirectory(t *testing.T, test func(t *testing.T, s site)) {
	at := settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "edff_shear"}
	test(t, site{at, filepath.Join(at.Warehouse, "shear"), objstore.Open(t.Context(), objstore.Config{})})
}

// TestRepairMetadata has the document gone that the catalogue points at.
func TestRepairMetadata(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		for _, name := range []string{"edff_shear", "edff_shear_sources"} {
			for _, how := range []string{"gone", "cut", "longer"} {
				c := catalogtest.Open(t, s.Catalog)
				commit(t, c, batch("run0", config, 7, 5, 0.5))
				commit(t, c, batch("run1"+how+name, config, 8, 5, 0.5))
				tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
				if err != nil {
					t.Fatal(err)
				}
				at := s.local(tb.MetadataLocation())
				was, err := os.ReadFile(at)
				if err != nil {
					t.Fatal(err)
				}
				if err := breaks[how](at, was); err != nil {
					t.Fatal(err)
				}
				v := s.verify(t, c, false)
				if f := v.Flaws(); len(f) != 1 || f[0].Kind != look.Document || f[0].File != tb.MetadataLocation() || !f[0].Current {
					t.Fatalf("%s: %+v", how, f)
				}
				if strings.HasSuffix(t.Name(), "/Glue") || strings.HasSuffix(t.Name(), "/REST") {
					p, err := c.PlanRepair(t.Context(), s.store, false)
					if err != nil {
						t.Fatal(err)
					}
					if err := p.Choose(""); fault.CodeOf(err) != catalog.CodeRepair || len(p.Documents) != 1 || p.Documents[0].To == "" || !strings.Contains(err.Error(), p.Documents[0].To) {
						t.Errorf("%v, %+v", err, p.Documents)
					}
					return
				}
				p := s.repair(t, c, "")
				if len(p.Documents) != 1 || p.Documents[0].From != tb.MetadataLocation() {
					t.Errorf("%s: %+v", how, p.Documents)
				}
				if !slices.ContainsFunc(slices.Collect(maps.Keys(contents(t, c, catalog.Filter{}))), func(key string) bool { return strings.HasPrefix(key, "shear 7 ") }) {
					t.Errorf("%s: tile 7 is gone", how)
				}
			}
		}
	})
}

// unparted is a catalogue whose files hold several tiles each: one of four tiles in
// both tables, of which one has newer shear in a file of its own.
func (s site) unparted(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	commit(t, c, batch("first", config, 1, 5, 0.125))
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
		if err != nil {
			t.Fatal(err)
		}
		tx := tb.NewTransaction()
		spec := tb.Spec()
		update := tx.UpdateSpec(true)
		for _, f := range spec.Fields() {
			update = update.RemoveField(f.Name)
		}
		if err := update.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := catalog.Batch{RunID: "all", ConfigID: config}
	var rows [][]results.Source
	for _, id := range []int64{7, 8, 9, 20} {
		shear, sources := tile(id, 5, 0.25)
		all.Shear, rows = append(all.Shear, shear...), append(rows, sources...)
	}
	all.Sources = chunks(rows...)
	commit(t, c, all)
	commit(t, c, batch("newer", config, 8, 5, 0.375)) // the same sources
}

// TestRepairSharedFiles drops a tile of files that hold others, too.
func TestRepairSharedFiles(t *testing.T) {
	for _, test := range []struct {
		name, table string
		which       func(tiles string) bool
		gone        []int64
	}{
		{"a tile's own file", "edff_shear", func(tiles string) bool { return tiles == "8 8" }, []int64{8}},
		{"a file of three", "edff_shear", func(tiles string) bool { return tiles == "7 20" }, []int64{7, 8, 9, 20}},
		{"sources of all", "edff_shear_sources", func(tiles string) bool { return tiles == "7 20" }, []int64{7, 8, 9, 20}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirectory(t, func(t *testing.T, s site) {
				c := catalogtest.Open(t, s.Catalog)
				s.unparted(t, c)
				before := contents(t, c, catalog.Filter{})
				all := s.leads(t, c, test.table)
				path := ""
				for at, ids := range all.files[look.DataFile] {
					if slices.Contains(ids, all.current) && test.which(all.tiles[at]) {
						path = at
					}
				}
				if path == "" {
					t.Fatalf("%v", all.tiles)
				}
				if err := os.Remove(s.local(path)); err != nil {
					t.Fatal(err)
				}
				p := s.repair(t, c, look.Drop)
				wants(t, contents(t, c, catalog.Filter{}), lacking(before, test.gone...))
				if p.Drop.Rows < int64(4*len(test.gone)) || p.Drop.Sources < int64(20) {
					t.Errorf("%+v", p.Drop)
				}
			})
		})
	}
}

// TestRepairBeside has somebody else commit while a repair is under way: both are there in the end.
func TestRepairBeside(t *testing.T) {
	for _, way := range []catalog.Way{look.Drop, look.Back} {
		beside(t, way)
	}
}

func beside(t *testing.T, way catalog.Way) {
	t.Run(string(way), func(t *testing.T) {
		eachSite(t, func(t *testing.T, s site) {
			c, other := catalogtest.Open(t, s.Catalog), catalogtest.Open(t, s.Catalog)
			for i, id := range []int64{7, 8, 9} {
				commit(t, c, batch(fmt.Sprint("run", i), config, id, 5, 0.25))
			}
			all := s.leads(t, c, "edff_shear")
			for path := range all.files[look.DataFile] {
				if all.tiles[path] == "9 9" {
					if err := os.Remove(s.local(path)); err != nil {
						t.Fatal(err)
					}
				}
			}
			p, err := c.PlanRepair(t.Context(), s.store, false)
			if err == nil {
				err = p.Choose(way)
			}
			if err != nil {
				t.Fatal(err)
			}
			met := 0
			c.Pause(func(string) {
				if met++; met <= 2 {
					commit(t, other, batch(fmt.Sprint("beside", met), config, int64(20+met), 5, 0.5))
				}
			})
			err = c.Repair(t.Context(), s.store, p, false)
			if way == look.Back { // which would lose what came beside
				if fault.CodeOf(err) != catalog.CodeConflict {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v := s.verify(t, other, true); !v.OK {
				t.Error(v.Err())
			}
			wants(t, contents(t, other, catalog.Filter{}), map[string]int{
				"shear 7 9f run0 g1=0.25": 4, "source 7 9f run0": 20, "shear 8 9f run1 g1=0.25": 4, "source 8 9f run1": 20,
				"shear 21 9f beside1 g1=0.5": 4, "source 21 9f beside1": 20, "shear 22 9f beside2 g1=0.5": 4, "source 22 9f beside2": 20,
			})
		})
	})
}

// TestRepairBehindLeases leaves tiles alone that somebody works on.
func TestRepairBehindLeases(t *testing.T) {
	inDirectory(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		commit(t, c, batch("run", config, 7, 5, 0.25))
		commit(t, c, batch("run", config, 8, 5, 0.25))
		lease(t, c, "another tile's", time.Hour, 7)
		lease(t, c, "gone", -time.Hour, 8)
		all := s.leads(t, c, "edff_shear_sources")
		for path := range all.files[look.DataFile] {
			if all.tiles[path] == "8 8" {
				if err := os.Remove(s.local(path)); err != nil {
					t.Fatal(err)
				}
			}
		}
		lease(t, c, "at work", time.Hour, 8)
		p, err := c.PlanRepair(t.Context(), s.store, false)
		if err == nil {
			err = p.Choose(look.Drop)
		}
		if err != nil || len(p.Leases) != 1 || p.Leases[0].Holder != "at work" {
			t.Fatalf("%v, %+v", err, p.Leases)
		}
		before := s.files(t)
		if err := c.Repair(t.Context(), s.store, p, false); fault.CodeOf(err) != catalog.CodeLeased || !slices.Equal(before, s.files(t)) {
			t.Errorf("%v", err)
		}
		lease(t, c, "gone again", -time.Hour, 8)
		held := ledger(t, c)
		s.repair(t, c, look.Drop)
		if now := ledger(t, c); !maps.Equal(now, held) {
			t.Errorf("leases were %v, and are %v", held, now)
		}
		wants(t, contents(t, c, catalog.Filter{}), map[string]int{"shear 7 9f run g1=0.25": 4, "source 7 9f run": 20})
	})
}

// TestRepairContents repairs what a deep look alone finds.
func TestRepairContents(t *testing.T) {
	inDirectory(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		s.prepared(t, c)
		path, _ := s.leads(t, c, "edff_shear").one(look.DataFile, true)
		was, err := os.ReadFile(s.local(path))
		if err == nil {
			err = breaks["other"](s.local(path), was)
		}
		if err != nil {
			t.Fatal(err)
		}
		if p, err := c.PlanRepair(t.Context(), s.store, false); err != nil || p.Needed() {
			t.Errorf("%v, %+v", err, p)
		}
		p, err := c.PlanRepair(t.Context(), s.store, true)
		if err == nil {
			err = p.Choose("")
		}
		if err == nil {
			err = c.Repair(t.Context(), s.store, p, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		if v := s.verify(t, c, true); !v.OK {
			t.Error(v.Err())
		}
	})
}

// TestRepairStatistics takes out what names statistics that are gone: no row needs them.
func TestRepairStatistics(t *testing.T) {
	inDirectory(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		commit(t, c, batch("run", config, 7, 5, 0.25))
		before := contents(t, c, catalog.Filter{})
		ident := table.Identifier{"shear", "edff_shear"}
		tb, err := catalog.Raw(c).LoadTable(t.Context(), ident)
		if err != nil {
			t.Fatal(err)
		}
		id := tb.CurrentSnapshot().SnapshotID
		names := []string{"a", "b"}
		for i := range names {
			rel := "edff_shear/metadata/" + names[i] + ".stats"
			s.write(t, rel) // of five bytes
			names[i] = tb.Location() + "/metadata/" + names[i] + ".stats"
		}
		_, _, err = catalog.Raw(c).CommitTable(t.Context(), ident, nil, []table.Update{
			table.NewSetStatisticsUpdate(table.StatisticsFile{SnapshotID: id, StatisticsPath: names[0], FileSizeInBytes: 5, BlobMetadata: []table.BlobMetadata{}}),
			table.NewSetPartitionStatisticsUpdate(table.PartitionStatisticsFile{SnapshotID: id, StatisticsPath: names[1], FileSizeInBytes: 6}),
		})
		if err != nil {
			t.Fatal(err)
		}
		v := s.verify(t, c, false)
		if f := v.Flaws(); len(f) != 1 || f[0].Kind != look.Statistics || f[0].File != names[1] || v.Tables[0].Statistics != 2 {
			t.Fatalf("%+v, %+v", f, v.Tables[0])
		}
		if err := os.Remove(s.local(names[0])); err != nil {
			t.Fatal(err)
		}
		s.repair(t, c, "")
		wants(t, contents(t, c, catalog.Filter{}), before)
	})
}
