package prepare

import (
	"context"
	"errors"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/extract"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/gpu"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TileJob is one tile and what to cut it from.
type TileJob struct {
	Plan       *survey.TilePlan
	Near       []euclid.Quadrant // those of the plan
	Source     objstore.Reader
	Dest       objstore.Store
	RunURI     string          // tiles go below it
	Copy       settings.Copy   // as extract.Job has it
	MaxMissing config.Limit    // exposures that may be left out since their files can't be copied
	Verify     settings.Verify // what becomes of HDUs that don't match their checksums; empty: strict
	ConfigID   string
	Provenance manifest.Provenance
	Progress   extract.Checkpoint // may be nil
}

// Tile prepares one tile. What is wrong with the tile's own data is an outcome: the
// Failure says it. Anything else that goes wrong is an error.
func Tile(ctx context.Context, job TileJob) (*survey.Prepared, error) {
	p := job.Plan
	if err := p.Grid.Validate(); err != nil {
		return nil, err
	}
	key, err := p.Key()
	if err != nil {
		return nil, err
	}
	at := sky.Tile{ID: p.Tile.ID, Centre: p.Tile.Centre}
	request := extract.Job{
		Tile:       at,
		SubTiles:   p.Grid.SubTiles(at),
		Exposures:  p.Exposures,
		Quadrants:  job.Near,
		Catalogs:   p.Tile.Catalogs,
		Source:     job.Source,
		Dest:       markedStore(job.Dest),
		Dir:        survey.TileURI(job.RunURI, at.ID),
		LowerCase:  true,
		Copy:       job.Copy,
		Unverified: job.Verify == settings.VerifyWarn,
		ConfigID:   job.ConfigID,
		Provenance: job.Provenance,
		Progress:   job.Progress,
	}
	if job.MaxMissing != "" {
		if request.MaxLost, err = job.MaxMissing.Among(len(p.Exposures)); err != nil {
			return nil, fault.Input("ConfigInvalid", "data.max_missing: %w", err)
		}
	}
	for _, n := range p.Neighbours {
		request.Neighbours = append(request.Neighbours, n.Catalogs...)
	}
	request.Provenance.Plan, request.Provenance.Again = key, p.Again
	var report *survey.TileReport
	if why := p.Tile.Lacks; why != "" && len(p.Tile.Catalogs) == 0 {
		err = fault.Input("CatalogMissing", "tile %d has no MER catalogue that can be taken: %s", at.ID, why).
			Fix("mend that, set data.release to one that it has, or leave the tile out")
	} else {
		report, err = extract.Tile(ctx, request)
	}
	switch {
	case err == nil:
		estimate(report)
		return &survey.Prepared{TileReport: *report, Plan: key, Again: p.Again}, nil
	case ofTile(err):
		failed := failed(request, err)
		failed.Plan, failed.Again = key, p.Again
		return failed, nil
	}
	return nil, err
}

// estimate says how much memory inference of each sub-tile with work will take.
func estimate(r *survey.TileReport) {
	for i := range r.SubTiles {
		if s := &r.SubTiles[i]; s.Status == survey.StatusOK {
			s.Memory = gpu.Estimate(gpu.Load{
				Exposures: s.Exposures, Slots: s.Deepest, Width: euclid.QuadrantWidth, Height: euclid.QuadrantHeight, Sources: s.Sources,
			}).Total()
		}
	}
}

// ofTile says whether an error is about the tile's data, so that other
// tiles may well succeed. It is not where the products' store failed, or where
// the source refuses what it then refuses to all.
func ofTile(err error) bool {
	var theirs *destinationError
	return unusable(err) && !ofStore(err) && !errors.As(err, &theirs)
}

// failed lists all sub-tiles of a tile that could not be prepared.
func failed(job extract.Job, err error) *survey.Prepared {
	p := &survey.Prepared{Failure: err.Error()}
	p.TileID = job.Tile.ID
	for _, s := range job.SubTiles {
		p.SubTiles = append(p.SubTiles, survey.SubTile{
			Cell: s.Cell, RA: s.Centre().RA, Dec: s.Centre().Dec, Status: survey.StatusFailed, Directory: objstore.Join(job.Dir, s.Name()),
		})
	}
	return p
}
