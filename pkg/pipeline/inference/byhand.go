package inference

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

// ByHand is the request of somebody who names a sub-tile directory and nothing
// else: whose it is stands in its manifest, and the run that asks is the one that
// prepared it. Results go into the directory itself. Where the directory lies in a
// run's, its tile is marked as the stage would mark it, and the run must have been
// prepared from the data that the settings name; what it measured itself, under
// another configuration, stays.
func ByHand(ctx context.Context, r objstore.Reader, directory string, s pipeline.TileSettings) (Request, error) {
	text, err := objstore.ReadFile(ctx, r, objstore.Join(directory, survey.LocalManifestFile))
	if objstore.IsNotFound(err) {
		return Request{}, fault.Input(shine.CodeIncomplete, "the directory is not a complete sub-tile: it has no %s", survey.LocalManifestFile).On(directory).Fix("prepare the tile first")
	}
	if err != nil {
		return Request{}, err
	}
	m, err := manifest.Read(bytes.NewReader(text))
	if err != nil {
		return Request{}, fmt.Errorf("read %s: %w", objstore.Join(directory, survey.LocalManifestFile), err)
	}
	request := Request{SubTileID: m.ID(), Directory: directory, Made: m.Plan, Results: directory, Nothing: m.Nothing()}
	var made manifest.Provenance
	if text, err = objstore.ReadFile(ctx, r, objstore.Join(directory, survey.ProvenanceFile)); err == nil {
		err = bounds.Unmarshal(text, &made)
	}
	if err != nil && !objstore.IsNotFound(err) {
		return request, err
	}
	request.Run = made.Run
	run, ok := strings.CutSuffix(directory, "/"+survey.SubTileURI("", m.ID()))
	if !ok {
		return request, nil
	}
	base := strings.TrimSuffix(run, objstore.Base(run))
	request.Redo, request.Plan, request.Again = objstore.Join(base, survey.RedoDir, survey.RedoTiles), cmp.Or(m.Plan, made.Plan), made.Again
	id := s.Identity()
	if err := id.CheckData(ctx, r, run); err != nil {
		return request, err
	}
	return request, id.CheckResults(ctx, r, run, directory)
}
