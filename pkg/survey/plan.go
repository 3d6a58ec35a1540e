package survey

import (
	"context"
	"fmt"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Plan is every exposure of the survey with its files, cut into the batches
// that are read at once.
type Plan struct {
	euclid.Observations
	// PerBatch is how many exposures, in the order of the ids, make a batch.
	PerBatch int `json:"per_batch"`
}

// NewPlan lists the VIS files below base.
func NewPlan(ctx context.Context, l objstore.Lister, base, exposures string, perBatch int) (*Plan, error) {
	o, err := euclid.IndexExposures(ctx, l, base, exposures)
	if err != nil {
		return nil, err
	}
	return &Plan{Observations: *o, PerBatch: max(1, perBatch)}, nil
}

// Batches is the number of batches.
func (p *Plan) Batches() int { return (len(p.Exposures) + p.PerBatch - 1) / p.PerBatch }

// Batch returns the exposures of one batch.
func (p *Plan) Batch(i int) ([]euclid.Exposure, error) {
	if i < 0 || i >= p.Batches() {
		return nil, fault.Input("UnknownBatch", "there is no batch %d", i).Fix("use 0 to %d", p.Batches()-1)
	}
	first := i * p.PerBatch
	return p.Exposures[first:min(first+p.PerBatch, len(p.Exposures))], nil
}

// Indices counts the batches, for maps that run over them.
func (p *Plan) Indices() []int64 { return counted(p.Batches()) }

// Tiles are the tiles to process and the neighbours whose catalogues reach into their margins.
type Tiles struct {
	Wanted []int64          `json:"wanted"`
	Tiles  []euclid.MERTile `json:"tiles"` // by id; neighbours included
}

// Find returns a tile.
func (t *Tiles) Find(id int64) (euclid.MERTile, error) {
	for _, tile := range t.Tiles {
		if tile.ID == id {
			return tile, nil
		}
	}
	return euclid.MERTile{}, fault.Input("UnknownTile", "tile %d is not in the plan", id)
}

// counted returns 0, 1, ... n-1.
func counted(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

// String says in one line what a plan holds.
func (p *Plan) String() string {
	return fmt.Sprintf("%d exposures in %d batches, %d incomplete, %d superseded files, %d unknown names",
		len(p.Exposures), p.Batches(), len(p.Incomplete), len(p.Superseded), p.Unknown)
}
