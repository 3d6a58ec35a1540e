package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	look "github.com/cosmostat/constellation/pkg/catalog/upkeep"
	"github.com/cosmostat/constellation/pkg/fault"
)

// TestBrokenIsNamed: whoever meets a broken file of a table is told which one, of
// which snapshot, and what repairs it.
func TestBrokenIsNamed(t *testing.T) {
	inDirectory(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		for i := range 3 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 10+i, float32(i)/10))
		}
		met := map[string]int{}
		all := s.leads(t, c, "edff_shear")
		for _, kind := range []look.Kind{look.List, look.Manifest, look.DataFile} {
			path, _ := all.one(kind, true)
			for how := range breaks {
				broken(t, s.local(path), how, func() {
					errs := map[string]error{}
					for _, err := range c.Rows(t.Context(), catalog.Filter{}) {
						if err != nil {
							errs["read"] = err
							break
						}
					}
					_, errs["clean"] = c.PlanExpiry(t.Context(), s.store, catalog.Retention{Before: time.Now(), Keep: 1})
					l, err := c.Ledger(t.Context(), config)
					if err == nil {
						_, err = l.Rows(t.Context())
					}
					errs["status"] = err
					if kind != look.DataFile || how == "gone" {
						_, errs["commit"] = c.Commit(t.Context(), batch("again", config, 7, 5, 0.5))
					}
					for who, err := range errs {
						if err == nil {
							continue
						}
						met[who+" "+string(kind)]++
						for _, part := range []string{path, "snapshot ", "constellation catalog repair"} {
							if !strings.Contains(err.Error(), part) {
								t.Errorf("%s, a %s, %s: no %q in %v", who, kind, how, part, err)
							}
						}
						if fault.KindOf(err) != fault.BadData {
							t.Errorf("%s, a %s, %s: %v: %v", who, kind, how, fault.KindOf(err), err)
						}
					}
				})
			}
		}
		for _, met1 := range []string{"read manifest list", "read manifest", "read data file", "clean manifest list", "clean manifest", "status manifest", "commit manifest list"} {
			if met[met1] < len(breaks)-1 {
				t.Errorf("%s: %d errors", met1, met[met1])
			}
		}
	})
}
