package shine

import (
	"context"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/reference"
)

// reference runs the engine of package reference, in this process.
func (j *Job) reference(ctx context.Context, out string, m *manifest.Manifest) error {
	r, err := reference.Run(ctx, j.Dir, m, reference.Options{})
	if err != nil {
		return err
	}
	shear, sources := r.Rows()
	s := summary{Engine: EngineReference, ConfigID: j.ConfigID, Fit: &r.Summary}
	if r.N == 0 {
		s.Reason = "no core source is good enough to measure shear from"
	}
	return write(out, shear, sources, s)
}
