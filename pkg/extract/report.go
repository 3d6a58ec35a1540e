package extract

import (
	"slices"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/survey"
)

func (p *plan) report(tile int64) *survey.TileReport {
	r := &survey.TileReport{
		TileID: tile, LeftOut: p.leftOut, WithoutWGT: p.withoutWGT,
		CatalogBytes: p.catalogs.bytes, OutsideGrid: p.catalogs.outside,
		Duplicates: p.catalogs.duplicates, Unplaced: p.catalogs.unplaced,
	}
	if err := p.copies.refused; err != nil {
		r.NotCopied = err.Error()
	}
	r.Lost = p.lost
	for _, t := range p.transfers {
		r.Unverified = append(r.Unverified, t.unverified...)
		r.CopiedBytes += t.copied
		r.ResumedBytes += t.resumed
		r.PayloadBytes += t.read
		r.HeaderBytes += t.headers
		for _, piece := range t.pieces {
			r.ReferencedBytes += piece.Length
		}
	}
	slices.Sort(r.Unverified)
	r.Unverified = slices.Compact(r.Unverified)
	for _, d := range p.directories {
		centre := d.sub.Centre()
		r.SubTiles = append(r.SubTiles, survey.SubTile{
			Cell: d.sub.Cell, RA: centre.RA, Dec: centre.Dec, Directory: d.uri, Manifest: d.manifest, Status: d.status(),
			Quadrants: len(d.quadrants), Exposures: len(d.exposures()), Deepest: d.deepest(),
			Sources: len(d.sources), CoreSources: len(d.core),
			Files: d.files, Bytes: d.bytes, Core: d.coverage, Extended: d.extended,
		})
	}
	return r
}

// deepest is the number of quadrants of the exposure that has the most.
func (d *directory) deepest() (most int) {
	n := map[euclid.ExposureID]int{}
	for _, u := range d.quadrants {
		n[u.Exposure]++
		most = max(most, n[u.Exposure])
	}
	return most
}

func (d *directory) status() string {
	switch {
	case len(d.quadrants) == 0:
		return survey.StatusNoExposures
	case len(d.core) == 0:
		return survey.StatusNoSources
	}
	return survey.StatusOK
}
