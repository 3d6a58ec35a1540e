package extract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Checkpoint remembers values between attempts at the same job.
type Checkpoint interface {
	Load(ctx context.Context, name string, into any) (found bool, err error)
	Save(ctx context.Context, name string, value any) error
}

// transferred is what one source file left: its products, by URI.
type transferred struct {
	Products map[string]recorded `json:"products"`
}

// recorded is one of them.
type recorded struct {
	manifest.Product
	ETag string `json:"etag,omitempty"` // of the object that was written
}

// checkpoint is the name of a transfer's record: it is of these very files.
func (t *transfer) checkpoint() string {
	named := t.file.URI + "\n" + t.file.ETag
	for _, f := range t.files[1:] {
		named += "\n" + f.URI + "\n" + f.ETag
	}
	sum := sha256.Sum256([]byte(named))
	return "copied-" + hex.EncodeToString(sum[:8]) + ".json"
}

// resume takes over what an earlier attempt made of a source file, if that is
// all that is wanted of it and lies where it was left.
func (job Job) resume(ctx context.Context, t *transfer) (bool, error) {
	if job.Progress == nil {
		return false, nil
	}
	var earlier transferred
	found, err := job.Progress.Load(ctx, t.checkpoint(), &earlier)
	if err != nil || !found || len(earlier.Products) != len(t.products) {
		return false, err
	}
	for _, p := range t.products {
		was, ok := earlier.Products[p.uri]
		if !ok || was.Path != p.path {
			return false, nil
		}
		info, err := job.Dest.Stat(ctx, p.uri)
		if objstore.IsNotFound(err) || err == nil && (info.Size != was.Size || info.ETag != was.ETag) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	for _, p := range t.products {
		p.done = earlier.Products[p.uri].Product
		t.resumed += p.done.Size
	}
	return true, nil
}

// remember records what was made of a source file.
func (job Job) remember(ctx context.Context, t *transfer) error {
	if job.Progress == nil {
		return nil
	}
	made := transferred{map[string]recorded{}}
	for _, p := range t.products {
		if p.etag == "" {
			info, err := job.Dest.Stat(ctx, p.uri)
			if err != nil {
				return err
			}
			p.etag = info.ETag
		}
		made.Products[p.uri] = recorded{p.done, p.etag}
	}
	return job.Progress.Save(ctx, t.checkpoint(), made)
}
