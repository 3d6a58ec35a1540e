package survey

import (
	"context"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// File is a result file as it was written.
type File struct {
	URI    string `json:"uri"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	// ETag is that of the object that had this checksum, where it was listed: one
	// that still has it needs no reading.
	ETag string `json:"etag,omitempty"`
}

// Outcome is what inference says about one sub-tile: what became of it, why,
// and where its results lie. A failed sub-tile has an outcome and no files.
type Outcome struct {
	sky.SubTileID
	Status    string `json:"status"`
	Reason    string `json:"reason,omitempty"`
	Directory string `json:"directory"` // the sub-tile's, not its results directory
	Shear     File   `json:"shear,omitzero"`
	Sources   File   `json:"sources,omitzero"`

	// What was inferred, and how: the key of what the directory was made from, and
	// the configuration. A run's record has them once, and not here.
	Plan     string `json:"plan,omitempty"`
	ConfigID string `json:"config_id,omitempty"`
	// Redo is set where the directory or the results are not what they were said to
	// be: the tile has to be made again, or the next run would find the same.
	Redo bool `json:"-"`
}

// Failure is what [FailureFile] says.
type Failure struct {
	Run      string `json:"run"`                 // that failed
	ConfigID string `json:"config_id,omitempty"` // under which it was inferred
	Outcome
}

// SaveFailure writes a failure into a directory.
func SaveFailure(ctx context.Context, w objstore.Writer, directory string, f Failure) error {
	return Save(ctx, w, objstore.Join(directory, FailureFile), f)
}

// LoadFailure reads how a run's inference failed in a directory under a
// configuration; nil where nothing says that it did, or another run's or
// configuration's failure is what stands there. An empty run is whichever.
func LoadFailure(ctx context.Context, r objstore.Reader, directory, run, configID string) (*Outcome, error) {
	f, err := Load[Failure](ctx, r, objstore.Join(directory, FailureFile))
	switch {
	case objstore.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case run != "" && f.Run != run, f.ConfigID != "" && f.ConfigID != configID:
		return nil, nil
	}
	return &f.Outcome, nil
}
