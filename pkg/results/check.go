package results

import (
	"math"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/settings"
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
	return NewCore(m.ID(), sky.Coord{RA: m.Centre[0], Dec: m.Centre[1]}, m.Core, m.CorePolygon).Check(&shear[0], tableOf(sources), 0)
}

// Core is what the results of a sub-tile are held to.
type Core struct {
	id     sky.SubTileID
	centre sky.Coord // zero in manifests of old
	ids    []int64   // of the sources that may be reported
	area   area

	sorted []int64
	seen   []bool // of sorted
}

// NewCore is that of a sub-tile with these core sources and exact corners.
func NewCore(id sky.SubTileID, centre sky.Coord, ids []int64, corners [][2]float64) *Core {
	return &Core{id: id, centre: centre, ids: ids, area: newArea(corners)}
}

// Check holds a sub-tile's shear row and its sources, which are a table's from one
// on, to the sub-tile. Without a table nobody says that there are sources. The error
// names the file, the column and the row.
func (c *Core) Check(s *Shear, sources *columnar.Table, from int) error {
	if err := c.checkShear(s); err != nil || sources == nil {
		return err
	}
	if err := c.checkSources(sources, from); err != nil {
		return err
	}
	if s.Status != survey.StatusOK {
		return nil
	}
	if int(s.NSources) > len(c.ids) {
		return invalid(survey.ShearFile, "is %d, the sub-tile has %d core sources", s.NSources, len(c.ids)).At("column N_SOURCES, row 0")
	}
	used, bits := 0, rejecting(s.Method)
	for _, flags := range sources.Columns[sourceFlags].Int32[from:] {
		if flags&bits == 0 {
			used++
		}
	}
	if used != int(s.NSources) {
		return invalid(survey.ShearFile, "is %d, %d of the %d rows of %s have no flag that keeps them out", s.NSources, used, sources.Rows-from, survey.SourcesFile).
			At("column N_SOURCES, row 0").Fix("the engine must flag the sources that it doesn't measure the shear from")
	}
	return nil
}

// rejecting are the bits of FLAGS that keep a source out of the shear: all of
// them, but for those that engines have for people to know.
func rejecting(method string) int32 {
	switch {
	case method == string(settings.EngineReference):
		return ReferenceRejects
	case slices.Contains(methods, method):
		return ^shineInforms
	}
	return -1
}

const (
	// ReferenceRejects are the bits of FLAGS that keep a source out of the reference engine's shear.
	ReferenceRejects = 1<<8 - 1
	// shineInforms is the one that says that a source was fitted together with a neighbour.
	shineInforms int32 = 1
)

func (c *Core) checkShear(s *Shear) error {
	if err := checkRow(c.id, s); err != nil {
		return err
	}
	if c.centre != (sky.Coord{}) {
		if err := CheckCentre(*s, c.centre); err != nil {
			return err
		}
	}
	switch s.Status {
	case survey.StatusOK:
		if s.G1 == nil || s.G2 == nil {
			return invalid(survey.ShearFile, "G1 or G2 is null where STATUS is %s", survey.StatusOK).At("row 0")
		}
		if g := math.Hypot(float64(*s.G1), float64(*s.G2)); g >= 1 {
			return invalid(survey.ShearFile, "a reduced shear of %g is none: it is below 1", g).At("columns G1 and G2, row 0")
		}
		if s.Method == "" {
			return invalid(survey.ShearFile, "METHOD is null where STATUS is %s", survey.StatusOK).At("row 0")
		}
	case survey.StatusNoSources, survey.StatusNoExposures, survey.StatusFailed:
		for _, v := range []*float32{s.G1, s.G2, s.G1Err, s.G2Err} {
			if v != nil {
				return invalid(survey.ShearFile, "there is a shear measurement where STATUS is %s", s.Status).At("row 0")
			}
		}
	default:
		return invalid(survey.ShearFile, "STATUS is %q", s.Status).At("row 0").Fix("one of %s, %s, %s, %s", survey.StatusOK, survey.StatusNoSources, survey.StatusNoExposures, survey.StatusFailed)
	}
	return nil
}

// checkRow holds the one row of shear to its sub-tile, and its numbers to what they may be.
func checkRow(id sky.SubTileID, s *Shear) error {
	at := func(column, format string, a ...any) error {
		return invalid(survey.ShearFile, format, a...).At("column %s, row 0", column)
	}
	for _, c := range ShearColumns() {
		switch p := c.Ref(s).(type) {
		case *int64:
			if *p != id.TileID {
				return at(c.Name, "is %d, the manifest says %d", *p, id.TileID)
			}
		case *int32:
			if want, is := map[string]int{"SUBTILE_ROW": id.Row, "SUBTILE_COL": id.Col}[c.Name]; is && int(*p) != want {
				return at(c.Name, "is %d, the manifest says %d", *p, want)
			}
			if *p < 0 {
				return at(c.Name, "is negative: %d", *p)
			}
		case *float64:
			if why := absurd(c.Name, *p); why != "" {
				return at(c.Name, "%s: %g", why, *p)
			}
		case **float32:
			if *p == nil {
				continue
			}
			if why := absurd(c.Name, float64(**p)); why != "" {
				return at(c.Name, "%s: %g", why, **p)
			}
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
	case strings.HasSuffix(column, "_ERR") && v <= 0:
		return "is not positive"
	}
	return ""
}

func invalid(name, format string, a ...any) *fault.Error {
	return fault.Data(CodeInvalid, format, a...).On(name)
}
