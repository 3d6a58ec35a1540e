package assemble

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// CodeVerdict is the code of a run whose catalogue, or which itself, breaks the thresholds.
const CodeVerdict = "ValidationFailed"

// Plan is what a run set out to measure.
func Plan(r *survey.Run) catalog.Plan { return plan(r.ConfigID, r.Tiles) }

func plan(configID string, tiles []survey.RunTile) catalog.Plan {
	p := catalog.Plan{ConfigID: configID}
	for _, t := range tiles {
		for _, s := range t.SubTiles {
			p.SubTiles = append(p.SubTiles, catalog.SubTile{SubTileID: s.SubTileID, RA: s.RA, Dec: s.Dec})
		}
	}
	return p
}

// Hold validates the catalogue that settings name against a run's plan and the
// thresholds, and judges the run. Where the run is found wanting, the error says
// why and the report is there all the same.
func Hold(ctx context.Context, settings settings.Catalog, th settings.Thresholds, run *survey.Run) (*catalog.Report, error) {
	c, err := catalog.Reading(ctx, settings)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	report, err := c.Validate(ctx, Plan(run), th)
	if err != nil {
		return nil, err
	}
	report.Inputs = inputs(run)
	if !c.There() {
		report.Reasons = append([]string{fmt.Sprintf("there is no catalogue %s: output.catalog_uri, or else catalog_warehouse, says where it is", c.URI())}, report.Reasons...)
	}
	if why := doubts(run, th); len(why) > 0 {
		report.Reasons, report.OK = append(why, report.Reasons...), false
	}
	if len(run.Tiles) == 0 { // a campaign that found nothing left to do
		report.OK, report.Reasons = true, nil
	}
	return report, Judge(run, report, th.MaxFailedFraction)
}

// Judge turns a validation that found fault into the error that ends the run,
// with the first reasons that sub-tiles failed for. A catalogue may be whole
// although the run was not, where earlier rows were kept: the run's own
// failures are weighed too.
func Judge(r *survey.Run, v *catalog.Report, maxFailedFraction float64) error {
	reasons := slices.Clone(v.Reasons)
	counts, total := r.Counts(), 0
	for _, n := range counts {
		total += n
	}
	if n := counts[survey.StatusFailed]; v.OK && settings.Above(n, total, maxFailedFraction) {
		reasons = append(reasons, fmt.Sprintf("%d of %d sub-tiles failed in this run, a fraction of at most %g is allowed; the catalogue keeps what it had", n, total, maxFailedFraction))
	}
	if len(reasons) == 0 {
		return nil
	}
	const shown = 3
	named := map[string]bool{}
	for _, t := range r.Tiles {
		for _, s := range t.SubTiles {
			if s.Status == survey.StatusFailed && len(named) < shown && !named[s.Reason] {
				named[s.Reason] = true
				reasons = append(reasons, fmt.Sprintf("%s failed: %s", s.SubTileID, s.Reason))
			}
		}
	}
	return fault.Data(CodeVerdict, "the catalogue breaks its thresholds: %s", strings.Join(reasons, "; ")).
		Fix("mend the causes and start a new run, or change the thresholds of the section validation")
}
