package catalog_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	look "github.com/cosmostat/constellation/pkg/catalog/upkeep"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
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
						if name != "edff_shear" || way != "" || kind == look.Manifest || kind == look.DeleteFile {
							each = inDirectory
						}
						each(t, func(t *testing.T, s site) {
							c := catalogtest.Open(t, s.Catalog)
							s.prepared(t, c)
							before := contents(t, c, catalog.Filter{})
							path, _ := s.leads(t, c, name).one(kind, current)
							if path == "" {
								t.Skip("there is none")
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
								if len(gone) == 0 || len(gone) == 10 && kind != look.Manifest {
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
			for how := range breaks {
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
