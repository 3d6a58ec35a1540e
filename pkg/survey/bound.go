package survey

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Replaced is why products that a document names are not taken: in the meantime
// something else was made in their place.
const Replaced = "its directory no longer holds what it was made of: a run of that name made something else there"

// Remade ends the reasons of sub-tiles whose tile is marked.
const Remade = "; a new run, under another --run-id, makes the tile again"

// Bind holds the directories of a run's tiles to the keys of what they were made
// from. A sub-tile whose directory is gone, or holds something else by now,
// failed, and its tile is to be made again.
func (r *Run) Bind(ctx context.Context, store objstore.Reader) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentsAtOnce)
	for i := range r.Tiles {
		t := &r.Tiles[i]
		if t.Failure != "" || t.Plan == "" {
			continue // there is no directory, or nobody knows what it was made from
		}
		for j := range t.SubTiles {
			s := &t.SubTiles[j]
			if s.Status == StatusFailed {
				continue
			}
			g.Go(func() error {
				why, err := unbound(gctx, store, s.Directory, t.Plan)
				if err == nil && why != "" {
					s.lose(why + Remade)
				}
				return err
			})
		}
	}
	return g.Wait()
}

// lose makes an outcome that of a sub-tile whose tile has to be made again.
func (o *Outcome) lose(why string) {
	*o = Outcome{SubTileID: o.SubTileID, Status: StatusFailed, Reason: why, Directory: o.Directory, Redo: true}
}

// unbound says why a directory does not hold what was made from a plan, or nothing.
func unbound(ctx context.Context, r objstore.Reader, dir, plan string) (string, error) {
	made, err := Load[struct {
		Plan string `json:"plan"`
	}](ctx, r, objstore.Join(dir, ProvenanceFile))
	switch {
	case objstore.IsNotFound(err), fault.KindOf(err) == fault.BadData:
		return dir + ": the sub-tile's directory is gone or damaged: it has no " + ProvenanceFile, nil
	case err != nil:
		return "", err
	case made.Plan != plan:
		return dir + ": " + Replaced, nil
	}
	_, err = r.Stat(ctx, objstore.Join(dir, LocalManifestFile)) // taken away while something else is made
	if objstore.IsNotFound(err) {
		return dir + ": the sub-tile's directory is not complete any more: it has no " + LocalManifestFile, nil
	}
	return "", err
}
