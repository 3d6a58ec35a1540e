package assemble

import (
	"fmt"
	"slices"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// inputs sums up what a run was without of what there is.
func inputs(r *survey.Run) catalog.Inputs {
	in := catalog.Inputs{Release: r.Release, Missing: r.Missing, Tiles: r.Listed.LeftOut}
	for _, t := range r.Tiles {
		in.Outside += t.Outside
		in.Duplicates += t.Duplicates
		in.Unplaced += t.Unplaced
	}
	return in
}

// doubts are the reasons against tiles whose catalogues lie elsewhere than the
// tiles themselves: more of their own sources outside the grid than a fraction, or
// all of them; and against catalogues without any.
func doubts(r *survey.Run, th settings.Thresholds) (reasons []string) {
	var elsewhere, beyond, empty []string
	for i := range r.Tiles {
		t := &r.Tiles[i]
		inside := t.Inside()
		switch own := inside + t.Outside; {
		case t.Failure != "":
		case inside == 0 && (t.Outside > 0 || t.Unplaced > 0):
			elsewhere = append(elsewhere, fmt.Sprintf("tile %d (%s)", t.TileID, t.Rows))
		case own == 0 && th.MaxOutsideFraction < 1:
			empty = append(empty, fmt.Sprintf("tile %d", t.TileID))
		case settings.Above(t.Outside, own, th.MaxOutsideFraction):
			beyond = append(beyond, fmt.Sprintf("tile %d, %d of %d", t.TileID, t.Outside, own))
		}
	}
	if len(elsewhere) > 0 {
		reasons = append(reasons, fmt.Sprintf("none of its catalogue's sources lies in the grid of %s: is it this tile's, and is the tile where it is said to be?", few(elsewhere)))
	}
	if len(beyond) > 0 {
		reasons = append(reasons, fmt.Sprintf("more than a fraction of %g of the own sources (validation.max_outside_fraction) lie outside the grid of %s", th.MaxOutsideFraction, few(beyond)))
	}
	if len(empty) > 0 {
		reasons = append(reasons, fmt.Sprintf("the catalogue of %s has no source at all: is it whole? (validation.max_outside_fraction: 1 lets that pass)", few(empty)))
	}
	return slices.Clip(reasons)
}

// few shows the first few of many.
func few(all []string) string {
	const shown = 3
	text := ""
	for i, s := range all {
		switch {
		case i == shown:
			return fmt.Sprintf("%s and %d more", text, len(all)-shown)
		case i > 0:
			text += "; "
		}
		text += s
	}
	return text
}
