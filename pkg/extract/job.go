package extract

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Job is the preparation of one tile.
type Job struct {
	Tile     sky.Tile
	SubTiles []sky.SubTile

	Exposures []euclid.Exposure // the files of the quadrants' exposures, in any order
	Quadrants []euclid.Quadrant // candidates; which sub-tiles they overlap is decided here

	Catalogs   []euclid.File // the tile's own
	Neighbours []euclid.File // of the tiles around it

	Source objstore.Reader
	Dest   objstore.Store
	Dir    string // the tile's directory: {base}/{run}/{tile}

	LowerCase  bool   // write the catalogue's column names in lower case
	ConfigID   string // what can change a result, as one word
	Provenance manifest.Provenance
	Copy       settings.Copy // how HDUs come to the products: streamed where it is empty
	// MaxLost is how many exposures may be left out because one of their files turns
	// out to be unusable while it is copied.
	MaxLost int
	// Unverified has HDUs used that don't match their checksums; the report names them.
	Unverified bool
	// Progress remembers which source files are copied, so that an attempt after
	// one that was stopped copies the others only. Nil: nothing is remembered.
	Progress Checkpoint
	// Workers is how many source files are copied at a time at most, 3 where it
	// is not positive; three times as many to a directory. Fewer are where more
	// make nothing faster.
	Workers int

	unpacked *euclid.Unpacked // the source, with gzipped PSFs as what they hold
}

const usualWorkers = 3

// Tile prepares all sub-tiles of a tile and reports what it did. Every sub-tile
// gets its manifests, also one without quadrants or sources. On failure, none of
// them is marked complete that wasn't complete before with the same inputs.
func Tile(ctx context.Context, job Job) (*survey.TileReport, error) {
	if job.Workers <= 0 {
		job.Workers = usualWorkers
	}
	switch job.Copy {
	case "":
		job.Copy = settings.CopyStream
	case settings.CopyStream, settings.CopyServer, settings.CopyAuto:
	default:
		return nil, fault.Input("CopyInvalid", "no way to copy is called %q", job.Copy).Fix("use stream, server or auto")
	}
	report, err := job.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare tile %d: %w", job.Tile.ID, err)
	}
	return report, nil
}

func (job Job) run(ctx context.Context) (*survey.TileReport, error) {
	if len(job.Catalogs) == 0 {
		return nil, fault.Input("CatalogMissing", "tile %d has no MER catalogue", job.Tile.ID).
			Fix("check data.catalog_base_uri, or leave the tile out")
	}
	var err error
	if job.unpacked, job.Exposures, err = euclid.Unpack(ctx, job.Source, job.Exposures); err != nil {
		return nil, err
	}
	defer job.unpacked.Close()
	p, err := job.plan()
	if err != nil {
		return nil, err
	}
	if err := job.each(ctx, p.directories, job.reopen); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return job.selectSources(gctx, p) })
	link := newGate(job.transfersAtOnce())
	p.losses = newLosses(gctx, p.transfers, job.MaxLost)
	for i, t := range p.transfers {
		t.moved = &link.moved
		g.Go(func() error {
			ctx := p.losses.transfers[i].ctx
			leave, err := link.enter(ctx)
			if err != nil {
				return p.losses.ended(i, err)
			}
			defer leave()
			return p.losses.ended(i, job.copy(ctx, &p.copies, t))
		})
	}
	if err := cmp.Or(g.Wait(), p.losses.tooMany()); err != nil {
		return nil, err
	}
	if err := job.leaveOut(ctx, p); err != nil {
		return nil, err
	}
	if err := job.each(ctx, p.directories, job.describe); err != nil {
		return nil, err
	}
	return p.report(job.Tile.ID), nil
}

// transfersAtOnce bounds the source files that are copied at a time. What bounds
// it is memory: products on their way to an object store hold a part each, files
// hold nothing.
func (job Job) transfersAtOnce() int {
	if !strings.Contains(job.Dir, "://") || strings.HasPrefix(job.Dir, "file://") {
		return 3 * job.Workers
	}
	return job.Workers
}

// each works on all directories, some at a time.
func (job Job) each(ctx context.Context, ds []*directory, work func(context.Context, *directory) error) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(job.Workers)
	for _, d := range ds {
		g.Go(func() error { return work(gctx, d) })
	}
	return g.Wait()
}
