package reading

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Report is what validation found. Fractions are of the planned sub-tiles.
type Report struct {
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons"` // why it is not; each names an example

	ConfigID       string         `json:"config_id"`
	Snapshot       int64          `json:"snapshot"` // of the shear table, before its rows were read
	Planned        int            `json:"planned"`
	Present        int            `json:"present"` // planned sub-tiles that have a row
	Statuses       map[string]int `json:"statuses"`
	Completeness   float64        `json:"completeness"`
	FailedFraction float64        `json:"failed_fraction"`
	Duplicates     int            `json:"duplicate_rows"`     // rows of a key beyond the first, in both tables
	Shared         int            `json:"shared_sources"`     // objects that more than one sub-tile reports
	NotFinite      int            `json:"not_finite_rows"`    // rows with NaN or infinity, in both tables
	NotConverged   int            `json:"not_converged_rows"` // beyond MaxConvergence
	Unplanned      int            `json:"unplanned_rows"`     // of planned tiles, but not of their plan
	Sources        int64          `json:"sources"`
	Excess         bool           `json:"excess,omitempty"`          // there are far more rows than can be right: the rest was not read
	MaxConvergence *float64       `json:"max_convergence,omitempty"` // the worst that there is
	Inputs         Inputs         `json:"inputs,omitzero"`
}

// Inputs is what the run was without of what there is, from its record.
type Inputs struct {
	Release    string   `json:"release,omitempty"`           // of the MER products
	Missing    []string `json:"missing_exposures,omitempty"` // and why
	Tiles      []string `json:"missing_tiles,omitempty"`     // that can't be placed on the sky, and why
	Outside    int      `json:"outside_grid,omitempty"`      // own sources outside their tiles' grids
	Duplicates int      `json:"duplicates,omitempty"`        // rows whose object an earlier row has
	Unplaced   int      `json:"unplaced,omitempty"`          // rows without an id or a position
}

// Validate reads the rows of a plan's tiles and configuration back and holds
// them to the plan: complete, each key once, numbers finite, converged, no
// object reported by two sub-tiles. What is found is in the report; an error
// means that the tables could not be read.
func Validate(ctx context.Context, c *tables.Catalog, plan Plan, th settings.Thresholds) (*Report, error) {
	rep := &Report{ConfigID: plan.ConfigID, Planned: len(plan.SubTiles), Statuses: map[string]int{}}
	var err error
	if rep.Snapshot, err = snapshot(ctx, c); err != nil {
		return nil, err
	}
	example := map[string]string{} // first example of a complaint
	note := func(what, format string, a ...any) {
		if example[what] == "" {
			example[what] = fmt.Sprintf(format, a...)
		}
	}
	tiles := plan.tiles()
	filter := Filter{ConfigID: plan.ConfigID, Tiles: tiles}
	seen := make(map[sky.SubTileID]int, len(plan.SubTiles))
	for _, s := range plan.SubTiles {
		seen[s.SubTileID] = 0
	}
	read, claimed := int64(0), int64(0) // rows, and sources that they are of
	for r, err := range Shear(ctx, c, filter) {
		if err != nil {
			return nil, err
		}
		if read++; read > most(len(plan.SubTiles)) {
			rep.Excess = true
			break
		}
		k := r.ID()
		n, planned := seen[k]
		if !planned {
			if _, ok := slices.BinarySearch(tiles, r.TileID); ok {
				rep.Unplanned++
				note("unplanned", "%v", k)
			}
			continue
		}
		seen[k]++
		if n > 0 {
			rep.Duplicates++
			note("duplicate", "shear of %v", k)
			continue
		}
		rep.Present++
		claimed += int64(r.NSources)
		rep.Statuses[r.Status]++
		if !finite(rows.ShearColumns(), &r) || r.Status == survey.StatusOK && (r.G1 == nil || r.G2 == nil) {
			rep.NotFinite++
			note("finite", "shear of %v", k)
		}
		if r.Convergence != nil {
			v := float64(*r.Convergence)
			if rep.MaxConvergence == nil || v > *rep.MaxConvergence {
				rep.MaxConvergence = &v
			}
			if th.MaxConvergence != nil && !(v <= *th.MaxConvergence) {
				rep.NotConverged++
				note("converged", "%g of %v", v, k)
			}
		}
	}
	for _, s := range plan.SubTiles {
		if k := s.SubTileID; seen[k] == 0 {
			note("missing", "%v", k)
		}
	}
	if err := validateSources(ctx, c, filter, most(claimed), rep, note); err != nil {
		return nil, err
	}
	rep.Completeness, rep.FailedFraction = 1, 0
	if rep.Planned > 0 {
		rep.Completeness = float64(rep.Present) / float64(rep.Planned)
		rep.FailedFraction = float64(rep.Statuses[survey.StatusFailed]) / float64(rep.Planned)
	}
	rep.judge(th, example)
	return rep, nil
}

// most is where reading stops: far above what n rows' doubles make, a flagged
// source for each that counts, and what earlier versions of a table left.
func most[N int | int64](n N) int64 { return 4*int64(n) + SpareRows }

