package catalog

import (
	"context"
	"slices"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

// SubTile is a planned sub-tile; RA and Dec are its centre's, in degrees.
type SubTile struct {
	TileID int64   `json:"tile_id"`
	Row    int     `json:"row"`
	Col    int     `json:"col"`
	RA     float64 `json:"ra"`
	Dec    float64 `json:"dec"`
}

// Plan is what a run set out to measure, under one configuration.
type Plan struct {
	ConfigID string    `json:"config_id"`
	SubTiles []SubTile `json:"sub_tiles"`
}

// Split divides a plan into plans of at most n whole tiles, in the order of
// their ids. A commit holds an open file for each of its tiles, and each
// commit makes a snapshot: some tens of tiles are a good measure of both.
func (p Plan) Split(n int) []Plan {
	byTile := make(map[int64][]SubTile)
	for _, s := range p.SubTiles {
		byTile[s.TileID] = append(byTile[s.TileID], s)
	}
	var parts []Plan
	for ids := range slices.Chunk(p.tiles(), n) {
		part := Plan{ConfigID: p.ConfigID}
		for _, id := range ids {
			part.SubTiles = append(part.SubTiles, byTile[id]...)
		}
		parts = append(parts, part)
	}
	return parts
}

type key struct {
	tile     int64
	row, col int
}

// Gather makes the batch of a plan's tiles from what inference left. Every
// planned sub-tile gets a shear row: one without an outcome, or with a failed
// one, a row that says so. Source files are read when the batch is committed,
// one after the other. A file that is missing, corrupt or another sub-tile's
// is an error that names it.
func Gather(ctx context.Context, r objstore.Reader, runID string, plan Plan, outcomes []results.Outcome) (Batch, error) {
	found := make(map[key]results.Outcome, len(outcomes))
	for _, o := range outcomes {
		k := key{o.TileID, o.Row, o.Col}
		if _, twice := found[k]; twice {
			return Batch{}, fault.Data(CodeBatch, "two outcomes of one sub-tile").At("tile %d, sub-tile %d_%d", k.tile, k.row, k.col)
		}
		found[k] = o
	}
	b := Batch{RunID: runID, ConfigID: plan.ConfigID}
	var files []results.Outcome
	for _, s := range plan.SubTiles {
		b.Tiles = append(b.Tiles, s.TileID)
		o, ok := found[key{s.TileID, s.Row, s.Col}]
		if !ok || o.Status == results.Failed || o.Shear.URI == "" {
			b.Shear = append(b.Shear, s.without(o.Status))
			continue
		}
		rows, err := results.LoadShear(ctx, r, o.Shear)
		if err != nil {
			return Batch{}, err
		}
		if len(rows) != 1 || !s.is(rows[0].TileID, rows[0].Row, rows[0].Col) {
			return Batch{}, fault.Data(CodeBatch, "it must hold the one row of its sub-tile").On(o.Shear.URI)
		}
		b.Shear = append(b.Shear, rows[0])
		if o.Sources.URI != "" {
			files = append(files, o)
		}
	}
	b.Sources = func(yield func([]results.Source, error) bool) {
		for _, o := range files {
			rows, err := results.LoadSources(ctx, r, o.Sources)
			for i, s := range rows {
				if !(SubTile{TileID: o.TileID, Row: o.Row, Col: o.Col}).is(s.TileID, s.Row, s.Col) {
					err = fault.Data(CodeBatch, "a source of another sub-tile").On(o.Sources.URI).At("row %d", i)
					break
				}
			}
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}
	return b, nil
}

func (s SubTile) is(tile int64, row, col int32) bool {
	return s.TileID == tile && s.Row == int(row) && s.Col == int(col)
}

// without is the shear row of a sub-tile that was not measured.
func (s SubTile) without(status string) results.Shear {
	if status == "" || status == results.OK {
		status = results.Failed
	}
	return results.Shear{TileID: s.TileID, Row: int32(s.Row), Col: int32(s.Col), RA: s.RA, Dec: s.Dec, Status: status}
}
