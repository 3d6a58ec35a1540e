package shine

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// check reads the results in dir and holds them to the manifest.
func (j *Job) check(ctx context.Context, dir string, m *manifest.Manifest) (found Found, err error) {
	store := objstore.Open(ctx, objstore.Config{})
	shear, err := results.LoadShear(ctx, store, survey.File{URI: filepath.Join(dir, survey.ShearFile)})
	if err != nil {
		return Found{}, missing(err, survey.ShearFile)
	}
	found.Sources, err = results.LoadSources(ctx, store, survey.File{URI: filepath.Join(dir, survey.SourcesFile)})
	if err != nil {
		return Found{}, missing(err, survey.SourcesFile)
	}
	if err := results.Check(m, shear, found.Sources); err != nil {
		return Found{}, err
	}
	found.Shear = shear[0]
	if err := results.CheckMethod(found.Shear, results.Methods(j.Engine, j.Inference)); err != nil {
		return Found{}, err
	}
	reason, err := j.sign(dir, found.Shear, m.Plan)
	if err != nil {
		return Found{}, err
	}
	found.Diagnostics = readDiagnostics(filepath.Join(dir, DiagnosticsDirectory))
	found.Outcome = survey.Outcome{SubTileID: m.ID(), Status: found.Shear.Status, Directory: j.URI, Plan: m.Plan, ConfigID: j.ConfigID}
	if found.Shear.Status != survey.StatusOK {
		found.Outcome.Reason = cmp.Or(reason, "the engine says so")
	}
	return found, nil
}

// missing names a results file by its lasting name, and says so if the engine left none.
func missing(err error, file string) error {
	if objstore.IsNotFound(err) {
		return fault.Data(CodeNoResults, "inference succeeded and wrote no such file").On(file).Fix("does the command honour --output?")
	}
	var e *fault.Error
	if errors.As(err, &e) {
		e.Object = file
	}
	return err
}
