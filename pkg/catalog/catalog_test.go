package catalog_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

const config = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// tile makes a tile of 2 x 2 sub-tiles, n sources each.
func tile(id int64, n int, g1 float32) ([]results.Shear, [][]results.Source) {
	var shear []results.Shear
	var sources [][]results.Source
	for i := range int32(4) {
		shear = append(shear, results.Shear{
			TileID: id, Row: i / 2, Col: i % 2, RA: 52.9, Dec: -28.1, G1: new(g1), G2: new(float32(0.01)), G1Err: new(float32(0.001)),
			NSources: int32(n), Method: "mock", Convergence: new(float32(1.01)), Status: survey.StatusOK,
		})
		rows := make([]results.Source, n)
		for j := range rows {
			rows[j] = results.Source{TileID: id, Row: i / 2, Col: i % 2, ObjectID: id*1_000_000 + int64(i)*10_000 + int64(j),
				RA: 52.9, Dec: -28.1, Flux: new(float32(j)), E1: new(float32(0.1)), E2: new(float32(-0.1)), NExposures: 4}
		}
		sources = append(sources, rows)
	}
	return shear, sources
}

// chunks are sources that are in memory.
func chunks(all ...[]results.Source) iter.Seq2[arrow.RecordBatch, error] {
	return rows.Records(results.SourceColumns(), func(yield func([]results.Source, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	})
}

func batch(run, config string, id int64, n int, g1 float32) catalog.Batch {
	shear, sources := tile(id, n, g1)
	return catalog.Batch{RunID: run, ConfigID: config, Shear: shear, Sources: chunks(sources...)}
}

func open(t testing.TB, warehouse string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: warehouse, Namespace: "shear", Table: "edff_shear"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func commit(t testing.TB, c *catalog.Catalog, b catalog.Batch) catalog.Snapshot {
	t.Helper()
	s, err := c.Commit(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// contents counts the shear and source rows of each tile, configuration and run.
func contents(t testing.TB, c *catalog.Catalog, f catalog.Filter) map[string]int {
	t.Helper()
	n := map[string]int{}
	for r, err := range c.Rows(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		n[fmt.Sprintf("shear %d %s %s g1=%g", r.TileID, r.ConfigID[:2], r.RunID, *r.G1)]++
	}
	for r, err := range c.Sources(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		n[fmt.Sprintf("source %d %s %s", r.TileID, r.ConfigID[:2], r.RunID)]++
	}
	return n
}

func wants(t testing.TB, got, want map[string]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the tables hold\n%v, want\n%v", got, want)
	}
}

func TestReplacement(t *testing.T) {
	replacement(t, open(t, filepath.Join(t.TempDir(), "a-warehouse")))
}

// replacement commits tiles and configurations over each other.
func replacement(t *testing.T, c *catalog.Catalog) {
	first := commit(t, c, batch("run1", config, 7, 10, 0.25))
	if first.ShearRows != 4 || first.SourceRows != 40 || first.Unchanged || first.ID == 0 || first.SourcesID == 0 {
		t.Errorf("first commit: %+v", first)
	}
	commit(t, c, batch("run1", config, 8, 10, 0.25))
	commit(t, c, batch("run1", "aa-another", 7, 5, 0.25)) // shares the partition of tile 7
	base := map[string]int{
		"shear 7 9f run1 g1=0.25": 4, "source 7 9f run1": 40,
		"shear 8 9f run1 g1=0.25": 4, "source 8 9f run1": 40,
		"shear 7 aa run1 g1=0.25": 4, "source 7 aa run1": 20,
	}
	wants(t, contents(t, c, catalog.Filter{}), base)

	// The same rows again, by whatever run, make no snapshot.
	again := commit(t, c, batch("run2", config, 7, 10, 0.25))
	if !again.Unchanged {
		t.Errorf("the same rows again: %+v", again)
	}
	wants(t, contents(t, c, catalog.Filter{}), base)

	// Other rows replace those of their tile and configuration, and no others.
	if s := commit(t, c, batch("run3", config, 7, 6, 0.5)); s.Unchanged {
		t.Errorf("other rows: %+v", s)
	}
	want := map[string]int{
		"shear 7 9f run3 g1=0.5": 4, "source 7 9f run3": 24,
		"shear 8 9f run1 g1=0.25": 4, "source 8 9f run1": 40,
		"shear 7 aa run1 g1=0.25": 4, "source 7 aa run1": 20,
	}
	wants(t, contents(t, c, catalog.Filter{}), want)
	wants(t, contents(t, c, catalog.Filter{ConfigID: config, Tiles: []int64{8}}), map[string]int{"shear 8 9f run1 g1=0.25": 4, "source 8 9f run1": 40})

	// The former rows are not "there already" any more; no sources at all is a replacement too.
	if s := commit(t, c, batch("run4", config, 7, 0, 0.25)); s.Unchanged || s.SourceRows != 0 {
		t.Errorf("no sources: %+v", s)
	}
	delete(want, "source 7 9f run3")
	delete(want, "shear 7 9f run3 g1=0.5")
	want["shear 7 9f run4 g1=0.25"] = 4
	wants(t, contents(t, c, catalog.Filter{}), want)
}

func TestSeveralTilesAtOnce(t *testing.T) {
	c := open(t, t.TempDir())
	var b catalog.Batch
	var all [][]results.Source
	for id := range int64(5) {
		shear, sources := tile(id, 3, 0.25)
		b.Shear, all = append(b.Shear, shear...), append(all, sources...)
	}
	b.RunID, b.ConfigID, b.Sources = "run1", config, chunks(all...)
	commit(t, c, b)
	if s := commit(t, c, b); !s.Unchanged {
		t.Error("the same batch again made a snapshot")
	}
	commit(t, c, batch("run2", config, 3, 3, 0.5))
	if s := commit(t, c, b); s.Unchanged {
		t.Error("one tile was replaced since, and the batch passed for present")
	}
	got := contents(t, c, catalog.Filter{})
	if len(got) != 10 || got["shear 3 9f run1 g1=0.25"] != 4 {
		t.Error(got)
	}
}

func TestConcurrentCommits(t *testing.T) {
	dir := t.TempDir()
	const committers, rounds = 8, 3
	want := map[string]int{}
	var wg sync.WaitGroup
	for id := range int64(committers) {
		// The sources are the same in each round, so they stay the first one's.
		want[fmt.Sprintf("shear %d 9f run2 g1=2", id)], want[fmt.Sprintf("source %d 9f run0", id)] = 4, 12
		c := open(t, dir) // each with its own connections, as in its own process
		wg.Go(func() {
			for round := range rounds {
				if _, err := c.Commit(t.Context(), batch(fmt.Sprint("run", round), config, id, 3, float32(round))); err != nil {
					t.Errorf("tile %d, round %d: %v", id, round, err)
				}
			}
		})
	}
	wg.Wait()
	wants(t, contents(t, open(t, dir), catalog.Filter{}), want)
}

func TestConcurrentCommitsOfOneTile(t *testing.T) {
	dir := t.TempDir()
	commit(t, open(t, dir), batch("run", config, 1, 3, 100))
	var wg sync.WaitGroup
	for i := range 4 {
		c := open(t, dir)
		wg.Go(func() {
			if _, err := c.Commit(t.Context(), batch(fmt.Sprint("run", i), config, 1, 3, float32(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rows, sources := 0, 0
	for k, n := range contents(t, open(t, dir), catalog.Filter{}) {
		if strings.HasPrefix(k, "shear") {
			rows += n
		} else {
			sources += n
		}
	}
	if rows != 4 || sources != 12 {
		t.Errorf("%d shear rows and %d sources, want one copy: 4 and 12", rows, sources)
	}
}

func plan(ids ...int64) catalog.Plan {
	p := catalog.Plan{ConfigID: config}
	for _, id := range ids {
		for i := range 4 {
			p.SubTiles = append(p.SubTiles, catalog.SubTile{SubTileID: sky.ID(id, i/2, i%2), RA: 52.9, Dec: -28.1})
		}
	}
	return p
}

func TestValidatesPlans(t *testing.T) {
	b := batch("run1", config, 7, 5, 0.25)
	_, sources := tile(7, 5, 0.25)
	for i := range b.Shear[2:] {
		s := &b.Shear[2+i]
		*s = results.Shear{TileID: 7, Row: s.Row, Col: s.Col, RA: s.RA, Dec: s.Dec, Status: survey.StatusFailed}
	}
	b.Sources = chunks(sources[:2]...)
	c := open(t, t.TempDir())
	if s := commit(t, c, b); s.ShearRows != 4 || s.SourceRows != 10 {
		t.Errorf("%+v", s)
	}
	strict := settings.Thresholds{MinCompleteness: 1}
	rep := validate(t, c, plan(7), strict)
	if rep.OK || rep.Completeness != 1 || rep.FailedFraction != 0.5 || rep.Sources != 10 || len(rep.Reasons) != 1 {
		t.Errorf("%+v", rep)
	}
	if rep := validate(t, c, plan(7), settings.Thresholds{MinCompleteness: 1, MaxFailedFraction: 0.5}); !rep.OK {
		t.Errorf("%+v", rep)
	}
	if rep := validate(t, c, plan(7, 8), settings.Thresholds{MinCompleteness: 1, MaxFailedFraction: 1}); rep.OK || rep.Completeness != 0.5 || !strings.Contains(rep.Reasons[0], "tile 8, sub-tile 0_0") {
		t.Errorf("%+v", rep)
	}
}

func validate(t *testing.T, c *catalog.Catalog, p catalog.Plan, th settings.Thresholds) *catalog.Report {
	t.Helper()
	rep, err := c.Validate(t.Context(), p, th)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestValidateFindsEachFault(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func([]results.Shear, [][]results.Source)
		th         settings.Thresholds
	}{
		{"nothing", "", func([]results.Shear, [][]results.Source) {}, settings.Thresholds{MinCompleteness: 1, MaxConvergence: new(1.1)}},
		{"nan", "not finite", func(s []results.Shear, _ [][]results.Source) { s[0].G2 = new(float32(math.NaN())) }, settings.Thresholds{}},
		{"source", "not finite", func(_ []results.Shear, s [][]results.Source) { s[0][0].RA = math.Inf(1) }, settings.Thresholds{}},
		{"no measurement", "no measurement", func(s []results.Shear, _ [][]results.Source) { s[0].G1 = nil }, settings.Thresholds{}},
		{"convergence", "not converged to 1.005", func([]results.Shear, [][]results.Source) {}, settings.Thresholds{MaxConvergence: new(1.005)}},
		{"unplanned", "tile 7, sub-tile 9_0", func(s []results.Shear, _ [][]results.Source) { s[3].Row, s[3].Col = 9, 0 }, settings.Thresholds{}},
		{"shared", "object 7000000 in tile 7, sub-tile 0_0 and tile 7, sub-tile 1_0", func(_ []results.Shear, s [][]results.Source) { s[2][0].ObjectID = s[0][0].ObjectID }, settings.Thresholds{}},
		{"duplicate", "e.g. object 7000000", func(_ []results.Shear, s [][]results.Source) { s[0][1].ObjectID = s[0][0].ObjectID }, settings.Thresholds{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := open(t, t.TempDir())
			shear, sources := tile(7, 3, 0.25)
			tc.change(shear, sources)
			commit(t, c, catalog.Batch{RunID: "run1", ConfigID: config, Tiles: []int64{7}, Shear: shear, Sources: chunks(sources...)})
			rep := validate(t, c, plan(7), tc.th)
			if rep.OK != (tc.want == "") || !slices.ContainsFunc(append(rep.Reasons, ""), func(s string) bool { return strings.Contains(s, tc.want) }) {
				t.Errorf("%+v, want %q", rep, tc.want)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []settings.Catalog{
		{},
		{Warehouse: "s3://bucket/warehouse", Namespace: "n", Table: "t"},
		{Warehouse: "gs://bucket/warehouse", Namespace: "n", Table: "t"},
		{Warehouse: t.TempDir(), URI: "postgres://host:port/db", Namespace: "n", Table: "t"},
		{Warehouse: t.TempDir(), URI: "glue://", Namespace: "n", Table: "t"},
		{Warehouse: t.TempDir(), URI: "mongodb://host", Namespace: "n", Table: "t"},
		{Warehouse: t.TempDir(), URI: "sqlite://relative.db", Namespace: "n", Table: "t"},
	} {
		c, err := catalog.Open(context.Background(), s)
		if err == nil {
			c.Close()
		}
		if fault.CodeOf(err) != catalog.CodeSettings || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestEmptyCatalogue(t *testing.T) {
	c := open(t, t.TempDir())
	wants(t, contents(t, c, catalog.Filter{}), map[string]int{})
	if rep := validate(t, c, plan(7), settings.Thresholds{MinCompleteness: 1}); rep.OK || rep.Completeness != 0 {
		t.Errorf("%+v", rep)
	}
}

// TestValidateStops reads no more rows than there can be: of sources that no
// sub-tile's row counts, and of sub-tiles that nobody planned.
func TestValidateStops(t *testing.T) {
	c := open(t, t.TempDir())
	commit(t, c, batch("run", config, 7, 50, 0.5))
	if rep := validate(t, c, plan(7), settings.Thresholds{}); !rep.OK || rep.Excess || rep.Sources != 200 {
		t.Errorf("%+v", rep)
	}
	catalog.Spare(t, -4*200+100)
	if rep := validate(t, c, plan(7), settings.Thresholds{}); rep.OK || !rep.Excess || !slices.ContainsFunc(rep.Reasons, func(s string) bool { return strings.Contains(s, "far more rows") }) {
		t.Errorf("of 200 sources 100 are due: %+v", rep)
	}
	catalog.Spare(t, -4*4+3)
	if rep := validate(t, c, plan(7), settings.Thresholds{}); rep.OK || !rep.Excess || rep.Present != 3 {
		t.Errorf("of 4 sub-tiles 3 are due: %+v", rep)
	}
}
