package survey

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// release is what stands under a configuration's id.
type release struct {
	Release string `json:"release"`
	By      string `json:"by"` // the run that settled it, for people
}

// HoldRelease returns the release of the MER products that runs of a
// configuration in one storage base hold to where it asks for the newest: the
// newest at the time of the first of them. It stands in a document in dir. Where
// that is another one than the newest that there is now, note says so, and why.
func HoldRelease(ctx context.Context, store objstore.Store, dir, configID, run, newest string) (counts, note string, err error) {
	uri := objstore.Join(dir, configID+".json")
	held, err := Load[release](ctx, store, uri)
	switch {
	case objstore.IsNotFound(err):
		if err := Save(ctx, store, uri, release{newest, run}); err != nil {
			return "", "", err
		}
		// Of two runs that begin at once the one that wrote last has settled it.
		if held, err = Load[release](ctx, store, uri); err != nil {
			return "", "", err
		}
	case err != nil:
		return "", "", err
	}
	if held.Release != "" && !settings.IsRelease(held.Release) {
		return "", "", fault.Data("DocumentInvalid", "%q is not a release", held.Release).On(uri).
			Fix("set data.release to the one that the campaign has been made of, or remove the document to settle it again")
	}
	if held.Release != newest {
		note = fmt.Sprintf("data.release is newest, and release %s counts, not %s: the run %q settled it for this configuration in %s (for another, set data.release, which makes another campaign)",
			cmp.Or(held.Release, "none"), cmp.Or(newest, "none"), held.By, uri)
	}
	return held.Release, note, nil
}
