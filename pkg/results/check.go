package results

import (
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Check holds the results of one sub-tile against its manifest: one shear row,
// all ids and the centre this sub-tile's, numbers finite, measurements there where the status
// is ok and absent where it is not, every reported source a core source and
// none reported twice. The error names the file, the column and the row.
func Check(m *manifest.Manifest, shear []Shear, sources []Source) error {
	if len(shear) != 1 {
		return invalid(survey.ShearFile, "has %d rows, a sub-tile has one", len(shear))
	}
	s := &shear[0]
	if err := checkRow(survey.ShearFile, 0, m, ShearColumns(), s); err != nil {
		return err
	}
	if m.Centre != [2]float64{} { // manifests of old had none
		if err := CheckCentre(*s, sky.Coord{RA: m.Centre[0], Dec: m.Centre[1]}); err != nil {
			return err
		}
	}
	switch s.Status {
	case survey.StatusOK:
		if s.G1 == nil || s.G2 == nil {
			return invalid(survey.ShearFile, "G1 or G2 is null where STATUS is %s", survey.StatusOK)
		}
		if g := math.Hypot(float64(*s.G1), float64(*s.G2)); g > 1 {
			return invalid(survey.ShearFile, "a reduced shear of %g is none: it is below 1", g).At("columns G1 and G2")
		}
		if s.Method == "" {
			return invalid(survey.ShearFile, "METHOD is null where STATUS is %s", survey.StatusOK)
		}
		if int(s.NSources) > len(m.Core) {
			return invalid(survey.ShearFile, "is %d, the sub-tile has %d core sources", s.NSources, len(m.Core)).At("column N_SOURCES")
		}
	case survey.StatusNoSources, survey.StatusNoExposures, survey.StatusFailed:
		for _, v := range []*float32{s.G1, s.G2, s.G1Err, s.G2Err} {
			if v != nil {
				return invalid(survey.ShearFile, "there is a shear measurement where STATUS is %s", s.Status)
			}
		}
	default:
		return invalid(survey.ShearFile, "STATUS is %q", s.Status).Fix("one of %s, %s, %s, %s", survey.StatusOK, survey.StatusNoSources, survey.StatusNoExposures, survey.StatusFailed)
	}
	return checkSources(m, sources)
}

func checkSources(m *manifest.Manifest, sources []Source) error {
	core := slices.Clone(m.Core)
	slices.Sort(core)
	seen := make([]bool, len(core))
	cols := SourceColumns()
	centre, reach := reachOf(m)
	for i := range sources {
		s := &sources[i]
		if err := checkRow(survey.SourcesFile, i, m, cols, s); err != nil {
			return err
		}
		at, ok := slices.BinarySearch(core, s.ObjectID)
		switch {
		case !ok:
			return invalid(survey.SourcesFile, "OBJECT_ID %d is not a core source of the sub-tile", s.ObjectID).At("row %d", i).
				Fix("report the sources of core_source_ids only")
		case seen[at]:
			return invalid(survey.SourcesFile, "OBJECT_ID %d is reported twice", s.ObjectID).At("row %d", i)
		case reach > 0 && sky.Separation(centre, sky.Coord{RA: s.RA, Dec: s.Dec}) > reach:
			return invalid(survey.SourcesFile, "OBJECT_ID %d is at (%.6f, %.6f) degrees, outside the sub-tile's core", s.ObjectID, s.RA, s.Dec).At("columns RA and DEC, row %d", i).
				Fix("report the positions of the MER catalogue")
		}
		seen[at] = true
	}
	return nil
}

// reachOf is a circle that holds the sub-tile's core, with the margin of a
// rounded number; 0 where the manifest is of old, and has no corners.
func reachOf(m *manifest.Manifest) (centre sky.Coord, reach float64) {
	centre = sky.Coord{RA: m.Centre[0], Dec: m.Centre[1]}
	for _, c := range m.CorePolygon {
		reach = max(reach, sky.Separation(centre, sky.Coord{RA: c[0], Dec: c[1]})+offCentre)
	}
	return centre, reach
}

// checkRow checks what holds for the rows of both files: the sub-tile's ids
// and finite numbers, errors not negative, positions on the sky.
func checkRow[T any](name string, i int, m *manifest.Manifest, cols []columnar.Column[T], row *T) error {
	ids := map[string]int64{"TILE_ID": m.TileID, "SUBTILE_ROW": int64(m.Row), "SUBTILE_COL": int64(m.Col)}
	for _, c := range cols {
		var v float64
		switch p := c.Ref(row).(type) {
		case *int64:
			if want, ok := ids[c.Name]; ok && *p != want {
				return invalid(name, "is %d, the manifest says %d", *p, want).At("column %s, row %d", c.Name, i)
			}
			continue
		case *int32:
			if want, ok := ids[c.Name]; ok && int64(*p) != want {
				return invalid(name, "is %d, the manifest says %d", *p, want).At("column %s, row %d", c.Name, i)
			}
			if *p < 0 && c.Name != "FLAGS" {
				return invalid(name, "is negative: %d", *p).At("column %s, row %d", c.Name, i)
			}
			continue
		case *float64:
			v = *p
		case **float32:
			if *p == nil {
				continue
			}
			v = float64(**p)
		default:
			continue
		}
		if reason := absurd(c.Name, v); reason != "" {
			return invalid(name, "%s: %g", reason, v).At("column %s, row %d", c.Name, i)
		}
	}
	return nil
}

// absurd says what is wrong with a number of a column, or nothing.
func absurd(column string, v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "is not finite"
	case column == "RA" && (v < 0 || v >= 360):
		return "is not in [0, 360) degrees"
	case column == "DEC" && math.Abs(v) > 90:
		return "is not in [-90, 90] degrees"
	case len(column) > 4 && column[len(column)-4:] == "_ERR" && v < 0:
		return "is negative"
	}
	return ""
}

func invalid(name, format string, a ...any) *fault.Error {
	return fault.Data(CodeInvalid, format, a...).On(name)
}
