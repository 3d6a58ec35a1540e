package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
)

// TestExpiryBesideACommit cleans, with no age at all, while a commit stands at the
// door of the catalogue with its files written: they stay, and so does the table.
func TestExpiryBesideACommit(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		a, b := catalogtest.Open(t, s.Catalog), catalogtest.Open(t, s.Catalog)
		for i := range 4 {
			commit(t, b, batch("before", config, 7, 3, float32(i)))
		}
		a.Pause(func(string) {
			tick()
			s.expire(t, b, s.plan(t, b, catalog.Retention{Before: time.Now(), Keep: 1}))
		})
		commit(t, a, batch("slow", config, 8, 3, 0.5))
		wants(t, contents(t, b, catalog.Filter{}), map[string]int{"shear 7 9f before g1=3": 4, "source 7 9f before": 12, "shear 8 9f slow g1=0.5": 4, "source 8 9f slow": 12})

		// Who wants the floor lifted waits until nobody has committed for as long.
		_, err := b.PlanExpiry(t.Context(), s.store, catalog.Retention{Before: time.Now(), Keep: 1, Unnamed: true})
		if fault.CodeOf(err) != catalog.CodeYoung || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "24h") {
			t.Errorf("the floor was lifted beside commits: %v", err)
		}
	})
}

// TestCommitWithoutItsFiles loses a commit's files while it is under way for long.
// It is built again.
func TestCommitWithoutItsFiles(t *testing.T) {
	catalog.Hurry(t, 0)
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		commit(t, c, batch("before", config, 7, 3, 0.25))
		there := map[string]bool{}
		for _, path := range s.files(t) {
			there[path] = true
		}
		taken := map[string]bool{}
		c.Loading(func() { // which a commit does before it ends
			for _, path := range s.files(t) {
				of, data, _ := strings.Cut(path, "/data/")
				if there[path] || data == "" || taken[of] {
					continue
				}
				taken[of] = true
				if err := os.Remove(filepath.Join(s.dir, path)); err != nil {
					t.Error(err)
				}
			}
		})
		commit(t, c, batch("slow", config, 8, 3, 0.5))
		if len(taken) != 2 {
			t.Errorf("files were taken of %v only", taken)
		}
		wants(t, contents(t, c, catalog.Filter{}), map[string]int{"shear 7 9f before g1=0.25": 4, "source 7 9f before": 12, "shear 8 9f slow g1=0.5": 4, "source 8 9f slow": 12})
	})
}
