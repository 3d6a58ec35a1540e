package prepare

import (
	"context"
	"errors"
	"strconv"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/extract"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// exposureReads bounds the source files of a tile that are read at once: to S3,
// each takes up to 40 MiB, and all that a task may take is 256 MiB.
const exposureReads = 3

// TileJob is one tile and what to cut it from.
type TileJob struct {
	TileID     int64
	Grid       sky.Grid
	Plan       *survey.Plan
	Tiles      *survey.Tiles
	Index      string // URI of the quadrant index's root document
	Source     objstore.Reader
	Dest       objstore.Store // holds the index too
	RunURI     string         // tiles go below it
	Copy       string         // as extract.Job has it
	ConfigID   string
	Provenance manifest.Provenance
}

// Tile prepares one tile. Trouble with the tile's own data is an outcome: the
// Failure says what it was. Trouble with anything else is an error.
func Tile(ctx context.Context, job TileJob) (*survey.Prepared, error) {
	if err := job.Grid.Validate(); err != nil {
		return nil, err
	}
	tile, err := job.Tiles.Find(job.TileID)
	if err != nil {
		return nil, err
	}
	near, err := job.quadrants(ctx, tile.Centre)
	if err != nil {
		return nil, err
	}
	at := sky.Tile{ID: tile.ID, Centre: tile.Centre}
	request := extract.Job{
		Tile:       at,
		SubTiles:   job.Grid.SubTiles(at),
		Exposures:  job.exposuresOf(near),
		Quadrants:  near,
		Catalogs:   tile.Catalogs,
		Neighbours: job.neighbours(at),
		Source:     job.Source,
		Dest:       markedStore(job.Dest),
		Dir:        objstore.Join(job.RunURI, strconv.FormatInt(tile.ID, 10)),
		LowerCase:  true,
		Copy:       job.Copy,
		ConfigID:   job.ConfigID,
		Provenance: job.Provenance,
		Workers:    exposureReads,
	}
	report, err := extract.Tile(ctx, request)
	switch {
	case err == nil:
		return &survey.Prepared{Report: *report}, nil
	case ownTrouble(err):
		return failed(request, err), nil
	}
	return nil, err
}

// ownTrouble says whether an error is about the tile's data, so that other
// tiles may well succeed. It is not where the products' store failed, or where
// the source refuses what it then refuses to all.
func ownTrouble(err error) bool {
	var theirs *destinationError
	return unusable(err) && !ofStore(err) && !errors.As(err, &theirs)
}

// failed lists all sub-tiles of a tile that could not be prepared.
func failed(job extract.Job, err error) *survey.Prepared {
	p := &survey.Prepared{Failure: err.Error()}
	p.TileID = job.Tile.ID
	for _, s := range job.SubTiles {
		p.SubTiles = append(p.SubTiles, extract.SubTile{
			Row: s.Row, Col: s.Col, RA: s.Centre().RA, Dec: s.Centre().Dec, Status: "failed", Directory: objstore.Join(job.Dir, s.Name()),
		})
	}
	return p
}

// quadrants asks the index for those that may touch the tile.
func (job TileJob) quadrants(ctx context.Context, centre sky.Coord) ([]euclid.Quadrant, error) {
	x, err := index.Open(ctx, job.Dest, job.Index)
	if err != nil {
		return nil, err
	}
	return x.Near(ctx, centre, job.Grid.Reach())
}

// exposuresOf returns the exposures that the quadrants are of.
func (job TileJob) exposuresOf(qs []euclid.Quadrant) []euclid.Exposure {
	wanted := map[euclid.ExposureID]bool{}
	for _, q := range qs {
		wanted[q.Exposure] = true
	}
	var out []euclid.Exposure
	for _, e := range job.Plan.Exposures {
		if wanted[e.ExposureID] {
			out = append(out, e)
		}
	}
	return out
}

// neighbours returns the catalogues whose sources may lie in the tile's margins.
func (job TileJob) neighbours(tile sky.Tile) []euclid.File {
	var out []euclid.File
	for _, t := range job.Tiles.Tiles {
		if t.ID != tile.ID && sky.Separation(t.Centre, tile.Centre) <= job.Grid.NeighbourRadius() {
			out = append(out, t.Catalogs...)
		}
	}
	return out
}
