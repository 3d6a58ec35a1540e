package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// RunFile is the name of a run's record, beside its tile directories.
const RunFile = "run.json"

// Run says, for each tile and sub-tile that was planned, where its products
// lie and how it ended.
type Run struct {
	RunID    string    `json:"run_id"`
	ConfigID string    `json:"config_id"`
	Tiles    []RunTile `json:"tiles"`
}

// RunTile is one tile of a run.
type RunTile struct {
	TileID   int64        `json:"tile_id"`
	Failure  string       `json:"failure,omitempty"`  // why the tile could not be prepared
	LeftOut  []string     `json:"left_out,omitempty"` // exposures that could not be used, and why
	SubTiles []RunSubTile `json:"sub_tiles"`
}

// RunSubTile is one sub-tile of a run: its centre in degrees, and its outcome.
type RunSubTile struct {
	RA  float64 `json:"ra"`
	Dec float64 `json:"dec"`
	results.Outcome
}

// Counts sums the sub-tiles by status.
func (r *Run) Counts() map[string]int {
	counts := map[string]int{}
	for _, t := range r.Tiles {
		for _, s := range t.SubTiles {
			counts[s.Status]++
		}
	}
	return counts
}

// lost is the reason of a sub-tile whose inference left nothing behind.
const lost = "inference ended without a result: see the execution's infer-subtile node"

// Add joins what was prepared for a tile with what inference said about its
// sub-tiles. An outcome that is nil was lost with its pod.
func (r *Run) Add(p *survey.Prepared, outcomes []*results.Outcome) {
	t := RunTile{TileID: p.TileID, Failure: p.Failure}
	for _, l := range p.LeftOut {
		t.LeftOut = append(t.LeftOut, l.String())
	}
	for i, s := range p.SubTiles {
		o := results.Outcome{TileID: p.TileID, Row: s.Row, Col: s.Col, Status: results.Failed, Reason: lost, Directory: s.Directory}
		switch {
		case i < len(outcomes) && outcomes[i] != nil:
			o = *outcomes[i]
		case p.Failure != "":
			o.Reason = p.Failure
		}
		t.SubTiles = append(t.SubTiles, RunSubTile{s.RA, s.Dec, o})
	}
	r.Tiles = append(r.Tiles, t)
}

// Plan is what the run set out to measure.
func (r *Run) Plan() catalog.Plan { return plan(r.ConfigID, r.Tiles) }

func plan(configID string, tiles []RunTile) catalog.Plan {
	p := catalog.Plan{ConfigID: configID}
	for _, t := range tiles {
		for _, s := range t.SubTiles {
			p.SubTiles = append(p.SubTiles, catalog.SubTile{TileID: t.TileID, Row: s.Row, Col: s.Col, RA: s.RA, Dec: s.Dec})
		}
	}
	return p
}

func outcomes(tiles []RunTile) []results.Outcome {
	var out []results.Outcome
	for _, t := range tiles {
		for _, s := range t.SubTiles {
			out = append(out, s.Outcome)
		}
	}
	return out
}

// fail replaces the outcomes of sub-tiles whose results can't be used.
func fail(tiles []RunTile, lost []results.Outcome) {
	for _, o := range lost {
		for _, t := range tiles {
			for i, s := range t.SubTiles {
				if s.TileID == o.TileID && s.Row == o.Row && s.Col == o.Col {
					t.SubTiles[i].Outcome = o
				}
			}
		}
	}
}

// Judge turns a validation that found fault into the error that ends the run,
// with the first reasons that sub-tiles failed for. A catalogue may be whole
// although the run was not, where earlier rows were kept: the run's own
// failures are weighed too.
func (r *Run) Judge(v *catalog.Report, maxFailedFraction float64) error {
	reasons := slices.Clone(v.Reasons)
	counts, total := r.Counts(), 0
	for _, n := range counts {
		total += n
	}
	if n := counts[results.Failed]; v.OK && float64(n) > maxFailedFraction*float64(total) {
		reasons = append(reasons, fmt.Sprintf("%d of %d sub-tiles failed in this run, a fraction of at most %g is allowed; the catalogue keeps what it had", n, total, maxFailedFraction))
	}
	if len(reasons) == 0 {
		return nil
	}
	const shown = 3
	named := map[string]bool{}
	for _, t := range r.Tiles {
		for _, s := range t.SubTiles {
			if s.Status == results.Failed && len(named) < shown && !named[s.Reason] {
				named[s.Reason] = true
				reasons = append(reasons, fmt.Sprintf("tile %d, sub-tile %d_%d failed: %s", t.TileID, s.Row, s.Col, s.Reason))
			}
		}
	}
	return fault.Data("ValidationFailed", "the catalogue breaks its thresholds: %s", strings.Join(reasons, "; ")).
		Fix("mend the causes and run again, or change the thresholds of the section validation")
}
