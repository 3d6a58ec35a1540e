package catalogue

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Tiles shows what came of each sub-tile: the console has no place for the
// reports of a map's elements, so their essentials stand here.
func Tiles(r *survey.Run, total assemble.Total) string {
	header := []string{"sub-tile", "element of infer-subtile", "status", "g1", "g2", "measured from", "core sources", "results", "reason"}
	return report.EachTile(r, header, func(s *survey.RunSubTile) []any {
		g1, g2, from, where := "", "", "", s.Directory
		row, read := total.Measured[s.SubTileID]
		switch {
		case s.Status != survey.StatusOK:
		case !read: // nothing has changed
			g1, g2, from, where = "as before", "as before", "as before", s.Shear.URI
		default:
			g1, g2, from = measured(row.G1, row.G1Err), measured(row.G2, row.G2Err), fmt.Sprintf("%d sources", row.NSources)
			where = s.Shear.URI
		}
		return []any{s.Name(), s.Element, s.Status, g1, g2, from, s.CoreSources, where, s.Reason}
	})
}

func measured(v, err *float32) string {
	switch {
	case v == nil:
		return "not measured"
	case err == nil:
		return fmt.Sprintf("%.5f", *v)
	}
	return fmt.Sprintf("%.5f ± %.5f", *v, *err)
}