var SpareRows int64 = 1 << 20

// judge collects the reasons against a report.
func (r *Report) judge(th settings.Thresholds, example map[string]string) {
	r.Reasons = []string{}
	blame := func(bad bool, what, format string, a ...any) {
		if bad {
			s := fmt.Sprintf(format, a...)
			if example[what] != "" {
				s += ", e.g. " + example[what]
			}
			r.Reasons = append(r.Reasons, s)
		}
	}
	blame(r.Planned == 0, "", "nothing was planned")
	blame(r.Completeness < th.MinCompleteness, "missing", "completeness is %.6g, at least %.6g is asked for: %d of %d sub-tiles have no row", r.Completeness, th.MinCompleteness, r.Planned-r.Present, r.Planned)
	blame(r.FailedFraction > th.MaxFailedFraction, "", "%d of %d sub-tiles failed, a fraction of at most %.6g is allowed", r.Statuses[survey.StatusFailed], r.Planned, th.MaxFailedFraction)
	blame(r.Excess, "", "there are far more rows than the sub-tiles and their sources: the rest was not read")
	blame(r.Duplicates > 0, "duplicate", "%d rows are there more than once", r.Duplicates)
	blame(r.Shared > 0, "shared", "%d objects are reported by more than one sub-tile", r.Shared)
	blame(r.NotFinite > 0, "finite", "%d rows have numbers that are not finite, or no measurement", r.NotFinite)
	blame(r.Unplanned > 0, "unplanned", "%d rows are of sub-tiles that were not planned", r.Unplanned)
	if th.MaxConvergence != nil {
		blame(r.NotConverged > 0, "converged", "%d sub-tiles have not converged to %g", r.NotConverged, *th.MaxConvergence)
	}
	r.OK = len(r.Reasons) == 0
}

// finite says whether all numbers of a row are.
func finite[R any](cols []columnar.Column[R], row *R) bool {
	for _, c := range cols {
		var v float64
		switch p := c.Ref(row).(type) {
		case *float64:
			v = *p
		case **float32:
			if *p == nil {
				continue
			}
			v = float64(**p)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// objectsPerPass bounds the memory of the search for shared objects: the table
// is read as often as it has this many sources (24 bytes each).
const objectsPerPass = 6 << 20

// validateSources checks the source rows: finite, each key once, each object
// in one sub-tile. Objects are looked for across all of the plan's tiles, a
// share of them in each pass. Of far more rows than there can be, no more are read
// than most.
func validateSources(ctx context.Context, c *tables.Catalog, f Filter, most int64, rep *Report, note func(what, format string, a ...any)) error {
	cols := rows.SourceColumns()
	for r, err := range Sources(ctx, c, f) {
		if err != nil {
			return err
		}
		if _, ok := slices.BinarySearch(f.Tiles, r.TileID); !ok {
			continue
		}
		if rep.Sources++; rep.Sources > most {
			rep.Excess = true
			return nil
		}
		if !finite(cols, &r) {
			rep.NotFinite++
			note("finite", "object %d", r.ObjectID)
		}
	}
	passes := uint64(1 + rep.Sources/objectsPerPass)
	for pass := range passes {
		objects := make([]object, 0, rep.Sources/int64(passes)+rep.Sources/64) // as many as there are, or nearly
		for chunk, err := range scan(ctx, c, c.SourcesTable(), cols, f, "TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID", "CONFIG_ID") {
			if err != nil {
				return err
			}
			for _, r := range chunk {
				if _, ok := slices.BinarySearch(f.Tiles, r.TileID); ok && mix(r.ObjectID)%passes == pass {
					objects = append(objects, object{r.ObjectID, r.TileID, r.Row, r.Col})
				}
			}
		}
		slices.SortFunc(objects, object.compare)
		for i := range objects[min(1, len(objects)):] {
			switch a, b := objects[i], objects[i+1]; {
			case a == b:
				rep.Duplicates++
				note("duplicate", "object %d", a.id)
			case a.id == b.id:
				rep.Shared++
				note("shared", "object %d in %v and %v", a.id, a.subTile(), b.subTile())
			}
		}
	}
	return nil
}

// object is where an object is reported. Millions of them are held at once, so
// that it has no room for an identity as such.
type object struct {
	id, tile int64
	row, col int32
}

func (a object) subTile() sky.SubTileID { return sky.ID(a.tile, int(a.row), int(a.col)) }

func (a object) compare(b object) int {
	return cmp.Or(cmp.Compare(a.id, b.id), a.subTile().Compare(b.subTile()))
}

// mix spreads ids, which are positions on the sky, evenly over the passes (the
// finalizer of SplitMix64).
func mix(id int64) uint64 {
	z := uint64(id)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// snapshot is the shear table's current one, 0 where there is none.
func snapshot(ctx context.Context, c *tables.Catalog) (int64, error) {
	t, exists, err := c.Load(c.With(ctx), c.ShearTable(), nil)
	if err != nil || !exists || t.CurrentSnapshot() == nil {
		return 0, err
	}
	return t.CurrentSnapshot().SnapshotID, nil
}
