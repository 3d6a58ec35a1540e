package catalog_test

import (
	"testing"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

// of is a batch of a release.
func of(release string, b catalog.Batch) catalog.Batch {
	b.Release = release
	return b
}

// TestReleaseOfAConfiguration commits tiles that say which release they are of.
func TestReleaseOfAConfiguration(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		c := catalogtest.Open(t, s)
		commit(t, c, batch("unknown", config, 6, 3, 0.5)) // holds nobody to anything
		commit(t, c, of("00.00", batch("first", config, 7, 3, 0.5)))
		for _, release := range []string{"01.00", "-"} {
			refused(t, c, of(release, batch("other", config, 8, 3, 0.5)), catalog.CodeRelease)
		}
		commit(t, c, of("0.0", batch("spelt", config, 9, 3, 0.5)))
		commit(t, c, batch("unknown", config, 10, 3, 0.5))
		commit(t, c, of("-", batch("another", "aa-another", 8, 3, 0.5)))
		refused(t, c, of("00.00", batch("another", "aa-another", 9, 3, 0.5)), catalog.CodeRelease)
		wants(t, contents(t, c, catalog.Filter{ConfigID: config}), map[string]int{
			"shear 6 9f unknown g1=0.5": 4, "source 6 9f unknown": 12, "shear 7 9f first g1=0.5": 4, "source 7 9f first": 12,
			"shear 9 9f spelt g1=0.5": 4, "source 9 9f spelt": 12, "shear 10 9f unknown g1=0.5": 4, "source 10 9f unknown": 12,
		})
	})
}

// TestReleasesMeet has two first commits of a configuration, of two releases,
// meet at the door of the first table that is written: one is refused, and leaves
// no rows. Without sources that is the shear table.
func TestReleasesMeet(t *testing.T) {
	t.Run("with sources", func(t *testing.T) {
		catalogtest.Each(t, func(t *testing.T, s settings.Catalog) { releasesMeet(t, s, 3) })
	})
	t.Run("without", func(t *testing.T) {
		catalogtest.Each(t, func(t *testing.T, s settings.Catalog) { releasesMeet(t, s, 0) })
	})
}

func releasesMeet(t *testing.T, s settings.Catalog, n int) {
	a, b := catalogtest.Open(t, s), catalogtest.Open(t, s)
	commit(t, b, batch("before", "aa-another", 5, 3, 0.5)) // the tables are there
	met := false
	a.Pause(func(string) {
		if !met {
			met = true
			commit(t, b, of("01.00", batch("B", config, 8, n, 0.5)))
		}
	})
	refused(t, a, of("00.00", batch("A", config, 7, n, 0.5)), catalog.CodeRelease)
	want := map[string]int{"shear 8 9f B g1=0.5": 4}
	if n > 0 {
		want["source 8 9f B"] = 4 * n
	}
	wants(t, contents(t, b, catalog.Filter{ConfigID: config}), want)
}
