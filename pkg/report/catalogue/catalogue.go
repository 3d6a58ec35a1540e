// Package catalogue renders what assembly and validation found. It stands
// apart from package report because it links the table format.
package catalogue

import (
	"maps"
	"slices"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Run shows how the sub-tiles of a run ended and what was committed.
func Run(r *survey.Run, total assemble.Total) string {
	head := report.Table{}
	head.Add("run", r.RunID)
	head.Add("configuration", r.ConfigID)
	head.Add("snapshot", total.Snapshot)
	head.Add("rows of the shear table", total.ShearRows)
	head.Add("rows of the source table", total.SourceRows)
	head.Add("failed sub-tiles that keep earlier rows", total.Kept)
	counts := r.Counts()
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		head.Add("sub-tiles "+status, counts[status])
	}
	explained := report.Table{Header: []string{"tile", "sub-tile", "status", "reason"}}
	for _, t := range r.Tiles {
		for _, s := range t.SubTiles {
			if s.Reason != "" {
				explained.Add(t.TileID, s.Name(), s.Status, s.Reason)
			}
		}
	}
	if len(explained.Rows) == 0 {
		return head.HTML()
	}
	return head.HTML() + explained.HTML()
}

// Validation shows every figure of a verdict.
func Validation(v *catalog.Report) string {
	t := Verdict(v)
	for _, why := range v.Inputs.Missing {
		t.Add("an exposure is missing", why)
	}
	for _, why := range v.Inputs.Tiles {
		t.Add("a tile is left out", why)
	}
	return t.HTML()
}

// Verdict is a validation as a table.
func Verdict(v *catalog.Report) *report.Table {
	t := &report.Table{}
	t.Add("verdict", map[bool]string{true: "ok", false: "FAILED"}[v.OK])
	t.Add("sub-tiles planned", v.Planned)
	t.Add("in the catalogue", v.Present)
	for _, status := range slices.Sorted(maps.Keys(v.Statuses)) {
		t.Add("  "+status, v.Statuses[status])
	}
	t.Add("completeness", v.Completeness)
	t.Add("failed fraction", v.FailedFraction)
	t.Add("sources", v.Sources)
	t.Add("duplicate rows", v.Duplicates)
	t.Add("sources in two sub-tiles", v.Shared)
	t.Add("rows that are not finite", v.NotFinite)
	t.Add("unplanned rows", v.Unplanned)
	inputs(t, v.Inputs)
	for _, reason := range v.Reasons {
		t.Add("reason", reason)
	}
	return t
}

// inputs adds what the run was without, where there is something.
func inputs(t *report.Table, in catalog.Inputs) {
	if in.Release != "" {
		t.Add("release of the MER products", in.Release)
	}
	for _, c := range []struct {
		what string
		n    int
	}{
		{"lines about exposures that are missing", len(in.Missing)},
		{"tiles that can't be placed", len(in.Tiles)},
		{"own sources outside the grid", in.Outside},
		{"rows with an OBJECT_ID twice", in.Duplicates},
		{"rows without id or position", in.Unplaced},
	} {
		if c.n > 0 {
			t.Add(c.what, c.n)
		}
	}
}
