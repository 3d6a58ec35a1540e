package report

import (
	"fmt"
	"slices"

	"github.com/cosmostat/constellation/pkg/survey"
)

// Plan shows what the listing gave.
func Plan(p *survey.Plan, t *survey.Tiles) string {
	table := Table{}
	table.Add("exposures", p.Exposures)
	table.Add("batches", len(p.Batches))
	table.Add("tiles to process", len(t.Wanted))
	table.Add("neighbouring tiles", len(t.Tiles)-len(t.Wanted))
	table.Add("tiles left out", len(t.LeftOut))
	table.Add("products that exposures lack", p.Incomplete)
	table.Add("older deliveries, not used", p.Superseded)
	table.Add("exposures with DET combined and in three files, used once", p.Both)
	table.Add("files of a DET in three without the others", p.Stray)
	table.Add("short exposures left out", p.SkippedShort)
	table.Add("nominal exposures left out", p.SkippedNominal)
	table.Add("files with unknown names", p.Unknown)
	table.Add("files with names that are almost those of products", p.Near)
	table.Add("files named like products but for what follows .fits", p.Leftover)
	table.Add("exposures without a DET, BKG or PSF to read", p.Absent)
	table.Add("release of the MER products", t.Release)
	var incomplete []string
	for _, m := range p.IncompleteFirst {
		incomplete = append(incomplete, m.String())
	}
	return table.HTML() + list("Tiles left out", t.LeftOut) + list("Incomplete exposures, the first", incomplete) + list("Older deliveries, the first", p.SupersededFiles) + list("Unknown names, examples", p.UnknownExamples) +
		list("Files of a DET in three without the others, examples", p.StrayExamples) +
		list("Almost names of products, examples", p.NearExamples) +
		list("Like products, examples", p.LeftoverFirst) + list("Not taken of the MER products", t.Notes)
}

// Merged shows the quadrant index, and what it lacks: exposures, each with the
// reason, and quadrants without pixels.
func Merged(quadrants int, missing, empty []string) string {
	table := Table{}
	table.Add("quadrants", quadrants)
	return table.HTML() + list("Exposures that could not be read", missing) + list("Quadrants without pixels, left out", empty)
}

// Prepared shows what preparation left for a tile.
func Prepared(p *survey.Prepared) string {
	table := Table{Header: []string{"sub-tile", "status", "exposures", "quadrants", "sources", "core sources", "bytes", "core covered", "mean depth", "depth"}}
	for _, s := range p.SubTiles {
		covered, mean, depth := "", "", ""
		if c := s.Core; c != nil {
			covered, mean, depth = fmt.Sprintf("%.1f%%", 100*c.Fraction), fmt.Sprintf("%.2f", c.Mean), fmt.Sprintf("%d to %d", c.Min, c.Max)
		}
		table.Add(s.Name(), s.Status, s.Exposures, s.Quadrants, s.Sources, s.CoreSources, Bytes(s.Bytes), covered, mean, depth)
	}
	var left, without []string
	for _, l := range slices.Concat(p.LeftOut, p.Lost) {
		left = append(left, l.String())
	}
	for _, e := range p.WithoutWGT {
		without = append(without, e.String())
	}
	head := Table{}
	head.Add("tile", p.TileID)
	if p.Failure != "" {
		head.Add("failed", p.Failure)
	}
	head.Add("read from the sources", Bytes(p.PayloadBytes))
	head.Add("of the HDUs under the sub-tiles", Bytes(p.ReferencedBytes))
	head.Add("own sources outside the grid", p.OutsideGrid)
	head.Add("rows with an OBJECT_ID that an earlier row has", p.Duplicates)
	head.Add("rows without an id or a position", p.Unplaced)
	return head.HTML() + table.HTML() + list("Exposures left out", left) + list("Exposures without WGT", without) + list("HDUs used although they don't match their checksums", p.Unverified)
}
